"""Leases: who works on which unit, and until when. One that isn't renewed ends, and the unit may be taken.

The time is the database server's on PostgreSQL, so machines need not agree on it, and this machine's on SQLite.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, delete, func, select, text, update

from tasks.core.closing import Closing
from tasks.core.errors import ContractViolation, LeaseLost
from tasks.core.models import Unit
from tasks.record.attempts import INTERRUPTED, note_failures
from tasks.record.database import Database
from tasks.record.items import chunks, insert_of
from tasks.record.schema import LeaseRow, RunRow, UnitRow

OTHER = "#"
"""How names of leases begin that are of no series."""

_PAUSE = 0.2
_COUNTING = 0x51_01_CF  # any number that no other program takes in this database


class Leases(Closing):
    """The part of the ledger that knows who is at work."""

    database: Database
    holder: str | None

    def lease(self, units: Iterable[Unit], holder: str, seconds: float) -> set[str]:
        """Take `units` for `holder`; returns the names of those it got: free ones, its own, and ended leases."""
        return self.lease_names([unit.unit for unit in units], holder, seconds)

    def lease_within(self, limit: int, units: Sequence[Unit], holder: str, seconds: float) -> set[str] | None:
        """`lease`; None where all that is on lease would then have more than `limit` bytes, and something is."""
        wanted = sum(unit.bytes for unit in units)
        with self.database.write() as connection:
            one_at_a_time(connection)
            now = clock(connection)
            held = select(func.sum(UnitRow.bytes)).join(LeaseRow, LeaseRow.unit == UnitRow.unit)
            there = connection.execute(held.where(LeaseRow.until > now)).scalar() or 0
            if there and there + wanted > limit:
                return None
            return _take(connection, [unit.unit for unit in units], now, holder, seconds)

    @contextmanager
    def place(self, kind: str, places: int, seconds: float) -> Iterator[None]:
        """One of `places` places that all runs share, e.g. at the source; waits until one is free.

        It is a lease of this ledger's holder like others: renewed with them, and free again when the holder is gone.
        """
        holder = self.holder
        if holder is None:
            raise ContractViolation("a place is for a holder: use the ledger of `held_by`")
        names = [f"{OTHER}{kind}-{number}" for number in range(places)]
        while (mine := self._free_place(names, holder, seconds)) is None:
            time.sleep(_PAUSE)
        try:
            yield
        finally:
            self.release_names([mine], holder)

    def _free_place(self, names: Sequence[str], holder: str, seconds: float) -> str | None:
        with self.database.write() as connection:
            one_at_a_time(connection)
            now = clock(connection)
            query = select(LeaseRow.unit).where(LeaseRow.unit.in_(names), LeaseRow.until > now)
            taken = set(connection.execute(query).scalars())
            free = next((name for name in names if name not in taken), None)
            if free is not None:
                _take(connection, [free], now, holder, seconds)
            return free

    def release(self, units: Iterable[Unit], holder: str) -> None:
        """Give back what `holder` has of `units`."""
        self.release_names([unit.unit for unit in units], holder)

    def renew(self, holder: str, seconds: float) -> int:
        """Say that `holder` lives: its leases and its run hold for `seconds` more; returns how many leases it has."""
        with self.database.write() as connection:
            until = clock(connection) + seconds
            connection.execute(update(RunRow).where(RunRow.holder == holder).values(until=until))
            return connection.execute(update(LeaseRow).where(LeaseRow.holder == holder).values(until=until)).rowcount

    def leased(self, units: Iterable[Unit]) -> dict[str, tuple[str, float]]:
        """(holder, seconds left) of those `units` that somebody holds."""
        found: dict[str, tuple[str, float]] = {}
        with self.database.read() as connection:
            now = clock(connection)
            for part in chunks(unit.unit for unit in units):
                query = select(LeaseRow.unit, LeaseRow.holder, LeaseRow.until)
                rows = connection.execute(query.where(LeaseRow.unit.in_(part), LeaseRow.until > now))
                found |= {unit: (holder, until - now) for unit, holder, until in rows}
        return found

    def return_leases(self, is_gone: Callable[[str], bool]) -> int:
        """End the leases of holders that are gone, without waiting for their time; returns how many."""
        with self.database.write() as connection:
            gone = [name for name in connection.execute(select(LeaseRow.holder).distinct()).scalars() if is_gone(name)]
            return sum(drop_leases(connection, holder) for holder in gone)

    def lease_names(self, names: Iterable[str], holder: str, seconds: float) -> set[str]:
        """`lease`, by name."""
        with self.database.write() as connection:
            return _take(connection, names, clock(connection), holder, seconds)

    def release_names(self, names: Iterable[str], holder: str) -> None:
        """`release`, by name."""
        with self.database.write() as connection:
            for part in chunks(names):
                connection.execute(delete(LeaseRow).where(LeaseRow.unit.in_(part), LeaseRow.holder == holder))


def one_at_a_time(connection: Connection) -> None:
    """Let nobody else count what is on lease until this transaction ends; on SQLite it has the write lock anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _COUNTING})


def _take(connection: Connection, names: Iterable[str], now: float, holder: str, seconds: float) -> set[str]:
    got: set[str] = set()
    for part in chunks(sorted(names)):  # sorted, so that two who take several cannot wait for each other
        ended = select(LeaseRow.unit).where(LeaseRow.unit.in_(part), LeaseRow.holder != holder)
        left = set(connection.execute(ended.where(LeaseRow.until <= now)).scalars())
        rows = [{"unit": name, "holder": holder, "until": now + seconds} for name in part]
        mine = set(connection.execute(_upsert(connection, rows, now, holder)).scalars())
        note_failures(connection, _series(left & mine), INTERRUPTED, INTERRUPTED)
        got |= mine
    return got


def _series(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.startswith(OTHER)]


def check_lease(connection: Connection, unit: str, holder: str) -> None:
    """Raise `LeaseLost` unless `holder` has `unit`; nobody can take it until the transaction ends."""
    query = select(LeaseRow.holder).where(LeaseRow.unit == unit).with_for_update()
    if connection.execute(query).scalar() != holder:
        raise LeaseLost(f"series {unit} was taken over by another run: what this one made of it is not entered")


def drop_leases(connection: Connection, holder: str) -> int:
    """End all leases of a holder that is gone, and note that its units were interrupted; returns how many."""
    gone = connection.execute(delete(LeaseRow).where(LeaseRow.holder == holder).returning(LeaseRow.unit))
    names = _series(gone.scalars())
    note_failures(connection, names, INTERRUPTED, INTERRUPTED)
    return len(names)


def clock(connection: Connection) -> float:
    """Seconds since 1970."""
    if connection.dialect.name != "postgresql":
        return time.time()
    return float(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())


def _upsert(connection: Connection, rows: list[dict[str, Any]], now: float, holder: str) -> Any:
    insert = insert_of(connection)
    statement = insert(LeaseRow).values(rows)
    return statement.on_conflict_do_update(
        index_elements=["unit"],
        set_={"holder": statement.excluded.holder, "until": statement.excluded.until},
        where=(LeaseRow.until <= now) | (LeaseRow.holder == holder),
    ).returning(LeaseRow.unit)
