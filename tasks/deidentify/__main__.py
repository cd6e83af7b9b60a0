"""`python -m tasks.deidentify`: fetch and de-identify what is new of data/cohort.lock, and the tables.

The one place where this room meets the source: identified bytes cannot lie between two stages of dvc.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tasks.core.cohort import read_cohort
from tasks.core.entry import run_stage
from tasks.core.models import Unit, UnitResult
from tasks.core.workspace import Workspace
from tasks.deidentify.stage import deidentify
from tasks.extract.fetch import fetch_unit
from tasks.extract.select import Selection, select
from tasks.extract.source import Source, open_source
from tasks.extract.tables import fetch_tables


class _SourceFeed:
    """Feeds the stage from the source that params.yaml names."""

    def __init__(self, workspace: Workspace, source: Source, selection: Selection) -> None:
        self.workspace, self.source, self.selection = workspace, source, selection

    def fetch(self, unit: Unit) -> UnitResult:
        return fetch_unit(self.source, self.selection, unit, self.workspace.quarantine)

    def fetch_tables(self) -> Mapping[str, tuple[str, str]]:
        fetch_tables(self.workspace, self.selection)
        return self.selection.accessions


def run(workspace: Workspace) -> str:
    """De-identify; returns the counts in one line."""

    @contextmanager
    def connect() -> Iterator[_SourceFeed]:
        selection = select(workspace)
        selection.leave_out({item.item for item in read_cohort(workspace).refused})
        with open_source(workspace) as source:
            yield _SourceFeed(workspace, source, selection)

    summary = deidentify(workspace, connect)
    refused = ", ".join(f"{reason} {count}" for reason, count in summary.refused.items()) or "none"
    return (
        f"{summary.done_now} series now, {summary.unchanged} before; {summary.kept} items kept; refused: {refused}; "
        f"{summary.removed} archives of former series taken away"
    )


if __name__ == "__main__":
    run_stage("deidentify", run)
