"""The Prefect tasks of the record: the bytes in DVC, the commit, the tag and the register; the copy at the remote."""

from __future__ import annotations

from tasks.core.models import Tally
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.register import Release
from tasks.record.releases.release import STAGES, publish
from tasks.record.releases.remote import configure, push
from tasks.record.releases.versioning import commit_stages
from tasks.retryable import retryable


@retryable("record", retries=1)
def publish_release(workspace: Workspace, ledger: Ledger, tally: Tally, flow_run: str | None) -> Release | None:
    """Put the bytes into DVC, commit, tag and register; None where the latest release holds the same."""
    commit_stages(workspace.root, STAGES)
    configure(workspace)
    return publish(workspace, ledger, flow_run=flow_run, tally=tally)


@retryable("push")
def push_releases(workspace: Workspace, ledger: Ledger) -> tuple[str, ...]:
    """Send DVC's bytes of the releases to the remote; returns the tags that arrived. Tried again where it fails."""
    return push(workspace, ledger)
