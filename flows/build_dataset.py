"""The main flow: select, extract, de-identify, transform, curate, validate, export, record."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows import artifacts
from flows.identity import forget, released_as, remember
from flows.outcome import completed, decided
from flows.params_file import set_params
from flows.secrets import orthanc_from_secret
from flows.series import process
from tasks.core.cohort import read_cohort
from tasks.core.errors import ContractViolation
from tasks.core.files import told_plainly
from tasks.core.models import Cohort
from tasks.core.workspace import Workspace
from tasks.curate.task import curate_tables
from tasks.deidentify.stage import stage_key, unfinished
from tasks.deidentify.task import deidentify_records
from tasks.export.task import export_dataset
from tasks.extract.select import EmptyCohort, Selection
from tasks.extract.source import Source, open_source
from tasks.extract.task import extract_tables, freeze_cohort, select_cohort
from tasks.record.ledger import Ledger
from tasks.record.register import latest_release
from tasks.record.task import publish_release
from tasks.record.versioning import ensure_repository
from tasks.transform.task import gather_images
from tasks.validate.suites import read_suites
from tasks.validate.task import run_gates

CHANGES = "orthanc-changes"
ModalityChoice = Literal["CT", "MR", "CR", "DX", "MG", "US", "PT", "NM", "XA", "RF", "RTSTRUCT", "RTDOSE", "SEG", "SR"]


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
    dry_run: bool = False,
) -> State[Any]:
    """Take what is new at the source, and release a new version of the dataset if it passes the gates.

    Args:
        start: First study date to look at; what earlier runs took stays in the dataset.
        end: Last study date to look at.
        modalities: Look at these only; all that params.yaml admits otherwise.
        profile: De-identification profile; another one than in params.yaml is written there.
        since_last_run: Look only at what Orthanc's change feed names since the last run.
        dry_run: Only count what would be taken.
    """
    return decided(lambda: _build(start, end, modalities, profile, since_last_run, dry_run))


def _build(
    start: date | None,
    end: date | None,
    modalities: list[ModalityChoice] | None,
    profile: str | None,
    since_last_run: bool,
    dry_run: bool,
) -> State[Any]:
    workspace = Workspace.find()
    orthanc_from_secret()
    with (
        told_plainly(workspace.data),
        workspace.lock(),
        Ledger.open(workspace) as ledger,
        open_source(workspace) as source,
    ):
        workspace.sweep_quarantine()
        if profile and not dry_run and profile != workspace.settings.deidentify.profile:
            workspace = set_params(workspace, {"deidentify.profile": profile})
        _check(workspace)
        since = ledger.cursor(CHANGES) if since_last_run else None
        try:
            selection = select_cohort(workspace, start, end, modalities, since, _left_over(workspace, ledger))
        except EmptyCohort:
            if start or end or modalities:  # an empty day is nothing unusual; an empty cohort is a mistake
                return Completed(name="NothingNew", message="the source has nothing in this window")
            raise
        if dry_run:
            artifacts.cohort(selection.cohort)
            return Completed(name="DryRun", message=artifacts.in_words(selection.cohort))
        ensure_repository(workspace.root)
        cohort = freeze_cohort(workspace, selection)
        ledger.register(cohort)
        run = ledger.open_run(_flow_run())
        state = "failed"
        try:
            result = _release(workspace, ledger, source, selection, cohort)
            state = "completed"
            if selection.cursor is not None:
                ledger.set_cursor(CHANGES, selection.cursor)
            return result
        finally:
            ledger.close_run(run, state, ledger.tally(cohort))


def _release(workspace: Workspace, ledger: Ledger, source: Source, selection: Selection, cohort: Cohort) -> State[Any]:
    worked = process(workspace, ledger, source, selection, cohort.units, run_key=_flow_run() or "by hand")
    get_run_logger().info("%d of %d series needed work", worked, len(cohort.units))
    former = released_as(workspace)
    if worked == 0 and former:
        return Completed(name="NothingNew", message=f"{former} is up to date: nothing new at the source")
    forget(workspace)
    extract_tables(workspace, selection)
    deidentify_records(workspace, selection.accessions)
    gather_images(workspace, cohort.units)
    curate_tables(workspace)
    verdicts = run_gates(workspace)
    artifacts.gates(workspace, verdicts)
    if verdicts.blocking:
        first = verdicts.blocking[0]
        raise ContractViolation(
            f"{len(verdicts.blocking)} critical rule(s) failed, first {first.suite}/{first.rule} in {first.rows} rows: "
            "nothing was released and the last release stays as it was; see the artifact `gates` and data/docs"
        )
    summary = export_dataset(workspace)
    tally = summary.tally
    artifacts.outcomes(tally)
    release = publish_release(workspace, ledger, tally, _flow_run())
    latest = latest_release(ledger, workspace.settings.export.name)
    if latest:
        remember(workspace, latest.tag)
    if release is None:
        return Completed(name="NothingNew", message="the dataset is the same as the last release, byte for byte")
    artifacts.release(workspace, release, summary)
    message = f"{release.tag}: {tally.released} released, {tally.quarantined} quarantined, {tally.skipped} skipped"
    return completed(tally, message)


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
