"""A window of study dates, cut into days, weeks or months: one run of `build_dataset` each.

Prefect has no backfill of its own. Each window's run has an idempotency key, so starting the backfill again repeats
nothing that is done or waiting; a window whose run failed gets a new run.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed

from flows.deployed import start as start_run
from flows.outcome import decided
from tasks.core.errors import ConfigurationError
from tasks.core.workspace import Workspace

DEPLOYMENT = "build_dataset/build_dataset"
MAX_WINDOWS = 1000
MAX_ATTEMPTS = 50
Step = Literal["day", "week", "month"]


@flow(name="backfill", persist_result=False, log_prints=False)
def backfill(
    start: date,
    end: date,
    step: Step = "week",
    modalities: list[str] | None = None,
    newest_first: bool = False,
    dry_run: bool = False,
) -> State[Any]:
    """Start one build_dataset run for each window of study dates; windows that are done are not run again.

    Args:
        start: First study date.
        end: Last study date, included.
        step: How long a window is.
        modalities: Only these, e.g. CT and MR; all of params.yaml's otherwise.
        newest_first: Whether the latest window runs first.
        dry_run: List the windows and start nothing.
    """
    return decided(lambda: _backfill(start, end, step, modalities, newest_first, dry_run))


def windows(start: date, end: date, step: Step) -> Iterator[tuple[date, date]]:
    """The windows from `start` to `end`, both included, that together cover every day exactly once."""
    first = start
    while first <= end:
        last = min(_last_day(first, step), end)
        yield first, last
        first = last + timedelta(days=1)


def _last_day(first: date, step: Step) -> date:
    if step == "day":
        return first
    if step == "week":
        return first + timedelta(days=6)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return following - timedelta(days=1)


def _backfill(
    start: date, end: date, step: Step, modalities: list[str] | None, newest_first: bool, dry_run: bool
) -> State[Any]:
    if end < start:
        raise ConfigurationError("the window's end is before its start")
    found = list(windows(start, end, step))
    if len(found) > MAX_WINDOWS:
        raise ConfigurationError(
            f"{len(found)} windows are too many for one backfill: take a longer step or a shorter window"
        )
    workspace = Workspace.find()
    rows = []
    for first, last in reversed(found) if newest_first else found:
        outcome = "would run" if dry_run else _ensure_run(workspace, first, last, modalities)
        rows.append({"from": first.isoformat(), "to": last.isoformat(), "run": outcome})
        get_run_logger().info("window %s to %s: %s", first, last, outcome)
    create_table_artifact(key="backfill-windows", table=rows, description="One run of build_dataset a window")
    started = sum(row["run"] == "started" for row in rows)
    return Completed(
        message=f"{len(rows)} windows: {started} started, {len(rows) - started} were done, waiting or only listed"
    )


def _ensure_run(workspace: Workspace, first: date, last: date, modalities: list[str] | None) -> str:
    parameters = {"start": first.isoformat(), "end": last.isoformat(), "modalities": modalities}
    scope = "-".join(modalities or ["all"])
    for attempt in range(MAX_ATTEMPTS):
        key = f"{workspace.pseudonymiser.key_id}:{workspace.settings.export.name}:{first}:{last}:{scope}:{attempt}"
        before = datetime.now(UTC)
        run = start_run(DEPLOYMENT, parameters, idempotency_key=key)
        if _is_new(run, before):
            return "started"
        if run.state is None or not (run.state.is_failed() or run.state.is_crashed() or run.state.is_cancelled()):
            return "done" if run.state and run.state.is_final() else "waiting"
    raise ConfigurationError(f"the window from {first} failed {MAX_ATTEMPTS} times: see its runs in the Prefect UI")


def _is_new(run: FlowRun, before: datetime) -> bool:
    return run.created is not None and run.created >= before
