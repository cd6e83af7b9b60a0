"""The Prefect task of the gates."""

from __future__ import annotations

from tasks.core.models import Verdicts
from tasks.core.workspace import Workspace
from tasks.retryable import retryable
from tasks.validate.stage import validate


@retryable("validate", retries=1)
def run_gates(workspace: Workspace) -> Verdicts:
    """Run every suite of expectations/ and write verdicts and data docs."""
    return validate(workspace)
