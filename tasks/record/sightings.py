"""Sightings: what the source was last seen to hold of each series, against what was taken from it.

Counts and pseudonyms only. Which look sees what is decided by extraction; what a user is told of it, by the flows.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, update

from tasks.core.models import Frozen
from tasks.record.database import Database
from tasks.record.items import chunks, insert_of
from tasks.record.schema import SeenRow

Marks = Mapping[str, int]
"""The size in bytes of each instance of a series, by a pseudonym of its SOPInstanceUID."""


class Seen(StrEnum):
    """How a series stands at the source: whole, still arriving, no longer there, or fewer than the PACS has."""

    THERE = "there"
    ARRIVING = "arriving"
    GONE = "gone"
    SHORT = "short"


class Sighting(Frozen):
    """One series at the source. Instances: `here` are there now; `late` came after the series was taken first.

    `gone` were deleted there and are in the dataset still; `lost` were deleted there and are not in the dataset;
    `changed` have other bytes than those that were taken under the same SOPInstanceUID.
    """

    unit: str
    state: Seen
    here: int = 0
    late: int = 0
    gone: int = 0
    lost: int = 0
    changed: int = 0


_FIELDS = tuple(Sighting.model_fields)


def read_sightings(database: Database, states: Collection[Seen] = ()) -> dict[str, Sighting]:
    """All sightings by unit, or those in `states`: one statement."""
    query = select(*(getattr(SeenRow, name) for name in _FIELDS))
    if states:
        query = query.where(SeenRow.state.in_([state.value for state in states]))
    with database.read() as connection:
        found = [Sighting.model_validate(dict(zip(_FIELDS, row, strict=True))) for row in connection.execute(query)]
    return {sighting.unit: sighting for sighting in found}


def read_marks(database: Database, units: Iterable[str]) -> dict[str, Marks]:
    """What was taken of each of `units`, where that is known."""
    marks: dict[str, Marks] = {}
    with database.read() as connection:
        for part in chunks(units):
            query = select(SeenRow.unit, SeenRow.marks).where(SeenRow.unit.in_(part), SeenRow.marks.is_not(None))
            marks |= {unit: json.loads(text or "{}") for unit, text in connection.execute(query)}
    return marks


def note_sightings(database: Database, sightings: Collection[Sighting], marks: Mapping[str, Marks]) -> None:
    """Enter `sightings`; the marks of a unit that isn't in `marks` stay as they are."""
    if not sightings:
        return
    rows: list[dict[str, Any]] = [
        sighting.model_dump(mode="json")
        | {"marks": json.dumps(marks[sighting.unit], sort_keys=True) if sighting.unit in marks else None}
        for sighting in sightings
    ]
    with database.write() as connection:
        insert = insert_of(connection)
        statement = insert(SeenRow)
        values = {name: statement.excluded[name] for name in _FIELDS[1:]}
        values["marks"] = func.coalesce(statement.excluded.marks, SeenRow.marks)
        connection.execute(statement.on_conflict_do_update(index_elements=["unit"], set_=values), rows)


def forget_changed(database: Database) -> int:
    """Let the next look take what the source holds now, where it was other bytes than were taken; returns how many."""
    with database.write() as connection:
        forgotten = update(SeenRow).where(SeenRow.changed > 0).values(marks=None, changed=0)
        return connection.execute(forgotten).rowcount
