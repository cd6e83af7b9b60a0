"""Prefect tasks of a pull. Their arguments name patients and stay in memory: no parameter or result is kept."""

from __future__ import annotations

from tasks.core.workspace import Workspace
from tasks.extract.pacs import transfer as plain
from tasks.extract.pacs.move import Report
from tasks.extract.pacs.query import Listing
from tasks.extract.pacs.wanted import Wanted
from tasks.retryable import retryable


@retryable("search the PACS")
def search_pacs(workspace: Workspace, pacs: str, wanted: Wanted) -> Listing:
    """C-FIND of what is wanted."""
    return plain.search_pacs(workspace, pacs, wanted)


@retryable("compare with Orthanc")
def compare_pacs(workspace: Workspace, pacs: str, listing: Listing) -> plain.Outcome:
    """What a transfer would have to do."""
    return plain.compare(workspace, pacs, listing)


@retryable("move what is missing")
def move_missing(workspace: Workspace, pacs: str, listing: Listing, report: Report) -> plain.Outcome:
    """C-MOVE of what Orthanc lacks. A retry compares anew and asks for the rest only."""
    return plain.transfer(workspace, pacs, listing, report)
