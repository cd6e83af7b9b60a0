"""Prefect tasks of the transform: a batch of series to images and rows, and the tables of all of them.

What only a release needs is imported when it is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tasks.core.models import Unit
from tasks.core.pool import WorkerPool
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.retryable import retryable
from tasks.transform.units import transform_units

if TYPE_CHECKING:
    from tasks.transform.gather import GatherSummary


@retryable("transform", run_name="transform {label}")
def transform_batch(
    label: str,  # noqa: ARG001 - names the task run
    workspace: Workspace,
    ledger: Ledger,
    units: Sequence[Unit],
    pool: WorkerPool,
) -> int:
    """Make the images and rows of `units`; returns how many instances came through."""
    return transform_units(workspace, ledger, units, pool)


@retryable("gather", retries=1)
def gather_images(workspace: Workspace, units: Iterable[Unit]) -> GatherSummary:
    """Write the tables of instances and series, and remove images of series that left the cohort."""
    from tasks.transform.gather import gather

    kept = [unit for unit in units if (workspace.deidentified / unit.archive).is_file()]
    return gather(workspace, kept)


@retryable("calculate features", retries=1)
def calculate_features(workspace: Workspace, units: Iterable[Unit]) -> int:
    """Write the table of radiomic features, where params.yaml asks for it; returns its number of rows."""
    from tasks.transform.tabulate import make_features

    return make_features(workspace, units)


@retryable("draw sheets", retries=0)
def draw_sheets(workspace: Workspace, units: Iterable[Unit]) -> int:
    """Draw the contact sheets of data/look that are not there yet; returns how many."""
    from tasks.transform.look.patients import draw_patients

    return draw_patients(workspace, units)
