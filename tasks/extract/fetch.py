"""Fetching the items of a unit into quarantine, each checked against what the source said it has."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from tasks.core.errors import ContractViolation, TransientSourceError
from tasks.core.files import told_plainly
from tasks.core.models import Item, State, Unit, UnitResult
from tasks.core.reasons import Reason
from tasks.extract.select import Selection
from tasks.extract.source import DamagedAtSource, Handle, MissingAtSource, Source

logger = logging.getLogger(__name__)

ATTEMPTS = 4
_LONGEST_WAIT = 4.0


class _WrongSize(TransientSourceError):
    """Fewer or more bytes came than the source announced."""


def fetch_unit(source: Source, selection: Selection, unit: Unit, quarantine: Path, *, final: bool = True) -> UnitResult:
    """Copy the items of `unit` to `quarantine/<unit>/<item>.dcm` (0700, 0600); one outcome for each of them.

    What an earlier attempt left there is deleted first, and whatever raises leaves no folder: one that is there holds
    all that came of its unit, and is taken for that. Raises `TransientSourceError` when the source is down; an item
    that alone cannot be had is refused: INCOMPLETE, TRANSFER_FAILED or BAD_ARCHIVE. Where the caller will try again, so
    not `final`, what may pass raises too: a network that is poor for a minute must not cost an instance.
    """
    handles = selection.handles.get(unit.unit)
    if handles is None or len(handles) != unit.expected:
        raise ContractViolation(f"unit {unit.unit} is not in this selection: select again without narrowing it")
    folder = quarantine / unit.unit
    with told_plainly(folder):
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, mode=0o700)
        try:
            items = tuple(_fetch_item(source, handle, folder, final) for handle in handles)
        except BaseException:
            shutil.rmtree(folder)
            raise
    return UnitResult(unit=unit.unit, items=items)


def _fetch_item(source: Source, handle: Handle, folder: Path, final: bool) -> Item:
    target = folder / f"{handle.item}.dcm"
    reason: Reason
    try:
        for attempt in Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_WAIT),
            retry=retry_if_exception_type(TransientSourceError),
            reraise=True,
        ):
            with attempt:
                _copy(source, handle, target)
        return Item(item=handle.item, state=State.EXTRACTED)
    except MissingAtSource:
        reason = Reason.INCOMPLETE
    except DamagedAtSource:
        reason = Reason.BAD_ARCHIVE
    except TransientSourceError as error:
        wrong_size = isinstance(error, _WrongSize)
        if not final or not (wrong_size or source.alive()):
            raise
        reason = Reason.INCOMPLETE if wrong_size else Reason.TRANSFER_FAILED
    target.unlink(missing_ok=True)
    logger.warning("item %s: %s", handle.item, reason.code)
    return Item.refused(handle.item, reason)


def _copy(source: Source, handle: Handle, target: Path) -> None:
    """Write the bytes of one item; stops as soon as more come than were announced."""
    came = 0
    with os.fdopen(os.open(target, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as out:
        for chunk in source.fetch(handle):
            came += len(chunk)
            if came > handle.size:
                break
            out.write(chunk)
    if came != handle.size:
        raise _WrongSize("an item has another size than the source said: run again")
