"""Loading the curated tables and what they are checked against: the lock, the settings, the files.

No judgement here: `checks.py` derives the columns that say of each row whether it holds.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd

from tasks.core.tables import read_table
from tasks.core.workspace import Workspace
from tasks.validate.books import Books, read_books
from tasks.validate.suites import OPTIONAL, TABLES


@dataclass(frozen=True)
class Curated:
    """The curated tables by name, and what surrounds them."""

    frames: Mapping[str, pd.DataFrame]
    books: Books
    images: Path
    deidentified: Path
    shares: Mapping[str, float]
    label: str
    named: tuple[str, ...]
    locked: Mapping[str, str]
    today: date = field(default_factory=date.today)

    def column(self, table: str, name: str) -> pd.Series:
        """A column, or one of nulls where the table lacks it: the rule on the schema tells of that."""
        frame = self.frames[table]
        if name in frame.columns:
            return frame[name]
        return pd.Series(pd.NA, index=frame.index, dtype="string")

    def pairs(self, table: str, key: str, value: str) -> dict[str, str]:
        """Key -> value of two columns, without nulls."""
        both = pd.DataFrame({"key": self.column(table, key), "value": self.column(table, value)}).dropna()
        return dict(zip(both["key"], both["value"], strict=True))


def load(workspace: Workspace, curated: str) -> Curated:
    """The tables of data/curated, whose digest is `curated`, and the frames `cohort` and `release` beside them.

    Raises `ContractViolation` where a table is missing, `ConfigurationError` where the cohort is.
    """
    tables = {name: _read(workspace.curated / f"{name}.parquet") for name in TABLES}
    asked = {name: workspace.curated / f"{name}.parquet" for name in OPTIONAL}
    tables |= {name: _read(path) for name, path in asked.items() if path.is_file()}
    books = read_books(workspace, tables["instances"], curated)
    return Curated(
        frames=tables | {"cohort": books.cohort, "release": books.release},
        books=books,
        images=workspace.images,
        deidentified=workspace.deidentified,
        shares=workspace.settings.curate.splits,
        label=workspace.settings.curate.label,
        named=workspace.settings.deidentify.label_columns,
        locked=_read_lock(workspace.splits_lock),
    )


def holds(found: pd.Series) -> pd.Series:
    """`found` as plain bool; what is not known does not hold. Comparisons of strings and of numbers mix then."""
    return found.fillna(False).astype(bool)


def files_exist(curated: Curated) -> pd.Series:
    """For each row of instances, whether its PNG, or its member of a de-identified archive, is there."""
    members: dict[str, frozenset[str]] = {}
    found = []
    places = zip(curated.column("instances", "image_path"), curated.column("instances", "object_path"), strict=True)
    for image, member in places:
        if pd.notna(image):
            found.append((curated.images / str(image)).is_file())
        elif pd.notna(member):
            archive, _, name = str(member).partition("#")
            if archive not in members:
                members[archive] = _members(curated.deidentified / archive)
            found.append(name in members[archive])
        else:
            found.append(False)
    return pd.Series(found, index=curated.frames["instances"].index, dtype=bool)


def _members(archive: Path) -> frozenset[str]:
    try:
        with zipfile.ZipFile(archive) as content:
            return frozenset(content.namelist())
    except (OSError, zipfile.BadZipFile):
        return frozenset()


def _read(path: Path) -> pd.DataFrame:
    """A curated table; columns that are null everywhere become strings, for Parquet gives them no type."""
    frame = read_table(path, "curate")
    untyped = [name for name in frame.columns if frame[name].dtype == object]
    return frame.astype(dict.fromkeys(untyped, "string"))


def _read_lock(path: Path) -> dict[str, str]:
    """Patient -> split; empty where the lock is missing or damaged, so that the rule on it fails."""
    try:
        patients = json.loads(path.read_text(encoding="utf-8"))["patients"]
        return {str(patient): str(split) for patient, split in patients.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
