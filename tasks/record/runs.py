"""Runs in the ledger: when each began, who holds it, how it ended, and those whose process ended without a word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from tasks.core.closing import Closing
from tasks.core.models import Frozen, Tally
from tasks.record.database import Database
from tasks.record.leases import clock, drop_leases
from tasks.record.outbox import enter
from tasks.record.schema import LeaseRow, RunRow

RUNNING, LOST = "running", "lost"


class LostRun(Frozen):
    """A run that was closed for its dead process. `certain`: that it ended is known, not only that it is silent."""

    run: int
    flow_run: str | None
    certain: bool
    series: int


class Runs(Closing):
    """The part of the ledger that knows its runs."""

    database: Database

    def open_run(self, flow_run: str | None = None, holder: str | None = None, seconds: float = 120.0) -> int:
        """Enter that a run started; returns its number. `holder` must renew it within `seconds`."""
        with self.database.write() as connection:
            row: dict[str, Any] = {
                "flow_run": flow_run,
                "state": RUNNING,
                "started": datetime.now(UTC),
                "holder": holder,
            }
            if holder:
                row["until"] = clock(connection) + seconds
            run = int(connection.execute(insert(RunRow).values(row).returning(RunRow.id)).scalar_one())
            enter(connection, [("run.started", {"run": run, "flow_run": flow_run})])
            return run

    def close_run(self, run: int, state: str, tally: Tally | None = None) -> None:
        """Enter how a run ended; what its holder still had is free again."""
        values = {"state": state, "finished": datetime.now(UTC), "tally": tally.model_dump_json() if tally else None}
        with self.database.write() as connection:
            holder = connection.execute(
                update(RunRow).where(RunRow.id == run).values(values).returning(RunRow.holder)
            ).scalar()
            connection.execute(delete(LeaseRow).where(LeaseRow.holder == holder))
            body = {"run": run, "state": state} | ({"tally": tally.model_dump(mode="json")} if tally else {})
            enter(connection, [("run.ended", body)])

    def close_lost_runs(self, is_gone: Callable[[str], bool]) -> tuple[LostRun, ...]:
        """Close each run that says it is running and isn't: its holder is gone, or silent for too long.

        What it held is free again. A run without a holder is one of an older Sluice, which held the workspace alone.
        """
        lost = []
        with self.database.write() as connection:
            now = clock(connection)
            query = select(RunRow.id, RunRow.flow_run, RunRow.holder, RunRow.until).where(RunRow.state == RUNNING)
            for run, flow_run, holder, until in connection.execute(query.order_by(RunRow.id)).all():
                certain = holder is None or is_gone(holder)
                if not certain and (until is None or until > now):
                    continue
                series = drop_leases(connection, holder) if holder else 0
                values = {"state": LOST, "finished": datetime.now(UTC)}
                connection.execute(update(RunRow).where(RunRow.id == run).values(values))
                enter(connection, [("run.lost", {"run": run, "flow_run": flow_run, "series": series})])
                lost.append(LostRun(run=run, flow_run=flow_run, certain=certain, series=series))
        return tuple(lost)
