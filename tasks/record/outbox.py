"""The outbox: what other systems are told, entered in the transaction that made it, and handed to a sink in order.

A sink may get an event again after a crash, never too few; `uid` tells the same one. Where events go is in `sinks`.
Bodies hold pseudonyms, states, codes and counts only.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Connection, func, insert, select, update

from tasks.core.errors import SluiceError
from tasks.core.models import Frozen
from tasks.record.database import Database
from tasks.record.schema import OutboxRow

PUBLISHER = "#publisher"
"""The name under which the right to publish is leased: one at a time, or the order would be lost."""

_PUBLISHER_SECONDS = 60.0
_AT_ONCE = 500


class Leasing(Protocol):
    """What `publish` needs of the ledger."""

    database: Database

    def lease_names(self, names: Iterable[str], holder: str, seconds: float) -> set[str]:
        """Take `names` for `holder`."""

    def release_names(self, names: Iterable[str], holder: str) -> None:
        """Give them back."""


class Event(Frozen):
    """One event as a sink gets it."""

    id: int
    uid: str
    at: str
    kind: str
    body: dict[str, Any]


Sink = Callable[[Sequence[Event]], None]
"""Takes events in order; returns when all of them are safe, or raises."""


def enter(connection: Connection, events: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Enter (kind, body) in the transaction of `connection`."""
    now = datetime.now(UTC)
    rows = [
        {"uid": secrets.token_hex(16), "at": now, "kind": kind, "body": json.dumps(body, sort_keys=True)}
        for kind, body in events
    ]
    if rows:
        connection.execute(insert(OutboxRow), rows)


def waiting(database: Database) -> int:
    """How many events no sink had yet."""
    with database.read() as connection:
        query = select(func.count()).select_from(OutboxRow).where(OutboxRow.published.is_(None))
        return int(connection.execute(query).scalar_one())


def publish(ledger: Leasing, sink: Sink, holder: str) -> int:
    """Hand what waits to `sink`, oldest first, and mark it; returns how many.

    Zero when another process is at it. What the sink raises is raised, and nothing of that part is marked.
    """
    handed = 0
    if not waiting(ledger.database) or not ledger.lease_names([PUBLISHER], holder, _PUBLISHER_SECONDS):
        return 0
    try:
        while events := _next(ledger.database):
            sink(events)
            with ledger.database.write() as connection:
                mark = update(OutboxRow).where(OutboxRow.id.in_([event.id for event in events]))
                connection.execute(mark.values(published=datetime.now(UTC)))
            handed += len(events)
            if not ledger.lease_names([PUBLISHER], holder, _PUBLISHER_SECONDS):
                break
    finally:
        ledger.release_names([PUBLISHER], holder)
    return handed


class SinkDown(SluiceError):
    """The sink takes no events; they wait in the outbox."""

    exit_code = 4


def _next(database: Database) -> list[Event]:
    columns = (OutboxRow.id, OutboxRow.uid, OutboxRow.at, OutboxRow.kind, OutboxRow.body)
    query = select(*columns).where(OutboxRow.published.is_(None)).order_by(OutboxRow.id).limit(_AT_ONCE)
    with database.read() as connection:
        return [
            Event(id=number, uid=uid, at=_stamp(at), kind=kind, body=json.loads(body))
            for number, uid, at, kind, body in connection.execute(query)
        ]


def _stamp(at: datetime) -> str:
    """UTC in ISO 8601; SQLite gives times back without their zone."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="milliseconds")
