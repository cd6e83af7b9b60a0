"""The Prefect task of the gates. Its libraries are imported when it runs: most runs release nothing."""

from __future__ import annotations

from tasks.core.models import Verdicts
from tasks.core.workspace import Workspace
from tasks.retryable import retryable


@retryable("validate", retries=1)
def run_gates(workspace: Workspace) -> Verdicts:
    """Run every suite of expectations/ and write verdicts and data docs."""
    from tasks.validate.stage import validate

    return validate(workspace)
