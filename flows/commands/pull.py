"""`sluice pull`: from the hospital's PACS into Orthanc, in this process."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.common import WorkspaceOption, command, console, open_workspace, run_flow
from flows.services.state import use_running_services

DATE = ["%Y-%m-%d"]
UNFINISHED_CODE = 6


@command
def pull(
    pacs: Annotated[
        str | None, typer.Option("--from", help="The PACS's name in DicomModalities of Orthanc; else pull.pacs.")
    ] = None,
    start: Annotated[datetime | None, typer.Option(formats=DATE, help="First study date.")] = None,
    end: Annotated[datetime | None, typer.Option(formats=DATE, help="Last study date, included.")] = None,
    modalities: Annotated[str | None, typer.Option(help="Only these, with commas between, e.g. CT,MR.")] = None,
    cohort: Annotated[
        Path | None, typer.Option(help="CSV with a column StudyInstanceUID, AccessionNumber or PatientID.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only count what the PACS has, what is here, what is missing.")] = False,
    workspace: WorkspaceOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log.")] = False,
) -> None:
    """Have the hospital's PACS send to Orthanc what is wanted and not there yet; pulling again asks for the rest.

    Hours, rate and patience are in the section pull of params.yaml. Ends with 0 when all is there, 4 when the PACS or
    Orthanc does not answer, 5 when something stays missing, 6 when the hours ended before all was asked for.
    """
    place = open_workspace(workspace)
    _ = place.pseudonymiser
    use_running_services(place)
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO" if verbose else "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")

    from flows.outcome import told  # Prefect reads its settings when it is imported
    from flows.pull import UNFINISHED
    from flows.pull import pull as flow

    path = cohort.resolve() if cohort else None
    if path and path.is_relative_to(place.root):
        path = path.relative_to(place.root)  # what a run keeps of itself is no longer than it must be
    state = run_flow(
        lambda: flow(
            pacs=pacs,
            start=start.date() if start else None,
            end=end.date() if end else None,
            modalities=modalities.split(",") if modalities else None,
            cohort=str(path) if path else None,
            dry_run=dry_run,
            return_state=True,
        )
    )
    console.print(told(state), markup=False)
    if state.name == UNFINISHED:
        raise typer.Exit(UNFINISHED_CODE)
