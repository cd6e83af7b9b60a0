"""The Prefect task of curation."""

from __future__ import annotations

from tasks.core.workspace import Workspace
from tasks.curate.stage import CurateSummary, curate
from tasks.retryable import retryable


@retryable("curate", retries=1)
def curate_tables(workspace: Workspace) -> CurateSummary:
    """Join labels, drop duplicates, flag quality and split patients."""
    return curate(workspace)
