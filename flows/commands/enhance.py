"""`sluice enhance`: train a network on a release, tell what a method changes, apply one to pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from flows.commands.common import WorkspaceOption, bars, command, console, open_workspace, run_flow

if TYPE_CHECKING:
    from tasks.core.settings import Settings
    from tasks.transform.enhance.changes import Judged
    from tasks.transform.enhance.methods import Method

FLAGGED = 6  # the report is written, and it speaks against the method or shows nothing

app = typer.Typer(
    name="enhance",
    help="Enhance images, and prove what that does to lesions. Nothing is enhanced unless you ask for it.",
    no_args_is_help=True,
)

MethodOption = Annotated[
    str,
    typer.Option(help="clahe, nlm, median, srcnn, or another step that works plane by plane (docs/enhancement.md)."),
]
WeightsOption = Annotated[Path | None, typer.Option(help="For srcnn: the .npz of `sluice enhance train`.")]
DigestOption = Annotated[
    str | None, typer.Option("--sha256", help="For srcnn: what the weights must be; another file is refused.")
]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the method, e.g. clip_limit=3; may be repeated."),
]


@app.command()
@command
def train(
    workspace: WorkspaceOption = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the patches; else params.yaml.")] = None,
    scale: Annotated[int | None, typer.Option(min=2, max=4, help="How many times finer, a side.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of first weights, patches and their order.")] = None,
    modality: Annotated[list[str] | None, typer.Option(help="Learn from this one only; may be repeated.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log instead of a progress bar.")] = False,
) -> None:
    """Train SRCNN on the latest release, prove it on its test patients, and log it in MLflow.

    Takes minutes on two cores and needs PyTorch (`make torch`); the same release and settings give the same weights.
    Writes data/models/, changes no image. Uses the services of `sluice up` where they run.
    """
    from flows.services.state import use_running_services
    from tasks.transform.enhance.network import need_torch

    place = open_workspace(workspace)
    need_torch()
    use_running_services(place)
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO" if verbose else "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")

    from flows.outcome import told  # Prefect reads its settings when it is imported
    from flows.train_enhancement import listeners, train_enhancement

    with bars(show=not verbose) as progress:
        listeners.append(progress)
        try:
            state = run_flow(
                lambda: train_enhancement(
                    epochs=epochs, scale=scale, seed=seed, modalities=modality or None, return_state=True
                )
            )
        finally:
            listeners.remove(progress)
    console.print(told(state), markup=False)


@app.command()
@command
def report(
    source: Annotated[
        Path, typer.Argument(metavar="SRC|RELEASE", help="Files, folder or zip of DICOM, or data/dataset/NAME.")
    ],
    method: MethodOption,
    out: Annotated[Path, typer.Option(help="The folder for report.html, .md, .json and figure.png; replaced.")],
    roi: Annotated[
        list[Path] | None,
        typer.Option(help="RTSTRUCT, SEG, NIfTI mask or Label Studio export; else the RTSTRUCT and SEG in SRC."),
    ] = None,
    weights: WeightsOption = None,
    sha256: DigestOption = None,
    parameter: ParameterOption = None,
    params: Annotated[
        Path | None, typer.Option(help="A params.yaml with enhancement: and transform: sections.")
    ] = None,
) -> None:
    """Tell what a method changes: intensities, and the contrast of regions against a ring around them.

    Of a release the test patients are taken. Ends with 0 where no region lost contrast beyond the limit, with 6 where
    one did ("enhancement may hide a lesion") or nothing could be shown. No report says that a method is harmless. SRC
    need not be de-identified; the report holds numbers and pictures, so treat it as the images themselves.
    """
    from tasks.transform.enhance.cases import find_cases, held_out
    from tasks.transform.enhance.changes import Verdict, judge
    from tasks.transform.enhance.figure import Gallery
    from tasks.transform.enhance.report import write_report

    chosen, settings = _method(method, parameter, weights, sha256), _settings(params)
    places = [source]
    if (source / "release.json").is_file():
        root = source.resolve().parents[2]
        places = held_out(root, source, "test")
        settings = _settings(params or root / "params.yaml")
    gallery = Gallery()
    with console.status("reading") as status:
        judged = judge(
            find_cases(places, roi or [], settings.transform),
            chosen,
            settings.enhancement,
            gallery,
            lambda done: status.update(f"judging: series {done}"),
        )
    page = write_report(out, judged, gallery.panels, settings.enhancement)
    _print(judged)
    console.print(f"report      {page}", markup=False)
    if judged.verdict is not Verdict.NO_LOSS:
        raise typer.Exit(FLAGGED)


@app.command()
@command
def apply(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A folder of grey PNGs, 8 or 16 bit.")],
    target: Annotated[Path, typer.Argument(metavar="DST", help="A new folder.")],
    method: MethodOption,
    weights: WeightsOption = None,
    sha256: DigestOption = None,
    parameter: ParameterOption = None,
) -> None:
    """Apply a method to every PNG of a folder, under the same names in DST; method.json there says what was done.

    Run `sluice enhance report` with the same method first. In a run, a step of `transform.steps` does it instead.
    """
    from tasks.transform.enhance.apply import apply_to_folder

    chosen = _method(method, parameter, weights, sha256)
    with bars(show=True) as progress:
        done = apply_to_folder(source, target, chosen, lambda at, of: progress(chosen.name, at, of))
    console.print(f"{done} pictures written", markup=False)


def _method(name: str, given: list[str] | None, weights: Path | None, sha256: str | None) -> Method:
    import yaml

    from tasks.core.errors import ConfigurationError
    from tasks.transform.enhance.methods import choose_method
    from tasks.transform.enhance.weights import read_weights

    parameters: dict[str, Any] = {}
    for one in given or ():
        key, equals, value = one.partition("=")
        if not equals:
            raise ConfigurationError("--set: write name=value, e.g. clip_limit=3")
        try:
            parameters[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigurationError(f"--set {key}: the value cannot be read") from None
    return choose_method(name, parameters, read_weights(weights, sha256) if weights else None)


def _settings(params: Path | None) -> Settings:
    from tasks.core.settings import Settings, load_settings

    return load_settings(params) if params else Settings()


def _print(judged: Judged) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("series", "region", "modality", "contrast", "kept", "CNR", "kept", "flags"):
        table.add_column(heading, justify="left" if heading in ("modality", "flags") else "right", overflow="fold")
    for one in judged.regions:
        table.add_row(
            str(one.series), str(one.region), one.modality, f"{one.contrast_before:+.3f}", f"{one.kept:.0%}",
            f"{one.cnr_before:.2f}", f"{one.cnr_kept:.0%}", ", ".join(flag.value for flag in one.flags),
        )  # fmt: skip
    if judged.regions:
        console.print(table, soft_wrap=False)
    console.print(f"verdict     {judged.verdict.value}: {judged.verdict.sentence}", markup=False)
    if judged.upper_bound is not None:
        console.print(f"            compatible with a loss in up to {judged.upper_bound:.0%} of patients (95 %)")
