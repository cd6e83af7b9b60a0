"""`sluice query`: what analysts ask of a release, answered as a table, CSV, JSON or Parquet."""

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
    from tasks.core.workspace import Workspace
    from tasks.export.shelf import Arrow, Shelf

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
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A copy of a release, instead of a workspace's.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Ask the tables of a release: patients, studies, series, instances, labels, splits, features where there are.

    Each saved cohort is one more table, with the column that its ids are in: SELECT * FROM series JOIN my_cohort USING
    (unit). `SHOW TABLES` and `DESCRIBE series` list what there is. The query reads these tables and nothing else: no
    file, no network, no extension, and it changes nothing.
    """
    kind = _format(format, out)
    if kind == "parquet" and out is None:
        raise ConfigurationError("Parquet goes to a file: give --out FILE.parquet")
    shown = _SHOWN if limit is None and kind == "table" else limit
    wanted = None if shown is None else shown + (limit is None)
    if folder is not None:
        answer, shelf = _ask_copy(folder, sql, wanted)
    else:
        answer, shelf = ask(open_workspace(workspace), sql, release, wanted)
    more = limit is None and shown is not None and answer.num_rows > shown
    _write(answer.slice(0, shown) if more else answer, kind, out)
    if more:
        say(f"only the first {shown} rows: --limit, or --out FILE for all of them")
    if out is not None:
        say(f"{answer.num_rows} rows of {shelf.name} in {out}")


def ask(workspace: Workspace, sql: str, release: str | None, limit: int | None = None) -> tuple[Arrow, Shelf]:
    """The answer to a query over a release and the saved cohorts; warns of a release that is marked."""
    from tasks.export.catalog import query as run
    from tasks.export.catalog import with_cohorts
    from tasks.export.shelf import open_shelf
    from tasks.record.releases.cohorts import saved_cohorts

    shelf = open_shelf(workspace, release)
    warn(shelf)
    return run(with_cohorts(shelf.tables, saved_cohorts(workspace)), sql, limit), shelf


def _ask_copy(folder: Path, sql: str, limit: int | None) -> tuple[Arrow, Shelf]:
    from tasks.export.catalog import query as run
    from tasks.export.shelf import open_folder

    shelf = open_folder(folder)
    return run(shelf.tables, sql, limit), shelf


def warn(shelf: Shelf) -> None:
    """Say what is to be said of a release."""
    for warning in shelf.warnings:
        say(f"warning: {warning}")


def say(line: str) -> None:
    """One line beside the answer."""
    typer.echo(line, err=True)  # the answer alone goes to standard output


def _format(asked: str | None, out: Path | None) -> str:
    if asked is not None:
        if asked == "table" and out is not None:
            raise ConfigurationError("--format table is for the terminal: a file is csv, json or parquet")
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
