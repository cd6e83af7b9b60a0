"""`python -m tasks.record`: publish what `dvc repro` made."""

from __future__ import annotations

from tasks.core.entry import run_stage
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.releases.release import publish


def record(workspace: Workspace) -> str:
    """Publish the exported dataset where it is new; returns one line."""
    with Ledger.open(workspace) as ledger:
        release = publish(workspace, ledger)
    if release is None:
        return "nothing new, so no new release"
    return f"published {release.tag} (DVC {release.dvc}, commit {release.commit[:12]})"


if __name__ == "__main__":
    run_stage("record", record)
