"""The Prefect task of export."""

from __future__ import annotations

from tasks.core.workspace import Workspace
from tasks.export.stage import ExportSummary, export
from tasks.retryable import retryable


@retryable("export", retries=1)
def export_dataset(workspace: Workspace) -> ExportSummary:
    """Write the tidy dataset beside its place and rename it."""
    return export(workspace)
