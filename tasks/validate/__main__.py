"""`python -m tasks.validate`: judge data/curated; exit code 3 when a critical rule fails."""

from __future__ import annotations

import sys

from tasks.core.entry import run_stage
from tasks.core.errors import ContractViolation
from tasks.core.workspace import Workspace
from tasks.validate.stage import tell_failures, validate


def main(workspace: Workspace) -> str:
    """Validate, print every rule that failed, and raise `ContractViolation` where one of them is critical."""
    verdicts = validate(workspace)
    for line in tell_failures(verdicts):
        sys.stderr.write(line + "\n")
    blocking = verdicts.blocking
    if blocking:
        names = ", ".join(verdict.name for verdict in blocking)
        raise ContractViolation(
            f"{len(blocking)} critical rule{'' if len(blocking) == 1 else 's'} refused the release ({names}); "
            f"the last release stays as it was; see {workspace.docs / 'index.html'}"
        )
    failed = sum(not verdict.passed for verdict in verdicts.rules)
    waived = f"{len(verdicts.waived)} waived" if verdicts.waived else "none of these critical"
    return f"{len(verdicts.rules)} rules, {failed} failed, {waived}"


if __name__ == "__main__":
    run_stage("validate", main)
