"""A progress bar over the ledger, so that it is right whoever does the work: this process or a worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tasks.core.cohort import read_cohort
from tasks.core.errors import SluiceError
from tasks.core.models import State
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger

_WEIGHT = {State.DISCOVERED: 0, State.EXTRACTED: 1, State.DEIDENTIFIED: 2}
_FULL = 3


class Watch:
    """Shows series on their way while something else works; call `tick()` now and then."""

    def __init__(self, workspace: Workspace, console: Console, title: str = "looking for series") -> None:
        self.workspace = workspace
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            console=console,
        )
        self._bar = self._progress.add_task(title, total=None)
        self._ledger: Ledger | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        if self._ledger:
            self._ledger.close()

    def tick(self) -> None:
        """Read the ledger once and redraw."""
        if not self.workspace.cohort_lock.exists():
            return
        try:
            self._ledger = self._ledger or Ledger.open(self.workspace)
            cohort = read_cohort(self.workspace)
            states = self._ledger.states(cohort.units)
        except SluiceError:
            return  # the run is just writing it
        if not states:
            return
        done = sum(_WEIGHT.get(state, _FULL) for state in states.values())
        finished = sum(state not in _WEIGHT for state in states.values())
        text = f"{finished} of {len(states)} series done"
        if finished == len(states):
            text = "curating, checking, exporting and recording"
        self._progress.update(self._bar, description=text, completed=done, total=_FULL * len(states))


@contextmanager
def watching(workspace: Workspace, console: Console, title: str, *, show: bool = True) -> Iterator[None]:
    """Redraw twice a second, in a thread, while the body works in this one."""
    if not show or not console.is_terminal:
        yield
        return
    done = threading.Event()

    def redraw() -> None:
        with Watch(workspace, console, title) as watch:
            while not done.wait(0.5):
                watch.tick()

    thread = threading.Thread(target=redraw, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
