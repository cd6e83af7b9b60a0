"""`sluice register`: what analysts get of the register."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.common import WorkspaceOption, command, console, open_workspace
from tasks.core.errors import ConfigurationError

app = typer.Typer(name="register", help="Let analysts read the register, and nothing else of it.", no_args_is_help=True)


@app.command("grant")
@command
def grant(
    name: Annotated[str, typer.Argument(help="The role; made where it is missing. One a person is best.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Let the PostgreSQL role NAME read units, outcomes, releases and models; it can write nothing.

    The password of a role that is made is printed once and kept nowhere. Do it again after an update of Sluice.
    """
    from tasks.record.analysts import FOR_ANALYSTS
    from tasks.record.analysts import grant as allow
    from tasks.record.database import Database

    place = open_workspace(workspace)
    with closing(Database.open(place)) as database:
        password = allow(database, name)
    console.print(f"{name} may read {', '.join(sorted(FOR_ANALYSTS))}, and write nothing")
    if password:
        console.print(f"its password: {password}  (shown this once)", markup=False)


@app.command("copy")
@command
def copy(
    target: Annotated[Path, typer.Argument(help="The SQLite file to write; one that is there is replaced.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Write what analysts may read of the register to a SQLite file of its own, all of one moment."""
    from tasks.record.analysts import copy as write
    from tasks.record.database import Database

    place = open_workspace(workspace)
    if target.resolve().is_relative_to(place.register.parent):
        raise ConfigurationError("the register's own folder is no place for copies: choose another")
    with closing(Database.open(place)) as database:
        rows = write(database, target)
    console.print(f"{rows} rows in {os.path.relpath(target)}; open it with `sqlite3 -readonly {target}`", markup=False)
