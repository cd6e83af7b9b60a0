"""Saved cohorts: data/cohorts/<name>.txt, committed. Who or what is in one, and the query that it came of.

A file has one id a line below a head of `# key: value`, so that a withdrawal takes a patient's lines and leaves the
rest. Running queries belongs into `tasks.export.catalog`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tasks.core.columns import OPTIONAL, TABLES
from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.files import write_text
from tasks.core.models import Frozen
from tasks.core.workspace import Workspace
from tasks.record.releases.versioning import commit_paths

if TYPE_CHECKING:
    import pandas as pd

Level = Literal["patient", "study", "series", "instance"]
COLUMN: dict[str, str] = {"patient": "patient", "study": "study", "series": "unit", "instance": "instance"}
"""The column of the tables that holds the ids of each level, coarsest first."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_ID = re.compile(r"[A-Za-z0-9._-]+")
_HEAD = "# sluice cohort"


class SavedCohort(Frozen):
    """A cohort. `content` and `release` say of which release it was made; `sql` is None where a withdrawal took it."""

    name: str
    by: Level
    ids: tuple[str, ...]
    content: str
    release: str | None = None
    sql: str | None = None

    @property
    def column(self) -> str:
        """The column that its ids are in."""
        return COLUMN[self.by]

    def rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of `frame` (which has the column) that are in the cohort."""
        return frame[frame[self.column].isin(self.ids)]


def check_name(name: str) -> str:
    """`name` if a cohort may have it: it is a file's and a table's."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError("a cohort's name has small letters, digits and _ and begins with a letter")
    if name in TABLES or name in OPTIONAL:
        raise ConfigurationError(f"{name} is a table of every release: give the cohort another name")
    return name


def save_cohort(workspace: Workspace, cohort: SavedCohort) -> Path:
    """Write the cohort, replacing one of its name, and commit it where the workspace has a repository."""
    place = _place(workspace, check_name(cohort.name))
    head = {"by": cohort.by, "content": cohort.content, "release": cohort.release, "sql": cohort.sql}
    lines = [_HEAD, *(f"# {key}: {json.dumps(value)}" for key, value in head.items() if value is not None)]
    write_text(place, "\n".join([*lines, *sorted(set(cohort.ids))]) + "\n")
    _commit(workspace, f"Save cohort {cohort.name}")
    return place


def read_cohort_file(place: Path) -> SavedCohort:
    """The cohort in a file, wherever it lies."""
    try:
        lines = place.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{place} cannot be read: check that it is a cohort's file") from None
    ids = tuple(sorted({line for line in lines if line and not line.startswith("#")}))
    try:
        pairs = (line[2:].split(": ", 1) for line in lines if line.startswith("# ") and ": " in line)
        head = {key: json.loads(value) for key, value in pairs}
        if _HEAD not in lines[:1] or not all(_ID.fullmatch(name) for name in ids):
            raise ValueError
        return SavedCohort.model_validate({"name": place.stem, "ids": ids, **head})
    except ValueError:
        raise ContractViolation(f"{place} is no cohort's file, or damaged: take it from git again") from None


def saved_cohorts(workspace: Workspace) -> dict[str, SavedCohort]:
    """All of a workspace by name."""
    places = sorted(place for place in workspace.cohorts.glob("*.txt") if _NAME.fullmatch(place.stem))
    return {place.stem: read_cohort_file(place) for place in places}


def find_cohort(workspace: Workspace, name: str) -> SavedCohort:
    """The cohort of this name; else an error that names the nearest."""
    place = _place(workspace, name)
    if _NAME.fullmatch(name) and place.is_file():
        return read_cohort_file(place)
    known = [path.stem for path in sorted(workspace.cohorts.glob("*.txt"))]
    raise ConfigurationError(f"no cohort {name}; {_hint(name, known)}")


def cohort_beside(dataset: Path, name: str) -> SavedCohort:
    """The cohort of this name in the workspace that `dataset` (its data/dataset/<name>) lies in."""
    place = dataset.resolve().parent.parent / "cohorts" / f"{name}.txt"
    if not _NAME.fullmatch(name) or not place.is_file():
        raise ConfigurationError(f"no cohort {name} beside this release: `sluice cohort list`, or give its file's path")
    return read_cohort_file(place)


def delete_cohort(workspace: Workspace, name: str) -> None:
    """Delete a cohort; git keeps its old versions."""
    find_cohort(workspace, name)
    _place(workspace, name).unlink()
    _commit(workspace, f"Delete cohort {name}")


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]}?"
    return f"there are {', '.join(names)}" if names else 'make one: `sluice cohort save NAME "SELECT …"`'


def _place(workspace: Workspace, name: str) -> Path:
    return workspace.cohorts / f"{name}.txt"


def _commit(workspace: Workspace, message: str) -> None:
    if (workspace.root / ".dvc").is_dir():
        commit_paths(workspace.root, [workspace.cohorts], message)
