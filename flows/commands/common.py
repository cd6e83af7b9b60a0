"""What the subcommands share: the --workspace option, errors in one line, bars, and a console that knows its width."""

from __future__ import annotations

import difflib
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tasks.core.entry import guarded, quiet_libraries
from tasks.core.errors import ConfigurationError
from tasks.core.guard import harden
from tasks.core.workspace import VARIABLE, Workspace

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

P = ParamSpec("P")

_WIDE = 180  # for a file or a pipe, which have no width of their own

# Lines are not broken, so that paths can be copied; tables are, by `soft_wrap=False` where they are printed.
console = Console(highlight=False, soft_wrap=True)
if not console.is_terminal and not os.environ.get("COLUMNS"):
    console = Console(highlight=False, soft_wrap=True, width=_WIDE)

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="The workspace's directory; else $SLUICE_WORKSPACE, else the current one."),
]


def command(function: Callable[P, None]) -> Callable[P, None]:
    """A subcommand whose failures are one line and an exit code that isn't 0."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        harden()
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


def choose(option: str, value: str, known: Sequence[str]) -> str:
    """`value` if it is among `known`; else an error that names the nearest."""
    if value in known:
        return value
    near = difflib.get_close_matches(value, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    raise ConfigurationError(f"{option}: {value} is unknown; {hint}")


def run_flow(flow: Callable[[], State[Any]]) -> State[Any]:
    """Run `flow`, whose own failures are in its state; what it raises is that Prefect's server isn't there."""
    from httpx import HTTPError
    from prefect.exceptions import PrefectException

    try:
        return flow()
    except (PrefectException, HTTPError, OSError, RuntimeError) as error:
        address = urlsplit(os.environ.get("PREFECT_API_URL", "")).hostname
        remedy = (
            f"the one of PREFECT_API_URL, on {address}, does not answer: start it, or unset PREFECT_API_URL"
            if address
            else "none could be started for this run: check the owner and free space of ~/.prefect, or use `sluice up`"
        )
        raise ConfigurationError(f"no Prefect server ({type(error).__name__}): {remedy}") from None


def open_workspace(root: Path | None) -> Workspace:
    """The workspace, its parameters checked, and named in the environment for whatever this process starts."""
    workspace = Workspace.find(root)
    os.environ[VARIABLE] = str(workspace.root)
    _ = workspace.settings
    return workspace


@contextmanager
def bars(*, show: bool) -> Iterator[Any]:
    """A bar for (what, done, in all); silent where nobody looks."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f}"),
        TimeElapsedColumn(),
        console=console,
        disable=not (show and console.is_terminal),
    )
    known: dict[str, Any] = {}

    def tell(what: str, done: int, of: int) -> None:
        if what not in known:
            known[what] = bar.add_task(what, total=of)
        bar.update(known[what], completed=done, total=of)

    with bar:
        yield tell
