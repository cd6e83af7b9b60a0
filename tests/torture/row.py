"""One line of the table: a scenario played, and what it is held against."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.core.errors import SluiceError
from tests.torture.compare import open_books, other_bytes
from tests.torture.ground import Ground
from tests.torture.play import RUNS, Play, Unfinished

if TYPE_CHECKING:
    from tests.torture.scenarios import Scenario


@dataclass(frozen=True)
class Row:
    """How a scenario ended. `faults` are its failures, `remarks` what else was seen."""

    name: str
    disturbed: int
    restarts: int
    bytes: tuple[str, ...]
    books: tuple[str, ...]
    faults: tuple[str, ...]
    remarks: tuple[str, ...]
    seconds: float

    @property
    def good(self) -> bool:
        """Whether all is as it should be."""
        return not (self.bytes or self.books or self.faults)

    @property
    def line(self) -> str:
        """As a line of the table."""
        same, balance = ("NO" if self.bytes else "yes"), ("NO" if self.books or self.faults else "yes")
        said = "; ".join((*self.faults, *self.bytes, *self.books, *self.remarks)).replace("|", "/")
        return (
            f"| {self.name} | {self.disturbed} | {self.restarts} | {same} | {balance} | {self.seconds:.0f} | {said} |"
        )


def perform(ground: Ground, scenario: Scenario) -> Row:
    """Play `scenario` in a workspace of its own, and compare; the workspace is deleted where all is well."""
    began = time.monotonic()
    play = Play.prepare(ground, scenario.name, postgres=scenario.postgres)
    faults, different, books = [], [], []
    with play.held:
        try:
            scenario.work(play)
        except (Unfinished, OSError, SluiceError) as error:
            faults.append(str(error) or type(error).__name__)
        for run in play.runs:
            if not run.ended:
                run.kill(group=True)
        if not RUNS.over:
            different = other_bytes(play.workspace, ground.reference)
            try:
                books = open_books(play.workspace, play.register)
            except (SluiceError, OSError) as error:
                books = [f"the books cannot be read ({type(error).__name__})"]
    row = Row(
        scenario.name,
        play.disturbed,
        play.restarts,
        tuple(different),
        tuple(books),
        tuple(faults),
        tuple(play.remarks),
        time.monotonic() - began,
    )
    if row.good:
        play.clear()
    return row


def table(rows: list[Row], seconds: float) -> str:
    """All lines as Markdown, with a sum."""
    head = "| scenario | disturbed | restarts | same bytes | books balance | seconds | remarks |\n" + "|---" * 7 + "|"
    good, disturbed = sum(row.good for row in rows), sum(row.disturbed for row in rows)
    said = f"{good} of {len(rows)} scenarios, {disturbed} disturbances, {seconds / 60:.0f} min"
    return "\n".join([head, *(row.line for row in rows), "", said])
