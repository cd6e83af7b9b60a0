"""The Prefect task of export. Its libraries are imported when it runs: most runs release nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.core.workspace import Workspace
from tasks.retryable import retryable

if TYPE_CHECKING:
    from tasks.export.stage import ExportSummary


@retryable("export", retries=1)
def export_dataset(workspace: Workspace) -> ExportSummary:
    """Write the tidy dataset beside its place and rename it."""
    from tasks.export.stage import export

    return export(workspace)
