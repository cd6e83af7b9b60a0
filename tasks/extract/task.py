"""Prefect tasks of extraction: selecting the cohort, freezing it, and fetching a batch of series into quarantine."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from prefect.runtime import task_run

from tasks.core.errors import TransientSourceError
from tasks.core.models import Cohort, Item, Unit, UnitResult
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.extract.fetch import fetch_unit
from tasks.extract.freeze import freeze
from tasks.extract.select import Selection, select, study_days
from tasks.extract.source import Source
from tasks.extract.tables import fetch_tables
from tasks.record.ledger import Ledger
from tasks.retryable import RETRIES, retryable

log = logging.getLogger(__name__)
STAGE = "extract"


@retryable("select")
def select_cohort(
    workspace: Workspace,
    start: date | None,
    end: date | None,
    modalities: Sequence[str] | None,
    since_change: int | None,
    also: Collection[str],
) -> Selection:
    """List what the source has now and the criteria admit."""
    return select(workspace, start=start, end=end, modalities=modalities, since_change=since_change, also=also)


@retryable("list study dates")
def list_study_days(
    workspace: Workspace, start: date | None, end: date | None, modalities: Sequence[str] | None
) -> frozenset[date]:
    """The dates on which the source has something, so that no run is started for the others."""
    return study_days(workspace, start, end, modalities)


@retryable("freeze", retries=0)
def freeze_cohort(workspace: Workspace, selection: Selection, ledger: Ledger) -> Cohort:
    """Write data/cohort.lock, and enter what was seen."""
    return freeze(workspace, selection, ledger)


@retryable("extract tables")
def extract_tables(workspace: Workspace, selection: Selection) -> None:
    """Copy the tables of labels and records into quarantine."""
    fetch_tables(workspace, selection)


@retryable("extract", run_name="extract {label}")
def extract_batch(
    label: str,  # noqa: ARG001 - names the task run
    workspace: Workspace,
    ledger: Ledger,
    source: Source,
    selection: Selection,
    units: Sequence[Unit],
    run_key: str,
) -> int:
    """Fetch `units` into quarantine over parallel connections; returns how many items arrived.

    A retry fetches only what is missing. A series that fails on each attempt is set aside with its reason and the rest
    goes on; when every series fails, the source is down, and the task fails.
    """
    settings = workspace.settings
    last = (task_run.run_count or 1) > RETRIES
    fetched = ledger.done(units, STAGE, run_key)
    missing = [unit for unit in units if unit.unit not in fetched or not (workspace.quarantine / unit.unit).is_dir()]

    def fetch(unit: Unit) -> UnitResult | TransientSourceError:
        try:
            return fetch_unit(source, selection, unit, workspace.quarantine, final=last)
        except TransientSourceError as error:
            return error

    failed: list[tuple[Unit, TransientSourceError]] = []
    arrived = 0
    place = ledger.place("source", settings.run.fetching, settings.run.lease_seconds)
    with place, ThreadPoolExecutor(settings.extract.connections) as pool:
        for unit, result in zip(missing, pool.map(fetch, missing), strict=True):
            if isinstance(result, TransientSourceError):
                failed.append((unit, result))
            else:
                ledger.record(unit, STAGE, run_key, result)
                arrived += result.kept
    if failed and (len(failed) == len(units) or not last or not source.alive()):
        raise failed[0][1]  # a source that is down is no series' fault
    for unit, _ in failed:
        log.warning("series %s set aside: the source failed on each attempt", unit.unit)
        items = tuple(Item.refused(handle.item, Reason.TRANSFER_FAILED) for handle in selection.handles[unit.unit])
        ledger.record(unit, STAGE, run_key, UnitResult(unit=unit.unit, items=items))
    return arrived
