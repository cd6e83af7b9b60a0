"""`sluice steps`: what can stand in a chain, its parameters and defaults; and the landmarks of a reference."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.table import Table

from flows.commands.common import command, console


@command
def steps(
    landmarks: Annotated[
        Path | None,
        typer.Option(metavar="SRC", help="Print the histogram-match step of a reference: a folder or zip of DICOM."),
    ] = None,
    above: Annotated[
        float | None, typer.Option(help="With --landmarks or --reference: only voxels above it count, e.g. 0 for MR.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Print the histogram-match step of a file: .nii, .nii.gz, .npy, .yaml."),
    ] = None,
    chain: Annotated[
        str | None,
        typer.Option("--steps", metavar="YAML", help="With --landmarks: what is done to the reference first."),
    ] = None,
) -> None:
    """List the steps that `transform.steps` and `convert --steps` know, with parameters, defaults and order.

    A volume step needs the whole volume in memory; a plane step goes slice by slice, a voxel step value by value.
    """
    if landmarks is not None:
        print_landmarks(landmarks, above, chain)
        return
    if reference is not None:
        print_reference(reference, above)
        return
    from tasks.core.steps import find_step, known_steps

    table = Table(box=None, pad_edge=False)
    for heading in ("step", "kind", "parameter", "default", "meaning"):
        table.add_column(heading, overflow="fold")
    for name in known_steps():
        step = find_step(name)
        note = " (before what leaves no unit)" if step.needs_unit else " (leaves no unit)" if step.drops_unit else ""
        table.add_row(name, step.kind, "", "", f"{step.summary}{note}")
        for parameter, field in step.parameters.model_fields.items():
            if parameter == "modalities":
                continue
            default = "needed" if field.is_required() else json.dumps(field.get_default(), default=list)
            table.add_row("", "", parameter, default, field.description or "")
    table.add_row("any", "", "modalities", "[]", "modalities that the step is for, e.g. [MR]; empty is all of them")
    console.print(table, soft_wrap=False, markup=False)


def read_steps(text: str) -> object:
    """The chain of --steps: names with commas between them, or YAML."""
    from tasks.core.errors import ConfigurationError

    try:
        return yaml.safe_load(text if text.lstrip().startswith("[") else f"[{text}]")
    except yaml.YAMLError:
        raise ConfigurationError("--steps is not YAML: write n4,isotropic or [{isotropic: {spacing: 1}}]") from None


def print_reference(file: Path, above: float | None) -> None:
    """The step histogram-match with a reference file and its digest, once the file has been read, as YAML."""
    from pydantic import ValidationError

    from tasks.core.errors import ConfigurationError
    from tasks.core.files import sha256
    from tasks.core.sentences import first_mistake
    from tasks.transform.steps.histogram import HistogramParameters

    if not file.is_file():
        raise ConfigurationError("--reference: there is no such file: check the path")
    told = {"reference": str(file), "sha256": sha256(file)} | ({"above": above} if above is not None else {})
    try:
        HistogramParameters.model_validate(told)
    except ValidationError as error:
        raise ConfigurationError(f"--reference: {first_mistake(error)}") from None
    typer.echo(yaml.safe_dump([{"histogram-match": told}], default_flow_style=None, sort_keys=False).strip())


def print_landmarks(source: Path, above: float | None, chain: str | None) -> None:
    """The step histogram-match whose landmarks are the mean of those of all volumes in `source`, as YAML."""
    import numpy as np

    from flows.commands.volumes import read_settings
    from tasks.core.errors import ConfigurationError
    from tasks.core.findings import Finding
    from tasks.transform.steps.chain import chain_for
    from tasks.transform.steps.histogram import PERCENTILES
    from tasks.transform.steps.reference import measure
    from tasks.transform.volumes.noted import Note, VolumeRefused
    from tasks.transform.volumes.series import find_series
    from tasks.transform.volumes.stepped import run_chain

    settings = read_settings(None, None, chain)
    found = []
    refusals: dict[Finding, Note] = {}
    for series in find_series([source], settings).series:
        for candidate in series.candidates:
            refusals |= {note.finding: note for note in candidate.notes}
            if candidate.grid is not None:
                block = run_chain(candidate, settings, chain_for(settings, series.modality))
                found.append(measure(block.counted(), PERCENTILES, above))
    if not found:
        raise VolumeRefused(refusals.values())
    values = [float(f"{value:.6g}") for value in np.mean(found, axis=0)]
    if any(after <= before for before, after in pairwise(values)):
        raise ConfigurationError("the percentiles of the reference fall together: try --above")
    told = {"landmarks": values} | ({"above": above} if above is not None else {})
    typer.echo(yaml.safe_dump([{"histogram-match": told}], default_flow_style=None, sort_keys=False).strip())
