"""`sluice retry`: let in again what was refused, once its cause is gone."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.common import WorkspaceOption, choose, command, console, open_workspace
from tasks.core.reasons import Reason


@command
def retry(
    reason: Annotated[str, typer.Argument(help="A reason code of `sluice status`, e.g. set-aside.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Let the next run work again on every series that has an instance refused for REASON.

    The releases that there are stay as they are. `sluice reasons` lists all codes.
    """
    from tasks.record.ledger import Ledger

    code = choose("reason", reason, [known.code for known in Reason])
    place = open_workspace(workspace)
    with Ledger.open(place) as ledger:
        opened = ledger.reopen(Reason.of(code))
    console.print(f"{opened} series are open again" + ("; `sluice run` works on them" if opened else ""))
