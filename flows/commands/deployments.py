"""`sluice backfill`: what needs deployments, and so a server with a worker."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, get_args

import typer

from flows.commands.common import WorkspaceOption, choose, command, console, open_workspace, run_flow
from flows.services.state import use_running_services
from flows.windows import Step
from tasks.core.errors import ConfigurationError

DATE = ["%Y-%m-%d"]


@command
def backfill(
    start: Annotated[datetime, typer.Argument(formats=DATE, help="First study date.")],
    end: Annotated[datetime, typer.Argument(formats=DATE, help="Last study date, included.")],
    workspace: WorkspaceOption = None,
    step: Annotated[str, typer.Option(help="day, week, month or year: how long a window is.")] = "month",
    modality: Annotated[list[str] | None, typer.Option(help="Only this modality; may be repeated.")] = None,
    newest_first: Annotated[bool, typer.Option(help="Run the latest window first.")] = False,
    at_once: Annotated[int, typer.Option(min=1, max=4, help="How many windows run at a time.")] = 1,
    release: Annotated[str, typer.Option(help="end: one release when all are through; each: one a window.")] = "end",
    dry_run: Annotated[bool, typer.Option(help="List the windows and start nothing.")] = False,
) -> None:
    """Take years of studies a window at a time, one run of build_dataset each, and release at the end.

    Stop it as you like: started again with the same words, it repeats nothing that is done. The runs are the worker's.
    """
    choose("--step", step, get_args(Step))
    choose("--release", release, ("end", "each"))
    if end < start:
        raise ConfigurationError("the window's end is before its start: name the first study date, then the last")
    place = open_workspace(workspace)
    _ = place.pseudonymiser
    if not use_running_services(place) and not dry_run:
        raise ConfigurationError("a backfill needs the worker of `sluice up`: start it in another shell first")

    from flows.backfill import backfill as flow  # Prefect reads its settings when it is imported
    from flows.build_dataset import ModalityChoice
    from flows.outcome import told
    from flows.watch import watching

    known = get_args(ModalityChoice)
    names = [choose("--modality", name.upper(), known) for name in modality] if modality else None
    given = (start.date(), end.date(), step, names, newest_first, at_once, release, dry_run)
    with watching(place, console, "windows", show=not dry_run):
        state = run_flow(lambda: flow(*given, return_state=True))
    console.print(told(state), markup=False)
