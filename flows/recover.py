"""What a run puts right before it begins: runs, leases, identified bytes and half-written files of dead processes.

A living run holds the lock of its desk, and on this machine its process is there; where neither tells, one that is
silent for longer than its lease is taken for gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from flows.shown import SILENT
from tasks.core.errors import Occupied
from tasks.core.models import Frozen
from tasks.core.workspace import Workspace
from tasks.record.holder import is_gone
from tasks.record.ledger import Ledger
from tasks.record.runs import LostRun

logger = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds to wait for a workspace that another run is just putting right."""


class Recovered(Frozen):
    """What was put right: runs closed, leases returned, places of quarantine and drafts deleted."""

    runs: int = 0
    leases: int = 0
    quarantine: int = 0
    drafts: int = 0

    def in_words(self) -> str:
        """One line for the log."""
        return (
            f"put right after runs that died: {self.runs} closed, {self.leases} series free again, "
            f"{self.quarantine} places of quarantine and {self.drafts} half-written files deleted"
        )


def recover(workspace: Workspace, ledger: Ledger) -> Recovered:
    """Put right what dead runs left. Raises `Occupied` where another run holds the workspace alone."""
    try:
        with workspace.lock():  # nobody else writes here, so every draft is a dead one's
            recovered, lost = _put_right(workspace, ledger)
            if recovered.runs or recovered.quarantine:
                recovered = _without_drafts(workspace, recovered)
    except Occupied:
        with workspace.lock(shared=True, patience=PATIENCE):
            recovered, lost = _put_right(workspace, ledger)
    return _told(recovered, lost)


def recover_alone(workspace: Workspace, ledger: Ledger) -> Recovered:
    """The same for who holds the workspace alone already: somebody may have died beside it."""
    recovered, lost = _put_right(workspace, ledger)
    # A process of the pool that died left its draft too, where DVC would take it, though no run was lost.
    return _told(_without_drafts(workspace, recovered), lost)


def gone_from(workspace: Workspace) -> Callable[[str], bool]:
    """Tells of a holder whether it certainly is dead."""
    return lambda holder: is_gone(holder) or not workspace.is_at_desk(holder)


def _put_right(workspace: Workspace, ledger: Ledger) -> tuple[Recovered, Sequence[LostRun]]:
    gone = gone_from(workspace)
    lost = ledger.close_lost_runs(gone)
    leases = ledger.return_leases(gone)
    swept = workspace.sweep_quarantine()
    series = leases + sum(run.series for run in lost)
    return Recovered(runs=len(lost), leases=series, quarantine=swept), lost


def _without_drafts(workspace: Workspace, recovered: Recovered) -> Recovered:
    return recovered.model_copy(update={"drafts": workspace.sweep_drafts()})


def _told(recovered: Recovered, lost: Sequence[LostRun]) -> Recovered:
    _tell_prefect(lost)
    if any(recovered.model_dump().values()):
        logger.warning("%s", recovered.in_words())
    return recovered


def _tell_prefect(lost: Sequence[LostRun]) -> None:
    """Mark the flow runs of processes that certainly ended, and that Prefect still takes for running, as Crashed."""
    flow_runs = [run.flow_run for run in lost if run.certain and run.flow_run]
    if not flow_runs:
        return
    message = "the process of this run ended without a word; the run that found it goes on with its work"
    try:
        with get_client(sync_client=True) as client:
            for flow_run in flow_runs:
                try:
                    found = client.read_flow_run(UUID(flow_run))
                except ObjectNotFound:
                    continue  # another server's, or its history was cleared
                if found.state is not None and not found.state.is_final():
                    client.set_flow_run_state(found.id, Crashed(message=message), force=True)
    except SILENT as error:
        logger.warning("Prefect could not be told of %d dead runs (%s)", len(flow_runs), type(error).__name__)
