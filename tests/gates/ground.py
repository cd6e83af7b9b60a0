"""The good tables that defects are seeded into, and judging what was changed of them.

There are two grounds: tables that are made up, and those of a synthetic hospital that went through the stages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.core.distributions import describe
from tasks.core.models import Verdict, Verdicts
from tasks.core.settings import GateSettings
from tasks.core.workspace import Workspace
from tasks.curate.stage import curate
from tasks.validate.books import COUNTED
from tasks.validate.checks import with_checks
from tasks.validate.stage import stern
from tasks.validate.suites import TABLES, Suite, asked_for, read_suites
from tasks.validate.tables import Curated, load
from tests.support.books import write_judged
from tests.support.places import ROOT, make_workspace, with_params
from tests.support.tables import make_cohort, make_image, make_labels, make_object

PATIENTS = 24
SUITES = stern(read_suites(ROOT / "expectations"), GateSettings(below_k="block"))


@dataclass(frozen=True)
class Ground:
    """Good tables, compared with themselves as the last release. `k` is asked of them for k-anonymity."""

    curated: Curated
    k: int

    @cached_property
    def checked(self) -> dict[str, pd.DataFrame]:
        """The tables with their derived columns."""
        return with_checks(self.curated)

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """Every verdict on the good tables, by name."""
        return {verdict.name: verdict for verdict in judge_all(self.curated, self.k)}

    def fails_of(self, changed: Curated, k: int | None = None) -> tuple[str, ...]:
        """The rules that fail on `changed` and not on the good tables, sorted.

        A rule whose columns are as they were says what it said, so it is not asked again.
        """
        frames = with_checks(changed)
        same_parameters = (k or self.k) == self.k and changed.books.last == self.curated.books.last
        suites = [
            suite.model_copy(
                update={
                    "expectations": tuple(
                        rule
                        for rule in suite.expectations
                        if (not same_parameters and "$PARAMETER" in str(rule.kwargs))
                        or _is_touched(rule.kwargs, self.checked[suite.name], frames[suite.name])
                    )
                }
            )
            for suite in asked_for(SUITES, frames)
        ]
        found = _judge(tuple(suites), frames, changed, k or self.k)
        return tuple(sorted(one.name for one in found if not one.passed and self.verdicts[one.name].passed))


def judge_all(curated: Curated, k: int) -> list[Verdict]:
    """All rules over all tables."""
    frames = with_checks(curated)
    return _judge(asked_for(SUITES, frames), frames, curated, k)


def blocking(verdicts: list[Verdict]) -> tuple[str, ...]:
    """The names of the rules that stop a release."""
    return tuple(sorted(one.name for one in Verdicts(rules=tuple(verdicts)).blocking))


def made_up(place: Path, **changes: Any) -> Ground:
    """24 patients of two modalities with six slices each, labelled, with a structure set."""
    rows = [
        *make_cohort(PATIENTS, slices=6, modalities=("CT", "MR")),
        make_object(0, [make_image(0, 1)["instance"]]),
    ]
    labels = make_labels({number: int(number % 3 == 0) for number in range(PATIENTS)})
    return of_rows(place, rows, labels=labels, **changes)


def of_rows(place: Path, rows: list[dict[str, Any]], **given: Any) -> Ground:
    """The ground of tables as transform would leave them."""
    workspace = make_workspace(place)
    write_judged(workspace, rows, **given)
    curate(workspace)
    return of_workspace(workspace, k=1)


def of_hospital(place: Path, *, seed: int = 0, patients: int = 8) -> Ground:
    """The ground of a synthetic hospital that went through the stages, from a folder."""
    from tasks.deidentify.__main__ import run
    from tasks.extract.__main__ import extract
    from tasks.simulate.hospital import simulate
    from tasks.transform.stage import transform

    hospital = place / "hospital"
    simulate(hospital, seed=seed, patients=patients)
    workspace = with_params(
        make_workspace(place / "workspace"),
        extract={
            "source": "folder",
            "folder": os.fspath(hospital / "dicom"),
            "labels_csv": os.fspath(hospital / "labels.csv"),
            "ehr_csv": os.fspath(hospital / "ehr.csv"),
        },
    )
    extract(workspace)
    run(workspace)
    transform(workspace)
    curate(workspace)
    return of_workspace(workspace, k=1)


def of_workspace(workspace: Workspace, k: int) -> Ground:
    """The ground of a workspace's curated tables, with their own distributions as those of the last release."""
    curated = load(workspace, "0" * 64)
    return Ground(as_last(curated, curated), k)


def as_last(curated: Curated, last: Curated) -> Curated:
    """`curated` as the release that follows `last`."""
    said = describe({name: last.frames[name] for name in TABLES})
    counts = {f"last_{name}": rows for name, rows in said["rows"].items()}
    release = curated.frames["release"].assign(**{name: counts[name] for name in counts if name in LAST})
    return replace(
        curated, frames={**curated.frames, "release": release}, books=replace(curated.books, last=said, release=release)
    )


LAST = frozenset(f"last_{name}" for name in COUNTED)


def _judge(suites: tuple[Suite, ...], frames: Mapping[str, pd.DataFrame], curated: Curated, k: int) -> list[Verdict]:
    from tasks.validate.gx import judge

    return judge(suites, frames, ROOT / "expectations", {"k": k, "last": dict(curated.books.last)})


def _is_touched(kwargs: Mapping[str, Any], before: pd.DataFrame, after: pd.DataFrame) -> bool:
    """Whether a column that a rule names is another than before; a rule that names none is about the whole table."""
    if len(before) != len(after):
        return True
    named = [kwargs[name] for name in ("column", "group", "of") if name in kwargs]
    named += [*kwargs.get("column_list", ()), *kwargs.get("columns", ())]
    named += re.findall(r'col\("(\w+)"\)', kwargs.get("row_condition", ""))
    if not named or not set(named) <= set(before.columns) & set(after.columns):
        return not named or set(named) - set(after.columns) != set(named) - set(before.columns)
    return any(not before[name].equals(after[name]) for name in named)
