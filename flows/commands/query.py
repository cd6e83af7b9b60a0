"""`sluice query`, `sluice sample`: what analysts ask of a release, as a table, CSV, JSON or Parquet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from flows.commands.common import WorkspaceOption, choose, command, console, open_workspace
from tasks.core.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from tasks.core.workspace import Workspace
    from tasks.export.sampling import Sample
    from tasks.export.shelf import Arrow, Shelf
    from tasks.record.cohorts import SavedCohort

FORMATS = ("table", "csv", "json", "parquet")
LEVELS = ("patient", "study", "series", "instance")
_SHOWN = 100

ReleaseOption = Annotated[
    str | None,
    typer.Option("--release", metavar="TAG", help="An older release (release/NAME/v2, v2, 2), without a checkout."),
]


@command
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help='One SELECT in the SQL of DuckDB: "SELECT … FROM series".')],
    release: ReleaseOption = None,
    format: Annotated[
        str | None, typer.Option(help="table, csv, json or parquet; else by the ending of --out.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the answer there.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help=f"Rows at most; all of them, but {_SHOWN} where a table is printed.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Ask the tables of a release: patients, studies, series, instances, labels, splits, features where there are.

    Each saved cohort is one more table, with the column that its ids are in: SELECT * FROM series JOIN my_cohort USING
    (unit). `SHOW TABLES` and `DESCRIBE series` list what there is. The query reads these tables and nothing else: no
    file, no network, no extension, and it changes nothing.
    """
    place = open_workspace(workspace)
    kind = _format(format, out)
    if kind == "parquet" and out is None:
        raise ConfigurationError("Parquet goes to a file: give --out FILE.parquet")
    shown = _SHOWN if limit is None and kind == "table" else limit
    answer, shelf = ask(place, sql, release, None if shown is None else shown + (limit is None))
    more = limit is None and shown is not None and answer.num_rows > shown
    _write(answer.slice(0, shown) if more else answer, kind, out)
    if more:
        _say(f"only the first {shown} rows: --limit, or --out FILE for all of them")
    if out is not None:
        _say(f"{answer.num_rows} rows of {shelf.name} in {out}")


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
    from tasks.record.cohorts import find_cohort

    place, level = open_workspace(workspace), choose("--by", by, LEVELS)
    shelf = open_shelf(place, release)
    _warn(shelf)
    if out is not None and out.suffix not in (".csv", ".parquet") and (release is not None or out.exists()):
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
        _say(f"there are only {len(drawn.rows)}: all of them were taken")


def ask(workspace: Workspace, sql: str, release: str | None, limit: int | None = None) -> tuple[Arrow, Shelf]:
    """The answer to a query over a release and the saved cohorts; warns of a release that is marked."""
    from tasks.export.catalog import query as run
    from tasks.export.catalog import with_cohorts
    from tasks.export.shelf import open_shelf
    from tasks.record.cohorts import saved_cohorts

    shelf = open_shelf(workspace, release)
    _warn(shelf)
    return run(with_cohorts(shelf.tables, saved_cohorts(workspace)), sql, limit), shelf


def _warn(shelf: Shelf) -> None:
    for warning in shelf.warnings:
        _say(f"warning: {warning}")


def _say(line: str) -> None:
    typer.echo(line, err=True)  # the answer alone goes to standard output


def _format(asked: str | None, out: Path | None) -> str:
    if asked is not None:
        return choose("--format", asked, FORMATS)
    if out is None:
        return "table"
    if out.suffix[1:] not in FORMATS:
        raise ConfigurationError("--out must end with .csv, .json or .parquet, or give --format")
    return out.suffix[1:]


def _write(answer: Arrow, kind: str, out: Path | None) -> None:
    from tasks.core.files import write_text
    from tasks.export.answers import to_csv, to_json, write_parquet

    if kind == "parquet" and out is not None:
        write_parquet(answer, out)
    elif kind == "table" and out is None:
        _print(answer)
    else:
        text = to_json(answer) if kind == "json" else to_csv(answer)
        write_text(out, text) if out is not None else sys.stdout.write(text)


def _print(answer: Arrow) -> None:
    from tasks.export.answers import cells

    table = Table(box=None, pad_edge=False)
    for name in answer.column_names:
        table.add_column(Text(name), overflow="fold")
    for row in cells(answer):
        table.add_row(*(Text(cell) for cell in row))
    console.print(table, soft_wrap=False)


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
    from tasks.record.cohorts import COLUMN

    if out.suffix == ".parquet":
        write_table(drawn.rows, out)
    elif out.suffix == ".csv":
        with atomic_path(out) as draft:
            without_formulas(drawn.rows).to_csv(draft, index=False, lineterminator="\n")
    else:
        column = COLUMN[by]
        images = write_subset(workspace.dataset, column, set(drawn.rows[column]), out)
        _say(f"{images} images and their tables in {out}")
        return
    _say(f"{len(drawn.rows)} rows of {shelf.name} in {out}")
