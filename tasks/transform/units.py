"""The units of a workspace: which of them are to be transformed, and through a pool of processes they go.

What reads pixels is imported where there is work: many runs find none. A unit without an archive (nothing of it was
kept) is none of this stage's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from tasks.core.digests import file_digests
from tasks.core.models import Unit
from tasks.core.pool import WorkerPool
from tasks.core.settings import TransformSettings
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.transform.done import is_made, key_of, rows_path

STAGE = "transform"
log = logging.getLogger(__name__)


def unfinished(workspace: Workspace, ledger: Ledger, units: Sequence[Unit]) -> list[Unit]:
    """The units that have an archive, and are not done with its bytes and these settings or lost an image."""
    return _unfinished(workspace, ledger, units)[0]


def transform_units(workspace: Workspace, ledger: Ledger, units: Sequence[Unit], pool: WorkerPool) -> int:
    """Transform what is unfinished of `units` and enter it in the ledger; returns how many instances came through.

    A unit whose decoding kills its process is refused as a whole, with DECODE_FAILED.
    """
    from tasks.transform.unit import refuse_unit, transform_unit

    waiting, keys = _unfinished(workspace, ledger, units)
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


def with_archive(workspace: Workspace, units: Sequence[Unit]) -> list[Unit]:
    """Those of which something was kept."""
    return [unit for unit in units if (workspace.deidentified / unit.archive).is_file()]


def _unfinished(workspace: Workspace, ledger: Ledger, units: Sequence[Unit]) -> tuple[list[Unit], dict[str, str]]:
    """The units that are to be transformed, and the key of each that has an archive."""
    present = with_archive(workspace, units)
    keys = _keys(workspace, present)
    done = ledger.done(present, STAGE, keys)

    def is_there(unit: Unit) -> bool:
        return unit.unit in done and is_made(rows_path(workspace, unit), workspace.images, keys[unit.unit])

    return [unit for unit in present if not is_there(unit)], keys


def _keys(workspace: Workspace, units: Sequence[Unit]) -> dict[str, str]:
    """What each unit's result depends on; an archive that was read before and stayed is not read again."""
    with file_digests(workspace) as digests:
        archives = {unit.unit: digests.of(workspace.deidentified / unit.archive) for unit in units}
    return {unit: key_of(digest, workspace.settings.transform) for unit, digest in archives.items()}


def _job(workspace: Workspace, unit: Unit) -> tuple[Path, Path, Path, Unit, TransformSettings]:
    archive = workspace.deidentified / unit.archive
    return archive, workspace.images, rows_path(workspace, unit), unit, workspace.settings.transform
