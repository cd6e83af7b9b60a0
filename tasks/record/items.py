"""Reading and changing the rows of items, in bulk, with the event of each change. No rule is made here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from tasks.core.models import Item, State, UnitResult
from tasks.core.reasons import Reason
from tasks.record.outbox import enter
from tasks.record.schema import Base, EventRow, ItemRow
from tasks.record.transitions import REACHED, order

REASONS = {reason.code: reason for reason in Reason}
"""Reasons by the code that is stored."""

_ITEMS = cast("Table", ItemRow.__table__)
_CHUNK = 5000  # bound parameters a statement: SQLite takes 32,766, PostgreSQL 65,535


class Held(NamedTuple):
    """An item as the ledger holds it."""

    unit: str
    item: str
    state: str
    reason: str | None
    refused_by: str | None
    sop: str | None
    passed: bool

    def told(self, stage: str, outcome: Item, *, passed: bool) -> Held:
        """This item after `stage` said `outcome` of it."""
        return self._replace(
            state=outcome.state.value,
            reason=outcome.reason.code if outcome.reason else None,
            refused_by=stage if outcome.reason else None,
            sop=outcome.sop or self.sop,
            passed=passed,
        )


_MUTABLE = Held._fields[2:]


def chunks(names: Iterable[str]) -> Iterator[list[str]]:
    """`names` in lists that fit into one statement."""
    everything = list(names)
    for start in range(0, len(everything), _CHUNK):
        yield everything[start : start + _CHUNK]


def insert_of(connection: Connection) -> Any:
    """The `insert` of this database, which can say what becomes of a row that is there already."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as of_postgresql  # a tenth of a second that SQLite can spare

        return of_postgresql
    from sqlalchemy.dialects.sqlite import insert as of_sqlite

    return of_sqlite


def read_items(connection: Connection, units: Iterable[str]) -> Iterator[Held]:
    """The items of `units`, sorted within each read."""
    for part in chunks(units):
        rows = connection.execute(select(_ITEMS).where(_ITEMS.c.unit.in_(part)).order_by(_ITEMS.c.unit, _ITEMS.c.item))
        yield from (Held(*row) for row in rows)


def put_rows(connection: Connection, table: type[Base], rows: list[dict[str, Any]]) -> None:
    """Insert `rows` in one statement, or nothing where there are none."""
    if rows:
        connection.execute(insert(table), rows)


def put_items(connection: Connection, stage: str, before: Mapping[str, Held], after: Iterable[Held]) -> None:
    """Bring the items of one unit from `before` to `after`; what is the same costs nothing and makes no event."""
    changed = [held for held in after if before.get(held.item) != held]
    put_rows(connection, ItemRow, [held._asdict() for held in changed if held.item not in before])
    updates = [
        {"at_unit": held.unit, "at_item": held.item} | {name: getattr(held, name) for name in _MUTABLE}
        for held in changed
        if held.item in before
    ]
    if updates:
        where = (_ITEMS.c.unit == bindparam("at_unit")) & (_ITEMS.c.item == bindparam("at_item"))
        connection.execute(update(_ITEMS).where(where).values({name: bindparam(name) for name in _MUTABLE}), updates)
    put_events(
        connection,
        [
            event(stage, held.unit, held.item, before[held.item].state if held.item in before else None, held)
            for held in changed
            if held.item not in before or before[held.item][2:4] != held[2:4]
        ],
    )


def event(stage: str, unit: str, item: str | None, before: str | None, after: Held | State) -> dict[str, Any]:
    """One transition, as a row of `event`."""
    return {
        "at": datetime.now(UTC),
        "stage": stage,
        "unit": unit,
        "item": item,
        "before": before,
        "after": after.state if isinstance(after, Held) else after.value,
        "reason": after.reason if isinstance(after, Held) else None,
    }


def put_events(connection: Connection, events: list[dict[str, Any]]) -> None:
    """Append to the events; what became of whole units is told outside too."""
    put_rows(connection, EventRow, events)
    told = [row for row in events if row["item"] is None]
    enter(
        connection,
        [(f"unit.{row['after']}", {name: row[name] for name in ("unit", "stage", "before", "after")}) for row in told],
    )


def outcomes_of(unit: str, stage: str, digest: str | None, items: Iterable[Held]) -> UnitResult:
    """What `stage` said of a unit, from how its items stand now: later refusals are not its own."""
    outcomes = []
    for held in items:
        refused = order(held.refused_by) if held.refused_by else len(REACHED) + 1
        if refused < order(stage):
            continue
        by_sop = order(stage) > order("deidentify")
        name = held.sop if by_sop and held.sop else held.item
        sop = held.sop if order(stage) > order("extract") else None
        if refused == order(stage) and held.reason:
            outcomes.append(Item.refused(name, REASONS[held.reason], sop))
        else:
            outcomes.append(Item(item=name, state=REACHED.get(stage, State.RELEASED), sop=sop))
    return UnitResult(unit=unit, items=tuple(sorted(outcomes, key=lambda item: item.item)), digest=digest)
