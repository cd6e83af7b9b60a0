"""What the subcommands share: the --workspace option, errors in one line, and a console that knows its width."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from rich.console import Console

from tasks.core.entry import guarded, quiet_libraries
from tasks.core.workspace import VARIABLE, Workspace

P = ParamSpec("P")

_WIDE = 180  # for a file or a pipe, which have no width of their own

console = Console(highlight=False)
if not console.is_terminal and not os.environ.get("COLUMNS"):
    console = Console(highlight=False, width=_WIDE)

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="The workspace's directory; else $SLUICE_WORKSPACE, else the current one."),
]


def command(function: Callable[P, None]) -> Callable[P, None]:
    """A subcommand whose failures are one line and an exit code that isn't 0."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        quiet_libraries()
        left: list[typer.Exit] = []

        def work() -> None:
            try:
                function(*args, **kwargs)
            except typer.Exit as done:  # said and done already
                left.append(done)

        code = guarded(work) or (left[0].exit_code if left else 0)
        if code:
            raise typer.Exit(code)

    return call


def open_workspace(root: Path | None) -> Workspace:
    """The workspace, its parameters checked, and named in the environment for whatever this process starts."""
    workspace = Workspace.find(root)
    os.environ[VARIABLE] = str(workspace.root)
    _ = workspace.settings
    return workspace
