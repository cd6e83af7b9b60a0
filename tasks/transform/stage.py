"""The stage over a whole workspace: what is new is transformed and entered in the ledger, then the tables are gathered.

The flow spreads units over its own tasks with `unfinished` and `transform_units`, and ends with the same `gather`; both
ways leave the same files. A unit without an archive (nothing of it was kept) is none of this stage's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from tasks.core.cohort import read_cohort
from tasks.core.digests import file_digests
from tasks.core.models import Frozen, Unit
from tasks.core.pool import WorkerPool
from tasks.core.settings import TransformSettings
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.transform.done import is_made, key_of
from tasks.transform.gather import GatherSummary, gather, rows_path
from tasks.transform.tabulate import make_features
from tasks.transform.unit import refuse_unit, transform_unit

STAGE = "transform"
log = logging.getLogger(__name__)


class TransformSummary(Frozen):
    """What a run of the stage did: units transformed now, units that were done before, and what there is in all."""

    transformed: int
    unchanged: int
    gathered: GatherSummary
    features: int = 0


def transform(workspace: Workspace) -> TransformSummary:
    """Transform each unit of the cohort that has an archive and isn't done, then gather all of them."""
    units = _with_archive(workspace, read_cohort(workspace).units)
    with Ledger.open(workspace) as ledger:
        waiting = unfinished(workspace, ledger, units)
        if waiting:
            with WorkerPool(min(workspace.settings.run.processes, len(waiting))) as pool:
                transform_units(workspace, ledger, waiting, pool)
    gathered = gather(workspace, units)
    features = make_features(workspace, units)
    return TransformSummary(
        transformed=len(waiting), unchanged=len(units) - len(waiting), gathered=gathered, features=features
    )


def unfinished(workspace: Workspace, ledger: Ledger, units: Sequence[Unit]) -> list[Unit]:
    """The units that have an archive, and are not done with its bytes and these settings or lost an image."""
    present = _with_archive(workspace, units)
    keys = _keys(workspace, present)
    done = ledger.done(present, STAGE, keys)

    def is_there(unit: Unit) -> bool:
        return unit.unit in done and is_made(rows_path(workspace, unit), workspace.images, keys[unit.unit])

    return [unit for unit in present if not is_there(unit)]


def transform_units(workspace: Workspace, ledger: Ledger, units: Sequence[Unit], pool: WorkerPool) -> int:
    """Transform what is unfinished of `units` and enter it in the ledger; returns how many instances came through.

    A unit whose decoding kills its process is refused as a whole, with DECODE_FAILED.
    """
    waiting = unfinished(workspace, ledger, units)
    keys = _keys(workspace, waiting)
    jobs = [_job(workspace, unit) for unit in waiting]
    kept = 0
    for count, (index, made) in enumerate(pool.run(transform_unit, jobs), start=1):
        unit = waiting[index]
        if made is None:
            log.warning("unit %s killed its process and is refused", unit.unit)
        result = made if made is not None else refuse_unit(*jobs[index])
        ledger.record(unit, STAGE, keys[unit.unit], result)
        kept += result.kept
        if count % 100 == 0:
            log.info("%d of %d units are transformed", count, len(jobs))
    return kept


def _with_archive(workspace: Workspace, units: Sequence[Unit]) -> list[Unit]:
    return [unit for unit in units if (workspace.deidentified / unit.archive).is_file()]


def _keys(workspace: Workspace, units: Sequence[Unit]) -> dict[str, str]:
    """What each unit's result depends on; an archive that was read before and stayed is not read again."""
    with file_digests(workspace) as digests:
        archives = {unit.unit: digests.of(workspace.deidentified / unit.archive) for unit in units}
    return {unit: key_of(digest, workspace.settings.transform) for unit, digest in archives.items()}


def _job(workspace: Workspace, unit: Unit) -> tuple[Path, Path, Path, Unit, TransformSettings]:
    archive = workspace.deidentified / unit.archive
    return archive, workspace.images, rows_path(workspace, unit), unit, workspace.settings.transform
