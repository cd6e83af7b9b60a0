"""The stage over a whole workspace: what is new is transformed and entered in the ledger, then the tables are gathered.

The flow spreads units over its own tasks with `unfinished` and `transform_units`, and ends with the same `gather`; both
ways leave the same files.
"""

from __future__ import annotations

from tasks.core.cohort import read_cohort
from tasks.core.models import Frozen
from tasks.core.pool import WorkerPool
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.transform.gather import GatherSummary, gather
from tasks.transform.tabulate import make_features
from tasks.transform.units import transform_units, unfinished, with_archive


class TransformSummary(Frozen):
    """What a run of the stage did: units transformed now, units that were done before, and what there is in all."""

    transformed: int
    unchanged: int
    gathered: GatherSummary
    features: int = 0


def transform(workspace: Workspace) -> TransformSummary:
    """Transform each unit of the cohort that has an archive and isn't done, then gather all of them."""
    units = with_archive(workspace, read_cohort(workspace).units)
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
