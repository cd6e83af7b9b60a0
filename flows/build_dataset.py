"""The main flow: select, extract, de-identify, transform, curate, validate, export, record."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows import artifacts, change_feed
from flows.at_source import Pictured
from flows.failures import Failures
from flows.identity import forget, released_as, remember
from flows.outcome import completed, decided
from flows.params_file import set_params
from flows.recover import PATIENCE, recover, recover_alone
from flows.secrets import orthanc_from_secret
from flows.series import Shift, left_to_do
from tasks.core.cohort import read_cohort
from tasks.core.errors import ConfigurationError, ContractViolation, Occupied
from tasks.core.files import told_plainly
from tasks.core.garbage import collect_less
from tasks.core.models import Cohort
from tasks.core.pool import WorkerPool
from tasks.core.turns import turn
from tasks.core.workspace import Workspace
from tasks.curate.task import curate_tables
from tasks.deidentify.stage import stage_key, unfinished
from tasks.deidentify.task import deidentify_records
from tasks.export.task import export_dataset
from tasks.extract.select import EmptyCohort, Selection
from tasks.extract.source import Source, open_source
from tasks.extract.task import extract_tables, freeze_cohort, select_cohort
from tasks.record.holder import new_holder
from tasks.record.keeper import Keeper
from tasks.record.ledger import Ledger
from tasks.record.register import latest_release
from tasks.record.releases.remote import unpushed
from tasks.record.releases.versioning import ensure_repository
from tasks.record.sinks import sink_of
from tasks.record.task import publish_release, push_releases
from tasks.transform.task import calculate_features, draw_sheets, gather_images
from tasks.validate.suites import read_suites
from tasks.validate.task import run_gates

ROUNDS = 5
"""How often a run looks again for what others took into the cohort and left."""

_FREEZING = 600.0
ModalityChoice = Literal["CT", "MR", "CR", "DX", "MG", "US", "PT", "NM", "XA", "RF", "RTSTRUCT", "RTDOSE", "SEG", "SR"]


@dataclass(frozen=True)
class Window:
    """What a run looks at."""

    start: date | None
    end: date | None
    modalities: list[ModalityChoice] | None
    since: int | None


@dataclass(frozen=True)
class Begun:
    """What a run has brought to images, and how it was selected."""

    cohort: Cohort
    selection: Selection


@flow(
    name="build_dataset",
    persist_result=False,
    log_prints=False,
    task_runner=ThreadPoolTaskRunner(max_workers=6),  # type: ignore[arg-type]
)
def build_dataset(
    start: date | None = None,
    end: date | None = None,
    modalities: list[ModalityChoice] | None = None,
    profile: Literal["basic", "research"] | None = None,
    since_last_run: bool = False,
    release: bool = True,
    dry_run: bool = False,
) -> State[Any]:
    """Take what is new at the source, and release a new version of the dataset if it passes the gates.

    Args:
        start: First study date to look at; what earlier runs took stays in the dataset.
        end: Last study date to look at.
        modalities: Look at these only; all that params.yaml admits otherwise.
        profile: De-identification profile; another one than in params.yaml is written there.
        since_last_run: Look only at what Orthanc's change feed names since the last run.
        release: Release what passes the gates; without, it waits for the next run that releases.
        dry_run: Only count what would be taken.
    """
    return decided(lambda: _build(start, end, modalities, profile, since_last_run, release, dry_run))


def _build(
    start: date | None,
    end: date | None,
    modalities: list[ModalityChoice] | None,
    profile: str | None,
    since_last_run: bool,
    release: bool,
    dry_run: bool,
) -> State[Any]:
    collect_less()
    workspace = Workspace.find()
    orthanc_from_secret()
    workspace.prepare()
    holder = new_holder()
    seconds = workspace.settings.run.lease_seconds
    with (
        told_plainly(workspace.data),
        Ledger.open(workspace) as ledger,
        open_source(workspace) as source,
    ):
        recover(workspace, ledger)
        if profile and not dry_run and profile != workspace.settings.deidentify.profile:
            with workspace.lock():  # who works now must not find other parameters half-way
                workspace = set_params(workspace, {"deidentify.profile": profile})
        _check(workspace)
        window = Window(start, end, modalities, change_feed.read_from(workspace, ledger) if since_last_run else None)
        with workspace.at_desk(holder) as desk, Keeper(ledger, holder, seconds, sink_of(workspace)):
            run = ledger.open_run(_flow_run(), holder, seconds)
            state, cohort = "failed", None
            try:
                for patience in (PATIENCE, *[float("inf")] * (ROUNDS - 1)):
                    with workspace.lock(shared=True, patience=patience):
                        begun = _work(desk, ledger, source, window, holder, dry_run=dry_run)
                    cohort = begun.cohort if isinstance(begun, Begun) else None
                    if not isinstance(begun, Begun):
                        result: State[Any] | None = begun
                    elif release:
                        result = _released(workspace, ledger, begun)
                    else:
                        result = Completed(name="Prepared", message=f"{artifacts.in_words(begun.cohort)} are prepared")
                    if result is not None:
                        state = "completed"
                        return result
                raise ContractViolation(
                    "series that other runs took into the cohort stay unfinished: run again without a window"
                )
            finally:
                ledger.close_run(run, state, ledger.tally(cohort) if cohort else None)


def _work(
    workspace: Workspace, ledger: Ledger, source: Source, window: Window, holder: str, *, dry_run: bool
) -> Begun | State[Any]:
    """Select, freeze, and bring all series to images, with whoever else works here; or say why there is no work."""
    try:
        selection = select_cohort(
            workspace, window.start, window.end, window.modalities, window.since, _left_over(workspace, ledger)
        )
    except EmptyCohort:
        if window.start or window.end or window.modalities:  # an empty day is nothing unusual; an empty cohort is
            return Completed(name="NothingNew", message="the source has nothing in this window")
        raise
    if dry_run:
        artifacts.cohort(selection.cohort)
        return Completed(name="DryRun", message=artifacts.in_words(selection.cohort))
    with turn(workspace.scratch / "freeze.lock", patience=_FREEZING):
        ensure_repository(workspace.root)
        cohort = freeze_cohort(workspace, selection, ledger)
        ledger.register(cohort)
    artifacts.at_source(Pictured(workspace, ledger).counts())  # a server that is away must not keep others waiting
    worked = 0
    if any(left_to_do(workspace, ledger, cohort.units)):
        forget(workspace)  # the note speaks of what is written over now
        with WorkerPool(workspace.settings.run.processes) as pool:
            failures = Failures(workspace, ledger, source, selection)
            run_key = _flow_run() or holder
            shift = Shift(workspace, ledger, source, selection, run_key, holder, pool, failures)
            worked = shift.work(cohort.units)
    get_run_logger().info("%d of %d series needed work", worked, len(cohort.units))
    return (None if worked else _up_to_date(workspace, ledger, selection)) or Begun(cohort, selection)


def _up_to_date(workspace: Workspace, ledger: Ledger, selection: Selection) -> State[Any] | None:
    """How the run ends where exactly what there is was released already, by this run or another."""
    former = released_as(workspace)
    if former is None:
        return None
    change_feed.remember(workspace, ledger, selection)
    return Completed(name="NothingNew", message=f"{former} is up to date: nothing new at the source")


def _released(workspace: Workspace, ledger: Ledger, begun: Begun) -> State[Any] | None:
    """Release with the workspace for this run alone; None where others left series for somebody to do first."""
    with ExitStack() as held:
        try:
            held.enter_context(workspace.lock())
        except Occupied:
            get_run_logger().info("waiting for another run in this workspace: one at a time makes a release")
            held.enter_context(workspace.lock(patience=float("inf")))
        recover_alone(workspace, ledger)
        if Workspace(workspace.root).settings != workspace.settings:
            raise ConfigurationError("params.yaml was changed while this run worked: run again, it goes on from here")
        cohort = read_cohort(workspace)
        if any(left_to_do(workspace, ledger, cohort.units)):
            return None
        return _up_to_date(workspace, ledger, begun.selection) or _release(workspace, ledger, cohort, begun.selection)


def _release(workspace: Workspace, ledger: Ledger, cohort: Cohort, selection: Selection) -> State[Any]:
    forget(workspace)
    extract_tables(workspace, selection)
    deidentify_records(workspace, selection.accessions)
    gather_images(workspace, cohort.units)
    calculate_features(workspace, cohort.units)
    draw_sheets(workspace, cohort.units)
    artifacts.sheets(workspace)
    curate_tables(workspace)
    verdicts = run_gates(workspace)
    artifacts.gates(workspace, verdicts)
    if verdicts.blocking:
        first = verdicts.blocking[0]
        raise ContractViolation(
            f"{len(verdicts.blocking)} critical rule(s) failed, first {first.name} in {first.rows} rows: nothing was "
            f"released and the last release stays as it was; to do: {first.fix}; `sluice gates` and data/docs tell all"
        )
    summary = export_dataset(workspace)
    tally = summary.tally
    artifacts.outcomes(tally)
    release = publish_release(workspace, ledger, tally, _flow_run())
    change_feed.remember(workspace, ledger, selection)
    latest = latest_release(ledger, workspace.settings.export.name)
    if latest:
        remember(workspace, latest.tag)
    behind = _pushed(workspace, ledger)
    if release is None:
        return Completed(
            name="NothingNew", message=f"the dataset is the same as the last release, byte for byte{behind}"
        )
    artifacts.release(workspace, release, summary)
    message = f"{release.tag}: {tally.released} released, {tally.quarantined} quarantined, {tally.skipped} skipped"
    return completed(tally, message + behind)


def _pushed(workspace: Workspace, ledger: Ledger) -> str:
    """Send the releases to the remote, where one is set. A remote that is away takes no release back: it is told."""
    if not unpushed(workspace, ledger):
        return ""
    state = push_releases(workspace, ledger, return_state=True)
    if state.is_completed():
        return ""
    get_run_logger().warning("%s", state.message)
    return "; not at the remote yet: `sluice release push`"


def _check(workspace: Workspace) -> None:
    """Say now what a later stage would refuse after hours of work: an unknown option or keyword, a broken suite."""
    stage_key(workspace)
    read_suites(workspace.expectations)


def _left_over(workspace: Workspace, ledger: Ledger) -> frozenset[str]:
    """Units of the cohort that an earlier run did not finish: to be looked at whatever this run's window is."""
    if not workspace.cohort_lock.exists():
        return frozenset()
    return frozenset(unit.unit for unit in unfinished(workspace, ledger, read_cohort(workspace).units))


def _flow_run() -> str | None:
    return str(flow_run.id) if flow_run.id else None
