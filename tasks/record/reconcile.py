"""The books of a release: what became of each instance, proved from the tables, entered, and summed up.

The rule: expected = released + quarantined + skipped + withdrawn, for each series and in total.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from tasks.core.errors import ContractViolation
from tasks.core.models import Cohort, Tally
from tasks.core.reasons import Reason
from tasks.core.tables import read_table
from tasks.core.workspace import Workspace
from tasks.record.ledger import UNITLESS, Ledger

_NAMED = 3
_COLUMNS = ("unit", "instance", "patient", "content_sha256")


def reconcile(workspace: Workspace, ledger: Ledger, cohort: Cohort) -> Tally:
    """Enter what data/curated holds as released, and return the sums.

    Raises `ContractViolation`, naming the series, when an item has no outcome.
    """
    made = read_table(workspace.images / "instances.parquet", "transform", _COLUMNS)
    kept = read_table(workspace.curated / "instances.parquet", "curate", _COLUMNS)
    ledger.settle(cohort, _names(kept), dropped_duplicates(made, kept))
    tally = ledger.tally(cohort)
    if not tally.balances:
        raise ContractViolation(_imbalance(tally, ledger.tallies_by_unit(cohort)))
    return tally


def dropped_duplicates(made: pd.DataFrame, kept: pd.DataFrame) -> dict[tuple[str, str], Reason]:
    """The (unit, sop) that curation left out and may have: each frame's pixels are still there in the same patient.

    Whatever else is missing gets no reason here, so that the sum shows it.
    """
    pixels = set(zip(kept["patient"], kept["content_sha256"].astype("object"), strict=True))
    still_there: dict[tuple[str, str], bool] = {}
    columns = (made[name].astype("object") for name in ("unit", "instance", "patient", "content_sha256"))
    for unit, sop, patient, content in zip(*columns, strict=True):
        there = isinstance(content, str) and (patient, content) in pixels
        still_there[unit, sop] = still_there.get((unit, sop), True) and there
    released = _names(kept)
    return {name: Reason.DUPLICATE_PIXELS for name, there in still_there.items() if there and name not in released}


def _names(instances: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(instances["unit"], instances["instance"], strict=True))


def _imbalance(total: Tally, by_unit: Mapping[str, Tally]) -> str:
    off = sorted(unit for unit, tally in by_unit.items() if not tally.balances)
    named = ", ".join(unit if unit != UNITLESS else "the items outside any series" for unit in off[:_NAMED])
    more = f" and {len(off) - _NAMED} more" if len(off) > _NAMED else ""
    found = total.released + total.quarantined + total.skipped + total.withdrawn
    return (
        f"the books do not balance: {total.expected} instances were selected, {found} have an outcome; look at "
        f"series {named}{more}, and run again from extract"
    )
