"""`sluice reproduce`: a release made again from the source, held against the one that was published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from flows.commands.common import WorkspaceOption, command, console, open_workspace
from flows.commands.release import JsonOption, TagArgument


@command
def reproduce(
    tag: TagArgument = "latest",
    into: Annotated[
        Path | None, typer.Option("--into", metavar="DIR", help="Where to make it; else in data/scratch. New or empty.")
    ] = None,
    keep: Annotated[bool, typer.Option(help="Keep what was made, to look at it.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a release again from the source and the key, and say whether every byte is the same.

    Clones the commit that it was made of, runs all stages there, and compares what DVC holds of each output. Where
    something differs, it names the first file and byte, and the versions that are not those of then; it ends with 3.
    Needs the source as it was, the key, and as much space as the release.
    """
    from tasks.record.releases.records import find_record
    from tasks.record.releases.release import STAGES
    from tasks.record.releases.reproduction import reproduce as make
    from tasks.record.withdrawals import refuse_incomplete

    place = open_workspace(workspace)
    record, _ = find_record(place, tag), place.pseudonymiser
    refuse_incomplete(place, record.tag)
    with Progress(console=console, transient=True, disable=not console.is_terminal or as_json) as bar:
        task = bar.add_task("cloning", total=len(STAGES) + 1)
        begun = [*STAGES, "compare"]

        def moved(stage: str) -> None:
            bar.update(task, description=stage, completed=begun.index(stage))

        found = make(place, record, into, keep=keep, progress=moved)
    if as_json:
        typer.echo(json.dumps(found.model_dump(mode="json") | {"same": found.same}, indent=2))
        raise typer.Exit(0 if found.same else 3)
    for name, same in found.outputs.items():
        console.print(f"{'same' if same else 'DIFFERS':<9}{name}", markup=False)
    if found.first:
        console.print(f"first    {found.first.sentence}", markup=False)
    for name, (was, now) in found.versions.items():
        console.print(f"version  {name}: {was} then, {now} here", markup=False)
    if not found.same and not found.versions:
        console.print("version  every version that was recorded is the same here: look at the source", markup=False)
    if keep:
        console.print(f"kept     {found.place}", markup=False)
    count = sum(found.outputs.values())
    console.print(f"{found.tag}: {count} of {len(found.outputs)} outputs are the same to the byte", markup=False)
    if not found.same:
        raise typer.Exit(3)
