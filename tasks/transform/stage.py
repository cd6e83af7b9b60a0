"""The stage over a whole workspace: what is new is transformed and entered in the ledger, then the tables are gathered.

The flow spreads units over its own tasks and ends with the same `gather`; both leave the same files.
"""

from __future__ import annotations

import logging

from pydantic import ValidationError

from tasks.core.errors import ConfigurationError
from tasks.core.models import Cohort, Frozen, Unit
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.transform.gather import GatherSummary, gather, rows_path
from tasks.transform.pool import Job, run_jobs
from tasks.transform.unit import is_made, unit_key

STAGE = "transform"
log = logging.getLogger(__name__)


class TransformSummary(Frozen):
    """What a run of the stage did: units transformed now, units that were done before, and what there is in all."""

    transformed: int
    unchanged: int
    gathered: GatherSummary


def transform(workspace: Workspace) -> TransformSummary:
    """Transform each unit of the cohort that has an archive and isn't done, then gather all of them."""
    units = [unit for unit in _read_cohort(workspace).units if (workspace.deidentified / unit.archive).is_file()]
    settings = workspace.settings
    keys = {unit.unit: unit_key(workspace.deidentified / unit.archive, settings.transform) for unit in units}
    with Ledger.open(workspace) as ledger:
        done = ledger.done(units, STAGE, keys)
        waiting = [unit for unit in units if unit.unit not in done or not _is_made(workspace, unit, keys[unit.unit])]
        jobs = [_job(workspace, unit) for unit in waiting]
        for count, (unit, result) in enumerate(run_jobs(jobs, settings.run.processes), start=1):
            ledger.record(unit, STAGE, keys[unit.unit], result)
            if count % 100 == 0:
                log.info("%d of %d units are transformed", count, len(jobs))
    return TransformSummary(
        transformed=len(waiting), unchanged=len(units) - len(waiting), gathered=gather(workspace, units)
    )


def _read_cohort(workspace: Workspace) -> Cohort:
    try:
        return Cohort.model_validate_json(workspace.cohort_lock.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError("no data/cohort.lock: select a cohort with `python -m tasks.extract` first") from None
    except ValidationError:
        raise ConfigurationError(
            "data/cohort.lock is not a cohort: select it again with `python -m tasks.extract`"
        ) from None


def _is_made(workspace: Workspace, unit: Unit, key: str) -> bool:
    return is_made(rows_path(workspace, unit), workspace.images, key)


def _job(workspace: Workspace, unit: Unit) -> Job:
    archive = workspace.deidentified / unit.archive
    return archive, workspace.images, rows_path(workspace, unit), unit, workspace.settings.transform
