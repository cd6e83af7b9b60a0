"""`sluice status`: where every instance is, and why."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from flows.commands.common import WorkspaceOption, command, console, open_workspace


@command
def status(
    workspace: WorkspaceOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same for machines, as one JSON object.")] = False,
) -> None:
    """Show how far the instances came, what is stuck and why, and the command that moves it.

    Then what the source and the PACS have against what was taken, the gates, the releases, and the models trained on
    them. Asks no server: what is said of the source is from the last look at it.
    """
    from flows.standing import standing_of
    from flows.summary import print_summary
    from tasks.record.ledger import Ledger

    place = open_workspace(workspace)
    if not as_json:
        console.print(f"workspace      {place.root}")
        print_summary(place, console)
        return
    if not place.cohort_lock.exists():
        typer.echo("{}")
        return
    with Ledger.open(place) as ledger:
        typer.echo(json.dumps(standing_of(place, ledger).model_dump(mode="json"), indent=2, sort_keys=True))
