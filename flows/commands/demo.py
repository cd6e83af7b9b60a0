"""`sluice demo` and `sluice simulate`: the main job on a made-up hospital."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.common import command, console

Seed = Annotated[int, typer.Option(help="Another seed makes another hospital.")]


@command
def simulate(
    directory: Annotated[Path, typer.Argument(help="Where to write it; must be empty or new.")],
    seed: Seed = 0,
    patients: Annotated[int, typer.Option(min=8, help="How many patients.")] = 24,
) -> None:
    """Write a synthetic hospital: DICOM, labels, records, reports, and a key of every planted identifier."""
    from tasks.simulate.__main__ import main

    code = main([str(directory), "--seed", str(seed), "--patients", str(patients)])
    if code:
        raise typer.Exit(code)


@command
def demo(
    directory: Annotated[Path, typer.Option(help="Where the demo lives; made anew each time.")] = Path("demo"),
    seed: Seed = 0,
    patients: Annotated[int, typer.Option(min=16, help="How many patients; a model needs some in each split.")] = 24,
) -> None:
    """Run the main job from a synthetic hospital's Orthanc to a registered model, then say what to open."""
    from flows.demonstration import demonstrate  # Prefect and the services take seconds to import

    demonstrate(directory, seed, patients, console)
