"""`python -m tasks.extract`: select the cohort and freeze it. The bytes are fetched where they are de-identified."""

from __future__ import annotations

from collections import Counter

from tasks.core.entry import run_stage
from tasks.core.workspace import Workspace
from tasks.extract.freeze import freeze
from tasks.extract.select import select
from tasks.record.ledger import Ledger


def extract(workspace: Workspace) -> str:
    """Select and freeze; returns the counts in one line."""
    selection = select(workspace)
    with Ledger.open(workspace) as ledger:
        cohort = freeze(workspace, selection, ledger)
    reasons = Counter(item.reason.code for item in cohort.refused if item.reason)
    refused = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items())) or "none"
    items = sum(unit.expected for unit in cohort.units)
    return f"{len(cohort.units)} series with {items} items; refused: {refused}; still arriving: {selection.unstable}"


if __name__ == "__main__":
    run_stage("extract", extract)
