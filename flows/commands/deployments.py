"""`sluice backfill`: what needs deployments, and so a server with a worker."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, get_args

import typer

from flows.commands.common import WorkspaceOption, choose, command, console, open_workspace, run_flow
from flows.services.state import use_running_services
from tasks.core.errors import ConfigurationError

DATE = ["%Y-%m-%d"]


@command
def backfill(
    start: Annotated[datetime, typer.Argument(formats=DATE, help="First study date.")],
    end: Annotated[datetime, typer.Argument(formats=DATE, help="Last study date, included.")],
    workspace: WorkspaceOption = None,
    step: Annotated[str, typer.Option(help="day, week or month: how long a window is.")] = "week",
    modality: Annotated[list[str] | None, typer.Option(help="Only this modality; may be repeated.")] = None,
    newest_first: Annotated[bool, typer.Option(help="Run the latest window first.")] = False,
    dry_run: Annotated[bool, typer.Option(help="List the windows and start nothing.")] = False,
) -> None:
    """Cut a window of study dates and start one run of build_dataset for each part; done parts are not run again."""
    choose("--step", step, ("day", "week", "month"))
    if end < start:
        raise ConfigurationError("the window's end is before its start: name the first study date, then the last")
    place = open_workspace(workspace)
    _ = place.pseudonymiser
    if not use_running_services(place) and not dry_run:
        raise ConfigurationError("a backfill needs the worker of `sluice up`: start it in another shell first")

    from flows.backfill import backfill as flow  # Prefect reads its settings when it is imported
    from flows.build_dataset import ModalityChoice
    from flows.outcome import told

    known = get_args(ModalityChoice)
    names = [choose("--modality", name.upper(), known) for name in modality] if modality else None
    state = run_flow(lambda: flow(start.date(), end.date(), step, names, newest_first, dry_run, return_state=True))
    console.print(told(state), markup=False)
