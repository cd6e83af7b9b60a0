"""What the tables are held against: the cohort and the ledger, the applied profile, the scorecard, the last release.

Reading only, no judgement. Two frames come of it, each with a suite of its own: `cohort`, one row for each series that
was selected, and `release`, one row in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import ValidationError

from tasks.core.cohort import read_cohort
from tasks.core.models import AppliedProfile, Cohort, Tally
from tasks.core.reasons import Reason
from tasks.core.scorecard import read_scorecard
from tasks.core.settings import digest
from tasks.core.tables import read_table
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.reconcile import dropped_duplicates
from tasks.record.releases.records import Record, read_records
from tasks.record.withdrawals import Held, incomplete

COUNTED = ("patients", "studies", "series", "instances", "labels")
"""The tables of which a release should not have fewer rows than the last."""

_DEIDENTIFY = "deidentify"
_NAMES = ["unit", "instance", "patient", "content_sha256"]


@dataclass(frozen=True)
class Books:
    """`cohort` and `release` are frames; `passed` are the (unit, instance) that the residual check let through.

    `last` is what the last release's record says of its distributions ({} where there is none), `after` its tag.
    """

    cohort: pd.DataFrame
    release: pd.DataFrame
    passed: frozenset[tuple[str, str]]
    last: dict[str, Any]
    after: str | None


def read_books(workspace: Workspace, kept: pd.DataFrame, curated: str) -> Books:
    """Everything that the tables of data/curated, whose digest is `curated` and instances are `kept`, must agree with.

    Raises `ConfigurationError` where there is no cohort, `ContractViolation` where a table is missing.
    """
    cohort = read_cohort(workspace)
    made = read_table(workspace.images / "instances.parquet", "transform", _NAMES)
    dropped = pd.Series([unit for unit, _ in dropped_duplicates(made, kept)], dtype="string").value_counts()
    with Ledger.open(workspace) as ledger:
        tallies = ledger.tallies_by_unit(cohort)
        results = ledger.results(cohort.units, _DEIDENTIFY)
    before = compared_with(workspace, curated)
    last = before.manifest.get("distributions", {}) if before else {}
    return Books(
        cohort=_cohort(cohort, tallies, {str(unit): int(count) for unit, count in dropped.items()}),
        release=_release(workspace, last.get("rows", {}), incomplete(workspace).get(before.tag) if before else None),
        passed=frozenset(
            (unit, item.sop)
            for unit, result in results.items()
            for item in result.items
            if item.sop is not None and item.reason is None
        ),
        last=last,
        after=before.tag if before else None,
    )


def compared_with(workspace: Workspace, curated: str) -> Record | None:
    """The release before the one that the tables with the digest `curated` are for; None before there was any.

    Where the newest release was made of exactly these tables, it is the one before it: judging a release again, from
    a clone or after `dvc repro`, must say the same again.
    """
    records = read_records(workspace, workspace.settings.export.name)
    if not records or records[-1].manifest.get("curated") != curated:
        return records[-1] if records else None
    after = records[-1].manifest.get("after")
    return next((record for record in records if record.tag == after), None)


def _cohort(cohort: Cohort, tallies: dict[str, Tally], dropped: dict[str, int]) -> pd.DataFrame:
    rows = [
        {
            "unit": unit.unit,
            "patient": unit.patient,
            "study": unit.study,
            "expected": unit.expected,
            "refused": _refused(tallies[unit.unit]),
            "dropped": dropped.get(unit.unit, 0),
        }
        for unit in cohort.units
    ]
    names = ("unit", "patient", "study")
    types = dict.fromkeys(names, "string") | dict.fromkeys(("expected", "refused", "dropped"), "Int64")
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def _refused(tally: Tally) -> int:
    """Items with a reason; duplicates are not in it, for curate decides on them anew."""
    duplicates = tally.reasons.get(Reason.DUPLICATE_PIXELS.code, 0)
    return tally.quarantined + tally.skipped + tally.withdrawn - duplicates


def _release(workspace: Workspace, rows: dict[str, int], gone: Held | None) -> pd.DataFrame:
    """`rows` are those of the last release's tables, `gone` what was withdrawn from it since: it is not missed."""
    profile, scorecard = _profile(workspace), read_scorecard()
    return pd.DataFrame(
        {
            "profile_is_applied": [profile is not None and profile.settings == digest(workspace.settings.deidentify)],
            "scorecard_is_current": [profile is not None and profile.version == scorecard.engine],
            "scorecard_is_clean": [scorecard.passes],
            **{f"last_{name}": [rows.get(name, 0) - _withdrawn(name, rows, gone)] for name in COUNTED},
        }
    )


def _withdrawn(table: str, rows: dict[str, int], gone: Held | None) -> int:
    """How many rows of `table` were those who withdrew; of labels, which name no study in the record, their share."""
    if gone is None:
        return 0
    if table == "labels":
        return -(-rows.get(table, 0) * gone.studies // max(1, rows.get("studies", 0)))
    return int(getattr(gone, table))


def _profile(workspace: Workspace) -> AppliedProfile | None:
    try:
        return AppliedProfile.model_validate_json((workspace.deidentified / "profile.json").read_text("utf-8"))
    except (OSError, ValueError, ValidationError):
        return None
