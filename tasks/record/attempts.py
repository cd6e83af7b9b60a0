"""Attempts: how often each stage failed on a unit since it last passed, with the code of the last failure.

When a unit is set aside is decided by the flow; that an interruption is nobody's fault too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, select, update

from tasks.core.closing import Closing
from tasks.core.models import Frozen, State, Unit
from tasks.core.reasons import Reason
from tasks.record.database import Database
from tasks.record.items import chunks, event, insert_of, put_events, put_items, read_items
from tasks.record.outbox import enter
from tasks.record.schema import AttemptRow, ItemRow, StepRow, UnitRow

INTERRUPTED = "interrupted"
"""Stage and code of work that ended with its process: noted, never counted against the unit."""


class Attempt(Frozen):
    """How often `stage` failed on `unit`, and why the last time."""

    unit: str
    stage: str
    attempts: int
    reason: str


class Attempts(Closing):
    """The part of the ledger that remembers failures."""

    database: Database

    def fail(self, unit: Unit, stage: str, code: str) -> int:
        """Enter that `stage` failed on `unit`, by a code without any text of the source; returns how often it did."""
        with self.database.write() as connection:
            note_failures(connection, [unit.unit], stage, code)
            query = select(AttemptRow.attempts).where(AttemptRow.unit == unit.unit, AttemptRow.stage == stage)
            count = int(connection.execute(query).scalar_one())
            enter(connection, [("unit.failed", {"unit": unit.unit, "stage": stage, "reason": code, "attempts": count})])
            return count

    def attempts(self, units: Iterable[Unit]) -> tuple[Attempt, ...]:
        """What failed of `units` and did not pass since, most often first."""
        columns = (AttemptRow.unit, AttemptRow.stage, AttemptRow.attempts, AttemptRow.reason)
        with self.database.read() as connection:
            found = [
                Attempt(unit=unit, stage=stage, attempts=count, reason=reason)
                for part in chunks(unit.unit for unit in units)
                for unit, stage, count, reason in connection.execute(select(*columns).where(AttemptRow.unit.in_(part)))
            ]
        return tuple(sorted(found, key=lambda one: (-one.attempts, one.unit, one.stage)))

    def reopen(self, reason: Reason, keep: Collection[str] = ()) -> int:
        """Let the next run work again on every unit that has an item refused for `reason`; returns how many.

        Items outside any unit are looked at by every run anyway. Units in `keep` stay as they are.
        """
        with self.database.write() as connection:
            query = select(ItemRow.unit).where(ItemRow.reason == reason.code, ItemRow.unit != "").distinct()
            units = sorted(set(connection.execute(query).scalars()) - set(keep))
            for part in chunks(units):
                states = select(UnitRow.unit, UnitRow.state).where(UnitRow.unit.in_(part))
                former = dict(connection.execute(states).tuples().all())
                connection.execute(delete(StepRow).where(StepRow.unit.in_(part)))
                connection.execute(delete(AttemptRow).where(AttemptRow.unit.in_(part)))
                held = [row for row in read_items(connection, part) if row.reason == reason.code]
                for unit in sorted(former):
                    rows = {row.item: row for row in held if row.unit == unit}
                    opened = [
                        row._replace(state=State.DISCOVERED.value, reason=None, refused_by=None, passed=False)
                        for row in rows.values()
                    ]
                    put_items(connection, "retry", rows, opened)
                connection.execute(update(UnitRow).where(UnitRow.unit.in_(part)).values(state=State.DISCOVERED.value))
                put_events(
                    connection,
                    [event("retry", unit, None, state, State.DISCOVERED) for unit, state in sorted(former.items())],
                )
        return len(units)

    def count_outside(self, reason: Reason) -> int:
        """How many items that never became part of a unit are refused for `reason`."""
        with self.database.read() as connection:
            query = select(func.count()).select_from(ItemRow)
            return int(connection.execute(query.where(ItemRow.unit == "", ItemRow.reason == reason.code)).scalar_one())


def note_failures(connection: Connection, units: Collection[str], stage: str, code: str) -> None:
    """Count one more failure of `stage` for each of `units`."""
    insert = insert_of(connection)
    now = datetime.now(UTC)
    for part in chunks(sorted(units)):
        rows = [{"unit": name, "stage": stage, "attempts": 1, "reason": code, "at": now} for name in part]
        statement = insert(AttemptRow).values(rows)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["unit", "stage"],
                set_={"attempts": AttemptRow.attempts + 1, "reason": code, "at": now},
            )
        )


def clear(connection: Connection, unit: str, stages: Iterable[str]) -> None:
    """Forget the failures of `stages`, which have passed, and that the unit was interrupted."""
    names = (*stages, INTERRUPTED)
    connection.execute(delete(AttemptRow).where(AttemptRow.unit == unit, AttemptRow.stage.in_(names)))
