"""`sluice sample`: a stratified sample of a release, as a list or as a folder with its images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from flows.commands.common import WorkspaceOption, choose, command, console, open_workspace
from flows.commands.query import LEVELS, ReleaseOption, say, warn
from tasks.core.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from tasks.core.workspace import Workspace
    from tasks.export.sampling import Sample
    from tasks.export.shelf import Shelf
    from tasks.record.releases.cohorts import SavedCohort


@command
def sample(
    size: Annotated[int, typer.Option("-n", "--size", min=1, help="How many patients, studies, series or instances.")],
    stratify: Annotated[
        str, typer.Option(help="Columns of any table, or labels, with commas: sex,modality. Shares stay as they are.")
    ],
    by: Annotated[str, typer.Option(help="What is counted: patient, study, series or instance.")] = "series",
    seed: Annotated[int, typer.Option(help="Another number draws another sample; the same, the same.")] = 0,
    cohort: Annotated[str | None, typer.Option(help="Draw from a saved cohort.")] = None,
    release: ReleaseOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="FILE.csv or FILE.parquet for the list; else a new folder for the tables and images of the sample, "
            "which `load_release` reads.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Draw a sample that keeps the shares of each kind, and patients together.

    A patient is of one kind, such as F and CT+MR. Within a kind patients are drawn one after the other, each with all
    of theirs until the kind's share is full. Prints how many there are and how many were drawn.
    """
    from tasks.export.sampling import draw, items_of
    from tasks.export.shelf import open_shelf
    from tasks.record.releases.cohorts import find_cohort

    place, level = open_workspace(workspace), choose("--by", by, LEVELS)
    shelf = open_shelf(place, release)
    warn(shelf)
    if out is not None and out.suffix not in ("", ".csv", ".parquet"):
        raise ConfigurationError("--out must be FILE.csv, FILE.parquet or a new folder without an ending")
    if out is not None and not out.suffix and (release is not None or out.exists()):
        raise ConfigurationError(
            f"{out} is there already: name a new folder"
            if out.exists()
            else "images are taken of the dataset in data/ alone: give --out FILE.csv, or `sluice release copy` first"
        )
    columns = [name.strip() for name in stratify.split(",") if name.strip()]
    tables = _frames(shelf, find_cohort(place, cohort) if cohort else None)
    drawn = draw(items_of(tables, level, columns), level, columns, size, seed)  # type: ignore[arg-type]
    _print_strata(drawn, columns, by)
    if out is not None:
        _write_sample(place, shelf, drawn, by, out)
    if len(drawn.rows) < size:
        say(f"there are only {len(drawn.rows)}: all of them were taken")


def _frames(shelf: Shelf, cohort: SavedCohort | None) -> dict[str, pd.DataFrame]:
    """The tables for pandas, those of a cohort's patients, studies, series or instances."""
    from tasks.export.answers import to_frame

    tables = {name: to_frame(table) for name, table in shelf.tables.items()}
    if cohort is not None:
        held = cohort.rows(tables["instances"])
        keys = {"patients": "patient", "studies": "study", "series": "unit", "instances": cohort.column}
        for name, key in keys.items():
            tables[name] = tables[name][tables[name][key].isin(set(held[key]))]
        if not len(held):
            raise ConfigurationError(f"nobody of the cohort {cohort.name} is in {shelf.name}")
    return tables


def _print_strata(drawn: Sample, columns: list[str], by: str) -> None:
    table = Table(box=None, pad_edge=False)
    for name in (*columns, by, "patients", "drawn", "of patients"):
        table.add_column(name, justify="left" if name in columns else "right")
    for one in drawn.strata:
        counts = (one.items, one.patients, one.drawn, one.drawn_patients)
        table.add_row(*(Text(value) for value in one.values), *map(str, counts))
    console.print(table, soft_wrap=False)


def _write_sample(workspace: Workspace, shelf: Shelf, drawn: Sample, by: str, out: Path) -> None:
    from tasks.core.files import atomic_path, write_table
    from tasks.export.subset import write_subset
    from tasks.export.tables import without_formulas
    from tasks.record.releases.cohorts import COLUMN

    if out.suffix == ".parquet":
        write_table(drawn.rows, out)
    elif out.suffix == ".csv":
        with atomic_path(out) as draft:
            without_formulas(drawn.rows).to_csv(draft, index=False, lineterminator="\n")
    else:
        column = COLUMN[by]
        images = write_subset(workspace.dataset, column, set(drawn.rows[column]), out)
        say(f"{images} images and their tables in {out}")
        return
    say(f"{len(drawn.rows)} rows of {shelf.name} in {out}")
