"""The Prefect task of curation. Its libraries are imported when it runs: most runs release nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.core.workspace import Workspace
from tasks.retryable import retryable

if TYPE_CHECKING:
    from tasks.curate.stage import CurateSummary


@retryable("curate", retries=1)
def curate_tables(workspace: Workspace) -> CurateSummary:
    """Join labels, drop duplicates, flag quality and split patients."""
    from tasks.curate.stage import curate

    return curate(workspace)
