"""`sluice run` and `sluice train`: the flows from the shell, in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, get_args

import typer

from flows.commands.common import WorkspaceOption, bars, choose, command, console, open_workspace, run_flow
from flows.services.state import use_running_services
from tasks.core.settings import DeidentifySettings
from tasks.core.workspace import Workspace

DATE = ["%Y-%m-%d"]
PROFILES: tuple[str, ...] = get_args(DeidentifySettings.model_fields["profile"].annotation)


@command
def run(
    workspace: WorkspaceOption = None,
    start: Annotated[datetime | None, typer.Option(formats=DATE, help="First study date to look at.")] = None,
    end: Annotated[datetime | None, typer.Option(formats=DATE, help="Last study date to look at.")] = None,
    modality: Annotated[list[str] | None, typer.Option(help="Look at this modality only; may be repeated.")] = None,
    profile: Annotated[str | None, typer.Option(help="basic or research; written to params.yaml.")] = None,
    since_last_run: Annotated[bool, typer.Option(help="Look only at what Orthanc's change feed names.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Only count what would be taken.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log instead of a progress bar.")] = False,
) -> None:
    """Take what is new at the source and release a new version of the dataset if it passes the gates.

    Uses the services of `sluice up` where they run, else a Prefect server for this run alone.
    """
    place = open_workspace(workspace)
    _ = place.pseudonymiser
    if profile:
        choose("--profile", profile, PROFILES)

    def flow() -> Any:
        from flows.build_dataset import ModalityChoice, build_dataset

        known = get_args(ModalityChoice)
        return build_dataset(
            start=start.date() if start else None,
            end=end.date() if end else None,
            modalities=[choose("--modality", name.upper(), known) for name in modality] if modality else None,
            profile=profile,
            since_last_run=since_last_run,
            dry_run=dry_run,
            return_state=True,
        )

    _finish(place, flow, verbose, "from the source to a release")


@command
def train(
    workspace: WorkspaceOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log instead of a progress bar.")] = False,
) -> None:
    """Train a model on the latest release, examine it, and log it with the patients it learned from.

    `train:` in params.yaml says what is learned from what (docs/training.md). Prints scores with intervals by bootstrap
    over patients, leaks and shortcuts. Uses the MLflow of `sluice up`, or the one at MLFLOW_TRACKING_URI.
    """
    place = open_workspace(workspace)

    def flow() -> Any:
        from flows.commands.model import print_training
        from flows.train_model import listeners, readers, train_model

        readers.append(print_training)
        with bars(show=not verbose) as progress:
            listeners.append(progress)
            try:
                return train_model(return_state=True)
            finally:
                listeners.remove(progress)
                readers.remove(print_training)

    _finish(place, flow, verbose, None)


def _finish(workspace: Workspace, flow: Callable[[], Any], verbose: bool, title: str | None) -> None:
    use_running_services(workspace)
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO" if verbose else "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")

    from flows.outcome import told  # Prefect reads its settings when it is imported
    from flows.watch import watching

    with watching(workspace, console, title or "", show=not verbose and title is not None):
        state = run_flow(flow)
    console.print(told(state), markup=False)
