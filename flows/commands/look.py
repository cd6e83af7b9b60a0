"""`sluice look`: contact sheets, histograms and geometry of series, without a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.common import command, console
from flows.commands.volumes import Allow, Params, read_settings


@command
def look(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A file, folder or zip of DICOM images.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder for the pictures.")],
    roi: Annotated[
        list[Path] | None,
        typer.Option(
            help="RTSTRUCT, DICOM SEG, NIfTI mask or Label Studio export, whose outlines are drawn; "
            "may be given more than once."
        ),
    ] = None,
    slices: Annotated[int, typer.Option(min=1, max=120, help="Slices of each volume that are shown at most.")] = 12,
    window: Annotated[
        str,
        typer.Option(
            help="header, auto (percentiles of the series), C,W such as 40,400, or "
            "ct-lung, ct-bone, ct-brain, ct-abdomen, ct-mediastinum."
        ),
    ] = "header",
    allow: Allow = None,
    params: Params = None,
) -> None:
    """Draw what is in SRC: a contact sheet for each series and each patient, and a report for each series.

    OUT/series-001.png shows evenly spaced slices of each volume with their positions, the outlines of --roi and what is
    wrong; series-001-report.png its histogram with the window, positions and distances of its slices;
    patient-01.png all series of one patient. Nothing of a header that names a patient is drawn, but pixels are shown
    as they are: text that is burned into them stays.
    """
    from tasks.transform.look.folder import look as run
    from tasks.transform.volumes.pictures import choose_windows

    settings, header_windows = choose_windows(window, read_settings(params, allow))
    with console.status("drawing") as status:
        done = run(
            source,
            out,
            settings,
            roi or (),
            slices=slices,
            header_windows=header_windows,
            progress=lambda at, of: status.update(f"drawing: {at} of {of}"),
        )
    console.print(f"{done.files} pictures in {out}")
    for number in done.empty:
        console.print(f"series {number}: nothing to show, see `sluice inspect`", markup=False)
