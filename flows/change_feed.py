"""From where a run reads the change feed of the source, and when it lists everything all the same.

The feed alone misses what a crash of the server swallowed, and deletions. What was read is remembered only when all of
it is released, so that a run that was killed reads it again.
"""

from __future__ import annotations

import logging
import time

from tasks.core.workspace import Workspace
from tasks.extract.pacs.book import expected_by_pacs
from tasks.extract.select import Selection
from tasks.record.ledger import Ledger
from tasks.record.sightings import Seen, read_sightings

logger = logging.getLogger(__name__)

CHANGES = "orthanc-changes"
_HOUR = 3600.0


def read_from(workspace: Workspace, ledger: Ledger) -> int | None:
    """The cursor to go on from; None where the whole source is to be listed."""
    cursor = ledger.cursor(CHANGES)
    if cursor is None:
        return None
    looked = looked_fully(workspace, ledger)
    hours = workspace.settings.extract.full_every_hours
    if looked is None or not 0 <= time.time() - looked < hours * _HOUR:
        logger.info("everything is listed: the last time is more than %g hours ago (extract.full_every_hours)", hours)
        return None
    if pacs_said_otherwise(workspace, ledger):
        logger.info("everything is listed: the PACS said something else of a series since")
        return None
    return cursor


def pacs_said_otherwise(workspace: Workspace, ledger: Ledger) -> bool:
    """Whether the PACS was asked again since series were held back or taken, and it is the other way round now."""
    if workspace.settings.extract.incomplete == "release":
        return False
    expected = expected_by_pacs(workspace)
    return bool(expected) and any(
        (expected.get(sighting.unit, 0) > sighting.here) != (sighting.state is Seen.SHORT)
        for sighting in read_sightings(ledger.database, (Seen.THERE, Seen.SHORT)).values()
    )


def looked_fully(workspace: Workspace, ledger: Ledger) -> int | None:
    """When (seconds since 1970) everything was listed last, under what is set now for incomplete and deleted series."""
    return ledger.cursor(_name(workspace))


def remember(workspace: Workspace, ledger: Ledger, selection: Selection) -> None:
    """What `selection` saw is released: the next run goes on from there."""
    if selection.cursor is not None:
        ledger.set_cursor(CHANGES, selection.cursor)
    if not selection.narrowed:
        ledger.set_cursor(_name(workspace), int(selection.began))


def list_everything(workspace: Workspace, ledger: Ledger) -> None:
    """Let the next run list everything, whatever its cursor."""
    ledger.set_cursor(_name(workspace), 0)


def _name(workspace: Workspace) -> str:
    settings = workspace.settings.extract
    return f"full-look-{settings.incomplete}-{settings.deleted}"
