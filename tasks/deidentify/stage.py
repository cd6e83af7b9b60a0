"""The stage over a whole workspace: unit by unit, fetched, de-identified in a pool of processes, original deleted.

How a unit is fetched is passed in (`Feed`), so that this room knows no source. The flow fetches by itself and uses
`unfinished`, `deidentify_units` and `deidentify_records`; both ways leave the same files.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from tasks.core.batches import cut
from tasks.core.cohort import read_cohort
from tasks.core.digests import file_digests
from tasks.core.files import remove_except, write_json
from tasks.core.models import Cohort, Frozen, Item, Unit, UnitResult
from tasks.core.pool import WorkerPool
from tasks.core.reasons import Reason
from tasks.core.settings import digest
from tasks.core.workspace import Workspace
from tasks.deidentify import VERSION
from tasks.deidentify.rules.profile import profile_digest
from tasks.deidentify.statement import statement_file, write_statement
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
    """The units to fetch and de-identify: not done with this key, or their archive is gone or damaged."""
    done = ledger.done(units, STAGE, stage_key(workspace))
    made = ledger.digests([unit for unit in units if unit.unit in done], STAGE)

    with file_digests(workspace) as digests:

        def is_there(unit: Unit) -> bool:
            # A unit of which nothing was kept has no digest and no archive.
            archive, digest = workspace.deidentified / unit.archive, made[unit.unit]
            return digest is None or (archive.is_file() and digests.of(archive) == digest)

        return [unit for unit in units if unit.unit not in made or not is_there(unit)]


def deidentify(workspace: Workspace, connect: Callable[[], AbstractContextManager[Feed]]) -> DeidentifySummary:
    """De-identify what is new of data/cohort.lock, take away what left it, and do the tables.

    `connect` is called only when something has to be fetched. Raises `TransientSourceError` when the source is down:
    what was done until then is recorded, and the next run goes on from there.
    """
    cohort = read_cohort(workspace)
    workspace.deidentified.mkdir(parents=True, exist_ok=True)
    with Ledger.open(workspace) as ledger:
        ledger.register(cohort)
        waiting = unfinished(workspace, ledger, cohort.units)
        removed, tables = remove_strays(workspace, cohort.units), dict[str, int]()
        if waiting or not _records_are_done(workspace, cohort):
            with connect() as feed:
                _work_off(workspace, ledger, feed, waiting)
                tables = deidentify_records(workspace, feed.fetch_tables())
        items = [item for result in ledger.results(waiting, STAGE).values() for item in result.items]
    reasons = Counter(item.reason.code for item in items if item.reason is not None)
    return DeidentifySummary(
        done_now=len(waiting),
        unchanged=len(cohort.units) - len(waiting),
        kept=sum(item.reason is None for item in items),
        refused=dict(sorted(reasons.items())),
        removed=removed,
        tables=tables,
    )


def deidentify_units(workspace: Workspace, ledger: Ledger, units: Sequence[Unit], pool: WorkerPool) -> int:
    """De-identify those `units` that lie in quarantine, and delete their identified bytes; returns the items kept.

    Each unit is entered in the ledger as it is done. One that kills its process is refused as a whole.
    """
    present = [unit for unit in units if (workspace.quarantine / unit.unit).is_dir()]
    settings, key, kept = workspace.settings.deidentify, stage_key(workspace), 0
    jobs = [
        (workspace.quarantine / unit.unit, workspace.deidentified / unit.archive, unit, settings, workspace.key_file)
        for unit in present
    ]
    for index, result in pool.run(deidentify_unit, jobs):
        source, target, unit, *_ = jobs[index]
        if result is None:
            logger.warning("%s: its process died; the series is refused", unit.unit)
            target.unlink(missing_ok=True)
            names = sorted(path.stem for path in source.glob("*.dcm"))
            items = tuple(Item.refused(name, Reason.DEIDENTIFY_FAILED) for name in names)
            result = UnitResult(unit=unit.unit, items=items)
        ledger.record(unit, STAGE, key, result)
        shutil.rmtree(source)
        kept += result.kept
    return kept


def deidentify_records(workspace: Workspace, accessions: Mapping[str, tuple[str, str]]) -> dict[str, int]:
    """De-identify the tables that lie in quarantine, delete the originals, and note what was done by which profile.

    Also takes away the archives of former series, so that the flow and `python -m` leave the same files.
    """
    from tasks.deidentify.records.tables import deidentify_tables  # with pandas, which series have no need of

    cohort = read_cohort(workspace)
    remove_strays(workspace, cohort.units)
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
    write_statement(workspace)
    write_json(_note(workspace), {"key": _records_key(workspace, cohort)})
    return counts


def remove_strays(workspace: Workspace, units: Collection[Unit]) -> int:
    """Take away the archives of series that are no longer in the cohort; returns how many."""
    return remove_except(workspace.deidentified, {workspace.deidentified / unit.archive for unit in units}, "*.zip")


def _work_off(workspace: Workspace, ledger: Ledger, feed: Feed, units: Sequence[Unit]) -> None:
    """Batch by batch: fetched on threads, de-identified in processes, so that quarantine holds one batch at most."""
    settings, key, done = workspace.settings, stage_key(workspace), 0
    if not units:
        return
    with WorkerPool(settings.run.processes) as pool, ThreadPoolExecutor(settings.extract.connections) as threads:
        for batch in cut(units, settings.run):
            try:
                for unit, fetched in zip(batch, threads.map(feed.fetch, batch), strict=True):
                    ledger.record(unit, "extract", key, fetched)
                deidentify_units(workspace, ledger, batch, pool)
            finally:
                for unit in batch:
                    shutil.rmtree(workspace.quarantine / unit.unit, ignore_errors=True)
            done += len(batch)
            logger.info("%d of %d series are de-identified", done, len(units))


def _records_are_done(workspace: Workspace, cohort: Cohort) -> bool:
    note, outputs = _note(workspace), workspace.deidentified / "records"
    made = [note, statement_file(workspace), *(outputs / f"{name}.parquet" for name in cohort.tables)]
    if not all(path.is_file() for path in made):
        return False
    return bool(json.loads(note.read_text(encoding="utf-8")).get("key") == _records_key(workspace, cohort))


def _records_key(workspace: Workspace, cohort: Cohort) -> str:
    facts = [stage_key(workspace), sorted(cohort.tables.items()), sorted({unit.study for unit in cohort.units})]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _note(workspace: Workspace) -> Path:
    return workspace.scratch / "deidentify" / "records.json"
