"""The stage over a whole workspace: unit by unit, fetched, de-identified in a pool of processes, original deleted.

How a unit is fetched is passed in (`Feed`), so that this room knows no source. The flow uses the same `stage_key`,
`unfinished` and `records`, and spreads the units over its own tasks.
"""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from tasks.core.entry import quiet_libraries
from tasks.core.errors import ConfigurationError
from tasks.core.files import remove_except, write_json
from tasks.core.models import Cohort, Frozen, Unit, UnitResult
from tasks.core.settings import digest
from tasks.core.workspace import Workspace
from tasks.deidentify import VERSION
from tasks.deidentify.profile import profile_digest
from tasks.deidentify.tables import deidentify_tables
from tasks.deidentify.unit import deidentify_unit
from tasks.record.ledger import Ledger

STAGE = "deidentify"
TABLES = "tables"
logger = logging.getLogger(__name__)


class Feed(Protocol):
    """What brings identified bytes into quarantine. Methods may be called from several threads."""

    def fetch(self, unit: Unit) -> UnitResult:
        """Copy the unit's items to `quarantine/<unit>/<item>.dcm`."""

    def fetch_tables(self) -> Mapping[str, tuple[str, str]]:
        """Copy the tables to `quarantine/tables`; returns AccessionNumber to (patient, study)."""


class DeidentifySummary(Frozen):
    """What a run of the stage did: units done now and before, their items, archives taken away, and table counts."""

    done_now: int
    unchanged: int
    kept: int
    refused: dict[str, int]
    removed: int
    tables: dict[str, int]


def stage_key(workspace: Workspace) -> str:
    """Changes with whatever changes the bytes of a de-identified unit, except the unit itself."""
    settings = workspace.settings.deidentify
    parts = (digest(settings), profile_digest(settings), str(VERSION), workspace.pseudonymiser.key_id)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def unfinished(workspace: Workspace, ledger: Ledger, units: Sequence[Unit]) -> list[Unit]:
    """The units that have to be fetched and de-identified: not done with this key, or their archive is gone."""
    done = ledger.done(units, STAGE, stage_key(workspace))
    results = ledger.results([unit for unit in units if unit.unit in done], STAGE)

    def is_there(unit: Unit) -> bool:
        # A unit of which nothing was kept has no digest and no archive.
        nothing_kept = unit.unit in results and results[unit.unit].digest is None
        return nothing_kept or (workspace.deidentified / unit.archive).is_file()

    return [unit for unit in units if unit.unit not in done or not is_there(unit)]


def deidentify(workspace: Workspace, connect: Callable[[], AbstractContextManager[Feed]]) -> DeidentifySummary:
    """De-identify what is new of data/cohort.lock, take away what left it, and do the tables.

    `connect` is called only when something has to be fetched. Raises `TransientSourceError` when the source is down:
    what was done until then is recorded, and the next run goes on from there.
    """
    cohort = _read_cohort(workspace)
    workspace.deidentified.mkdir(parents=True, exist_ok=True)
    with Ledger.open(workspace) as ledger:
        ledger.register(cohort)
        waiting = unfinished(workspace, ledger, cohort.units)
        results: list[UnitResult] = []
        tables: dict[str, int] = {}
        if waiting or not _records_are_done(workspace, cohort):
            with connect() as feed:
                results = _work_off(workspace, ledger, feed, waiting)
                tables = records(workspace, feed.fetch_tables(), cohort)
        removed = remove_strays(workspace, cohort.units)
    refused: dict[str, int] = {}
    for item in (item for result in results for item in result.items if item.reason is not None):
        refused[item.reason.code] = refused.get(item.reason.code, 0) + 1  # type: ignore[union-attr]
    return DeidentifySummary(
        done_now=len(results),
        unchanged=len(cohort.units) - len(waiting),
        kept=sum(result.kept for result in results),
        refused=dict(sorted(refused.items())),
        removed=removed,
        tables=tables,
    )


def records(
    workspace: Workspace, accessions: Mapping[str, tuple[str, str]], cohort: Cohort | None = None
) -> dict[str, int]:
    """De-identify the tables that lie in quarantine, delete the originals, and note that it was done."""
    folder = workspace.quarantine / TABLES
    try:
        counts = deidentify_tables(
            folder,
            workspace.deidentified / "records",
            workspace.settings.deidentify,
            workspace.pseudonymiser,
            accessions,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    write_json(_note(workspace), {"key": _records_key(workspace, cohort or _read_cohort(workspace))})
    return counts


def remove_strays(workspace: Workspace, units: Collection[Unit]) -> int:
    """Take away the archives of series that are no longer in the cohort; returns how many."""
    return remove_except(workspace.deidentified, {workspace.deidentified / unit.archive for unit in units}, "*.zip")


def _work_off(workspace: Workspace, ledger: Ledger, feed: Feed, units: Sequence[Unit]) -> list[UnitResult]:
    """Fetch on threads, de-identify in processes; the ledger is written here alone."""
    settings, key = workspace.settings, stage_key(workspace)
    context = multiprocessing.get_context("spawn")
    results: list[UnitResult] = []
    with (
        ProcessPoolExecutor(settings.run.processes, mp_context=context, initializer=quiet_libraries) as processes,
        ThreadPoolExecutor(settings.extract.connections) as threads,
    ):

        def run(unit: Unit) -> tuple[UnitResult, UnitResult]:
            folder = workspace.quarantine / unit.unit
            try:
                fetched = feed.fetch(unit)
                target = workspace.deidentified / unit.archive
                arguments = (folder, target, unit, settings.deidentify, workspace.key_file)
                return fetched, processes.submit(deidentify_unit, *arguments).result()
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        futures = {threads.submit(run, unit): unit for unit in units}
        try:
            for count, future in enumerate(as_completed(futures), start=1):
                fetched, result = future.result()
                ledger.record(futures[future], "extract", key, fetched)
                ledger.record(futures[future], STAGE, key, result)
                results.append(result)
                if count % 100 == 0:
                    logger.info("%d of %d series are de-identified", count, len(units))
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    return results


def _records_are_done(workspace: Workspace, cohort: Cohort) -> bool:
    note, outputs = _note(workspace), workspace.deidentified / "records"
    if not note.is_file() or any(not (outputs / f"{name}.parquet").is_file() for name in cohort.tables):
        return False
    return bool(json.loads(note.read_text(encoding="utf-8")).get("key") == _records_key(workspace, cohort))


def _records_key(workspace: Workspace, cohort: Cohort) -> str:
    facts = [stage_key(workspace), sorted(cohort.tables.items()), sorted({unit.study for unit in cohort.units})]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _note(workspace: Workspace) -> Path:
    return workspace.scratch / "deidentify" / "records.json"


def _read_cohort(workspace: Workspace) -> Cohort:
    try:
        return Cohort.model_validate_json(workspace.cohort_lock.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError("no data/cohort.lock: select a cohort with `python -m tasks.extract` first") from None
    except ValueError:
        raise ConfigurationError(
            "data/cohort.lock is not a cohort: select it again with `python -m tasks.extract`"
        ) from None
