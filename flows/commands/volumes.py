"""`sluice inspect` and `sluice convert`: what series there are, what is wrong with each, and turning them to files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from flows.commands.common import choose, command, console
from flows.commands.steps import read_steps

if TYPE_CHECKING:
    from tasks.core.settings import TransformSettings
    from tasks.transform.volumes.convert import Converted

FORMS = ("png", "nifti", "npy")

Source = Annotated[Path, typer.Argument(help="A file, folder or zip of DICOM.")]
Allow = Annotated[
    list[str] | None,
    typer.Option("--allow", help="What to do about a finding, e.g. missing-slice=fill; may be given more than once."),
]
Params = Annotated[
    Path | None,
    typer.Option("--params", "--settings", help="A params.yaml, whose section transform: is used; else the defaults."),
]


@command
def inspect(
    source: Annotated[Path | None, typer.Argument(help="A file, folder or zip of DICOM.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON, with affines.")] = False,
    findings: Annotated[bool, typer.Option("--findings", help="List what can be found, and what may be done.")] = False,
    allow: Allow = None,
    params: Params = None,
) -> None:
    """What series are in SRC, which volumes they make, and what is wrong with each. Reads headers only.

    Prints no identifier, so series are numbered. Writes nothing, opens nothing.
    """
    if findings:
        print_findings()
        return
    from tasks.core.errors import ConfigurationError
    from tasks.transform.volumes.report import describe_source
    from tasks.transform.volumes.series import find_series

    if source is None:
        raise ConfigurationError("inspect what? Give a file, folder or zip of DICOM")
    told = describe_source(find_series([source], read_settings(params, allow)))
    if as_json:
        typer.echo(json.dumps(told, indent=2, sort_keys=True))
        return
    print_series(told)


@command
def convert(
    source: Source,
    target: Annotated[Path, typer.Argument(help="A new folder.")],
    to: Annotated[str, typer.Option("--to", help="png: a picture a slice; nifti or npy: a file a volume.")],
    size: Annotated[int | None, typer.Option(help="PNG: width and height in pixels.", min=16, max=4096)] = None,
    bits: Annotated[int | None, typer.Option(help="PNG: 8 or 16 bits of grey.")] = None,
    window: Annotated[
        str,
        typer.Option(
            help="PNG: header, auto (percentiles of the series), C,W such as 40,400, or "
            "ct-lung, ct-bone, ct-brain, ct-abdomen, ct-mediastinum."
        ),
    ] = "header",
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="YAML",
            help="What is done to values first, in order: n4,isotropic or [{isotropic: {spacing: 1}}, clahe]; "
            "see `sluice steps`.",
        ),
    ] = None,
    four_d: Annotated[
        bool, typer.Option("--4d", help="NIfTI: volumes of a series that follow each other in time in one file.")
    ] = False,
    suv: Annotated[bool, typer.Option("--suv", help="NIfTI, NumPy: PET as SUV by body weight.")] = False,
    allow: Allow = None,
    params: Params = None,
    uids: Annotated[bool, typer.Option("--uids", help="Write UIDs into the JSON files beside volumes.")] = False,
) -> None:
    """Convert the series in SRC to PNG, NIfTI or NumPy, in the new folder DST.

    A volume is made only of what nothing is wrong with: see `sluice inspect SRC`, and --allow. Nothing is
    de-identified but the names of files: pixels and, with --uids, UIDs stay as they are.
    """
    from tasks.core.settings import check_settings
    from tasks.transform.volumes.convert import convert as run
    from tasks.transform.volumes.pictures import choose_windows

    form: Any = choose("--to", to, FORMS)
    if bits is not None:
        choose("--bits", str(bits), ("8", "16"))
    chosen = {key: value for key, value in (("size", size), ("bits", bits)) if value is not None}
    read = read_settings(params, allow, steps).model_copy(update=chosen)
    settings, header_windows = choose_windows(window, read)
    if suv:
        settings = settings.model_copy(update={"volumes": settings.volumes.model_copy(update={"suv": True})})
    settings = check_settings({"transform": settings.model_dump(mode="json")}, "--window, --steps").transform
    with console.status("converting") as status:
        done = run(
            source,
            target,
            form,
            settings,
            header_windows=header_windows,
            uids=uids,
            four_d=four_d,
            progress=lambda at, of: status.update(f"converting: series {at} of {of}"),
        )
    print_converted(done, form)


def read_settings(params: Path | None, allow: list[str] | None, steps: str | None = None) -> TransformSettings:
    """The section transform: of a params.yaml, with the policies of --allow and the chain of --steps on top."""
    from tasks.core.errors import ConfigurationError
    from tasks.core.settings import Settings, check_settings, load_settings

    settings = load_settings(params) if params else Settings()
    policies = dict(settings.transform.volumes.findings)
    for one in allow or ():
        name, equals, policy = one.partition("=")
        if not equals:
            raise ConfigurationError("--allow: write finding=policy, e.g. missing-slice=fill; see inspect --findings")
        policies[name] = policy
    raw = settings.transform.model_dump(mode="json")
    raw["volumes"]["findings"] = policies
    checked = check_settings({"transform": raw}, "--allow" if allow else "params").transform
    if steps is None:
        return checked
    return check_settings({"transform": raw | {"steps": read_steps(steps)}}, "--steps").transform


def print_findings() -> None:
    """Every finding, what it means and its policies, the default first."""
    from tasks.core.findings import Finding

    table = Table(box=None, pad_edge=False)
    for heading in ("finding", "policies, the default first", "meaning"):
        table.add_column(heading, overflow="fold")
    for finding in Finding:
        table.add_row(finding.value, ", ".join(finding.policies), finding.sentence)
    console.print(table, soft_wrap=False)


def print_series(told: dict[str, Any]) -> None:
    """A line for each volume, and below what each finding means."""
    table = Table(box=None, pad_edge=False)
    for heading, justify in (("series", "right"), ("", "left"), ("volume", "left"), ("slices", "right")):
        table.add_column(heading, justify="right" if justify == "right" else "left")
    for heading in ("rows x columns", "spacing z, y, x in mm", "plane", "usable", "findings"):
        table.add_column(heading, overflow="fold")
    meant: dict[str, str] = {}
    for series in told["series"]:
        for number, volume in enumerate(series["volumes"] or [None]):
            head = (str(series["series"]), series["modality"]) if number == 0 else ("", "")
            whole = series["findings"] if number == 0 else []
            named = [*whole, *(volume["findings"] if volume else [])]
            meant |= {note["finding"]: f"{note['sentence']} [{note['policy']}]" for note in named}
            table.add_row(*head, *_cells(volume), ", ".join(f"{note['finding']} {note['count']}" for note in named))
        for code, count in series["reasons"].items():
            table.add_row("", "", "", str(count), "", "", "", "no", code)
    console.print(table, soft_wrap=False, markup=False)
    for name, sentence in sorted(meant.items()):
        console.print(f"{name}: {sentence}", markup=False)
    for code, count in told["outside"].items():
        console.print(f"{count} files belong to no series of images: {code}", markup=False)


def _cells(volume: dict[str, Any] | None) -> tuple[str, ...]:
    if volume is None:
        return "", "0", "", "", "", "no"
    spacing = volume.get("spacing_mm") or (volume["pixel_spacing_mm"] and [None, *volume["pixel_spacing_mm"]])
    label = ", ".join(f"{name} {value}" for name, value in volume["label"].items())
    return (
        f"{volume['volume']} {label}".strip(),
        str(volume["slices"]),
        f"{volume['rows']} x {volume['columns']}",
        ", ".join("?" if part is None else f"{part:.4g}" for part in spacing) if spacing else "?",
        volume["orientation"] or "?",
        "yes" if volume["usable"] else "no",
    )


def print_converted(done: Converted, form: str) -> None:
    """How many files there are now, and what is missing and why."""
    what = "pictures" if form == "png" else "volumes"
    console.print(f"{done.files} {what} written", markup=False)
    for series, note in done.refused:
        console.print(f"series {series}: no volume, {note.finding.value}: {note.finding.sentence}", markup=False)
    for reason, count in sorted(done.reasons.items()):
        console.print(f"{count} left out, {reason.code}: {reason.sentence}", markup=False)
