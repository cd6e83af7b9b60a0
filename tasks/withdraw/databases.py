"""Databases: the patient's rows go from the register, and their names from the tools' own SQLite files.

Deleted rows leave their bytes in free pages and logs, so these are written over: `secure_delete` and VACUUM on SQLite,
VACUUM FULL on PostgreSQL (whose archived WAL and dumps are its administrator's).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select, text

from tasks.core.errors import ConfigurationError
from tasks.record.database import Database
from tasks.record.items import chunks
from tasks.record.schema import (
    AttemptRow,
    Base,
    EventRow,
    ItemRow,
    LeaseRow,
    ModelPatientRow,
    OutboxRow,
    ReleaseItemRow,
    SeenRow,
    StepRow,
    UnitRow,
)
from tasks.withdraw.traces import Traces

_BY_UNIT: tuple[type[Base], ...] = (StepRow, AttemptRow, LeaseRow, SeenRow, EventRow, ItemRow, UnitRow)
_BUSY = 60.0
PULLS = "pacs.db"
"""The book of pulls in data/register (`tasks.extract.pacs.book`)."""


def leave_register(database: Database, traces: Traces) -> int:
    """Delete every row of the patient's; returns how many. Marks of releases belong into `withdrawals`."""
    gone = 0
    with database.write() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        for table in _BY_UNIT:
            for part in chunks(sorted(traces.units)):
                gone += connection.execute(delete(table).where(table.unit.in_(part))).rowcount  # type: ignore[attr-defined]
        for part in chunks(sorted(traces.items)):
            gone += connection.execute(delete(ItemRow).where(ItemRow.unit == "", ItemRow.item.in_(part))).rowcount
            gone += connection.execute(delete(EventRow).where(EventRow.item.in_(part))).rowcount
        for part in chunks(sorted(traces.patients)):
            for table in (ReleaseItemRow, ModelPatientRow):
                gone += connection.execute(delete(table).where(table.patient.in_(part))).rowcount
        gone += _leave_outbox(connection, traces)
    _wipe(database)
    return gone


def scrub(path: Path, traces: Traces, *, dry: bool = False) -> int:
    """Write another word over the patient's names in every cell of an SQLite file; returns how many cells had some.

    For files whose tables are not ours (MLflow's, Prefect's, the book of pulls). Raises `ConfigurationError` where a
    server keeps the file for itself.
    """
    if path.name.endswith(("-wal", "-shm", "-journal")):
        return 0
    changed = 0
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY, isolation_level=None)) as connection:
            connection.create_function("traced", 1, _asked(traces), deterministic=True)
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("BEGIN IMMEDIATE")
            names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            if path.name == PULLS:  # a row of it is a series, and no use without its name
                changed += connection.execute("SELECT count(*) FROM series WHERE traced(unit)").fetchone()[0]
                connection.execute("DELETE FROM series WHERE traced(unit)")
            for (table,) in connection.execute(names).fetchall():
                for column in [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]:
                    changed += _scrub_column(connection, table, column, traces, dry=dry)
            connection.execute("ROLLBACK" if dry else "COMMIT")
            if changed and not dry:
                _compact(connection.execute)
    except sqlite3.Error:
        raise ConfigurationError(
            f"{path} cannot be cleaned: stop what uses it (`sluice up`), then withdraw again"
        ) from None
    return changed


def _scrub_column(connection: sqlite3.Connection, table: str, column: str, traces: Traces, *, dry: bool) -> int:
    cells = connection.execute(f'SELECT DISTINCT "{column}" FROM "{table}" WHERE traced("{column}")')  # noqa: S608
    values = [row[0] for row in cells.fetchall()]
    for value in values:
        if dry:
            continue
        plain: Any = traces.without(value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value)
        if isinstance(value, bytes):
            plain = plain.encode("utf-8", "surrogateescape")
        statement = f'UPDATE OR REPLACE "{table}" SET "{column}" = ? WHERE "{column}" = ?'  # noqa: S608
        connection.execute(statement, (plain, value))
    return len(values)


def _asked(traces: Traces) -> Callable[[Any], bool]:
    def traced(value: Any) -> bool:
        if isinstance(value, str):
            return traces.in_text(value)
        return isinstance(value, bytes) and traces.in_bytes(value)

    return traced


def _leave_outbox(connection: Connection, traces: Traces) -> int:
    rows = connection.execute(select(OutboxRow.id, OutboxRow.body))
    theirs = [number for number, body in rows if traces.in_text(body)]
    for part in _parts(theirs):
        connection.execute(delete(OutboxRow).where(OutboxRow.id.in_(part)))
    return len(theirs)


def _parts(numbers: Collection[int], at_once: int = 500) -> Iterable[list[int]]:
    everything = list(numbers)
    return (everything[start : start + at_once] for start in range(0, len(everything), at_once))


def _wipe(database: Database) -> None:
    """Write over what deleted rows left in the register."""
    with database.alone() as connection:
        if connection.dialect.name == "sqlite":
            _compact(connection.exec_driver_sql)
        else:
            for table in sorted(Base.metadata.tables):
                connection.execute(text(f'VACUUM (FULL) "{table}"'))


def _compact(execute: Callable[[str], Any]) -> None:
    for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
        result = execute(statement)
        if hasattr(result, "fetchall") and statement.startswith("PRAGMA"):
            result.fetchall()
