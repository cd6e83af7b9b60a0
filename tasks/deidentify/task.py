"""Prefect tasks of de-identification: a batch of series to clean archives, and the tables of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.core.models import Unit
from tasks.core.pool import WorkerPool
from tasks.core.workspace import Workspace
from tasks.deidentify.stage import deidentify_records as deidentify_tables
from tasks.deidentify.stage import deidentify_units
from tasks.record.ledger import Ledger
from tasks.retryable import retryable


@retryable("deidentify", run_name="deidentify {label}")
def deidentify_batch(
    label: str,  # noqa: ARG001 - names the task run
    workspace: Workspace,
    ledger: Ledger,
    units: Sequence[Unit],
    pool: WorkerPool,
) -> int:
    """De-identify `units` from quarantine and delete their identified bytes; returns how many items are kept."""
    return deidentify_units(workspace, ledger, units, pool)


@retryable("deidentify tables", retries=1)
def deidentify_records(workspace: Workspace, accessions: Mapping[str, tuple[str, str]]) -> dict[str, int]:
    """Replace the identifiers in the tables of labels and records, and delete their identified copies."""
    return deidentify_tables(workspace, accessions)
