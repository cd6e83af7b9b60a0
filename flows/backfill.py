"""Years of studies, a window at a time: one run of `build_dataset` each, and one release when all are through.

Prefect has no backfill of its own. Each window's run has an idempotency key, so starting the backfill again repeats
nothing that is done or under way; a window whose run failed gets a new run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any, Literal

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import Field

from flows import shown
from flows.deployed import follow, start_once
from flows.fan import LOOK_EVERY, Fan
from flows.outcome import decided
from flows.recover import recover
from flows.secrets import orthanc_from_secret
from flows.windows import Step, windows
from tasks.core.errors import ConfigurationError, Occupied
from tasks.core.workspace import Workspace
from tasks.extract.task import list_study_days
from tasks.record.ledger import Ledger

WINDOW = "build_dataset/window"
RELEASE = "build_dataset/build_dataset"
MAX_WINDOWS = 1000
EMPTY = "empty"


@flow(name="backfill", persist_result=False, log_prints=False)
def backfill(
    start: date,
    end: date,
    step: Step = "month",
    modalities: list[str] | None = None,
    newest_first: bool = False,
    at_once: int = Field(default=1, ge=1, le=4),
    release: Literal["end", "each"] = "end",
    dry_run: bool = False,
) -> State[Any]:
    """Run build_dataset for each window of study dates; windows that are done are not run again.

    Args:
        start: First study date.
        end: Last study date, included.
        step: How long a window is.
        modalities: Only these, e.g. CT and MR; all of params.yaml's otherwise.
        newest_first: Whether the latest window runs first.
        at_once: How many windows run at a time.
        release: One release at the end, or one after each window.
        dry_run: List the windows and start nothing.
    """
    return decided(lambda: _backfill(start, end, step, modalities, newest_first, at_once, release, dry_run))


def _backfill(
    start: date,
    end: date,
    step: Step,
    modalities: list[str] | None,
    newest_first: bool,
    at_once: int,
    release: str,
    dry_run: bool,
) -> State[Any]:
    if end < start:
        raise ConfigurationError("the window's end is before its start")
    found = sorted(windows(start, end, step), reverse=newest_first)
    if len(found) > MAX_WINDOWS:
        raise ConfigurationError(
            f"{len(found)} windows are too many for one backfill: take a longer step or a shorter window"
        )
    workspace = Workspace.find()
    orthanc_from_secret()
    days = list_study_days(workspace, start, end, modalities)
    filled = [window for window in found if any(window[0] <= day <= window[1] for day in days)]
    outcomes = dict.fromkeys(found, EMPTY)
    if dry_run:
        shown.table("backfill-windows", _rows(outcomes | dict.fromkeys(filled, "would run")), "What would run")
        return Completed(
            name="DryRun", message=f"{len(filled)} of {len(found)} windows would run, the others are empty"
        )
    scope = f"{workspace.pseudonymiser.key_id}:{workspace.settings.export.name}:{'-'.join(modalities or ['all'])}"
    given = {"modalities": modalities, "release": release == "each"}
    fan = Fan(WINDOW, lambda window: f"{scope}:{release}:{window[0]}:{window[1]}", given, at_once, _tidy(workspace))
    progress = shown.Progress("backfill", "windows through")
    for window, outcome in fan.run(filled):
        get_run_logger().info("window %s: %s", _words(window), outcome)
        progress(len(fan.outcomes), len(filled))
    left = len(filled) - len(fan.outcomes)
    outcomes |= dict.fromkeys(filled, "not started") | fan.outcomes
    shown.table("backfill-windows", _rows(outcomes), "One run of build_dataset a window")
    counts = Counter(outcomes.values())
    summary = f"{len(found)} windows: " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    if fan.failed or left:
        return Failed(
            name=fan.stopped or "Failed",
            message=f"{summary}; nothing was released at the end: see the failed runs, then start the same backfill "
            "again, which repeats nothing that is done",
        )
    if not filled:
        return Completed(name="NothingNew", message=f"{summary}: the source has no study in this span")
    if release == "each":
        return Completed(message=summary)
    return _release(start, end, modalities, scope, summary)


def _release(start: date, end: date, modalities: list[str] | None, scope: str, summary: str) -> State[Any]:
    """One run over the whole span: it takes what came in the meantime, and releases."""
    key = f"{scope}:release:{start}:{end}:{flow_run.id or time.time()}"
    run = start_once(RELEASE, {"start": start, "end": end, "modalities": modalities}, key)
    state = follow(run, seconds=float("inf"), every=LOOK_EVERY).state
    if state is None or not state.is_completed():
        name, said = (state.name, state.message) if state else ("Failed", "the releasing run has no state")
        return Failed(name=name, message=f"{summary}; the releasing run: {said}")
    return Completed(name=state.name, message=f"{summary}; {state.message}")


def _tidy(workspace: Workspace) -> Callable[[], None]:
    """Closes windows whose process died, since Prefect would take them for running for good."""

    def tidy() -> None:
        with Ledger.open(workspace) as ledger, suppress(Occupied):  # who holds the workspace put it right
            recover(workspace, ledger)

    return tidy


def _rows(outcomes: dict[tuple[date, date], str]) -> list[dict[str, object]]:
    return [
        {"from": first.isoformat(), "to": last.isoformat(), "run": what} for (first, last), what in outcomes.items()
    ]


def _words(window: tuple[date, date]) -> str:
    return f"{window[0]} to {window[1]}"
