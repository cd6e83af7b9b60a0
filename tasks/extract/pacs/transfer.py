"""A pull from start to end: search, compare with Orthanc, move what is missing, and say what became of it in counts."""

from __future__ import annotations

import fcntl
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tasks.core.errors import ConfigurationError
from tasks.core.workspace import Workspace
from tasks.extract.opt_outs import listed_people
from tasks.extract.pacs.book import Book, Shortfall, read_entries
from tasks.extract.pacs.link import Link
from tasks.extract.pacs.move import Mover, Report, let_end
from tasks.extract.pacs.plan import Planner, Standing
from tasks.extract.pacs.query import Listing, find_owners, search
from tasks.extract.pacs.wanted import Wanted


@dataclass(frozen=True)
class Outcome:
    """What a pull came to, in counts. Instances, but for `series`, `studies`, and what is said of studies and ids."""

    studies: int
    series: int
    expected: int
    there: int
    arrived: int
    missing: int
    reasons: dict[str, int]
    rows: tuple[dict[str, object], ...]
    unlisted: int = 0
    unmatched: int = 0
    waiting: int = 0
    uncounted: int = 0

    @property
    def partial(self) -> bool:
        """Whether something stays missing though it was asked for, or can't be shown to be whole."""
        return bool(self.missing or self.unlisted or self.uncounted)

    def in_words(self) -> str:
        """One line, without any id."""
        parts = [
            f"{self.expected} instances in {self.series} series of {self.studies} studies at the PACS",
            f"{self.there} were here",
            f"{self.arrived} came",
        ]
        if self.missing:
            why = ", ".join(f"{code} {count}" for code, count in sorted(self.reasons.items()))
            parts.append(f"{self.missing} are missing ({why})")
        if self.waiting:
            parts.append(f"{self.waiting} are not asked for yet")
        if self.uncounted:
            parts.append(f"{self.uncounted} series cannot be counted")
        if self.unlisted:
            parts.append(f"{self.unlisted} studies whose series the PACS would not list")
        if self.unmatched:
            parts.append(f"{self.unmatched} rows of the cohort found nothing")
        return ", ".join(parts)

    def remedy(self) -> str:
        """What to do about what is missing."""
        codes = sorted(self.reasons, key=lambda code: -self.reasons[code])
        return Shortfall.of(codes[0]).remedy if codes else Shortfall.UNCOUNTED.remedy


def search_pacs(workspace: Workspace, pacs: str, wanted: Wanted) -> Listing:
    """What the PACS has of what is wanted, of nobody who withdrew or whom the hospital's list names."""
    settings = workspace.settings
    with Link.from_environment(settings, pacs) as link:
        out = listed_people(workspace, lambda numbers: find_owners(link, numbers, settings.pull.moves))
        listing = search(link, wanted, settings.pull.answer_limit, settings.pull.moves)
    series = tuple(
        one for one in listing.series if not out.patient(out.key.patient(one.study.patient_id, one.study.uid))
    )
    return replace(listing, series=series)


def compare(workspace: Workspace, pacs: str, listing: Listing) -> Outcome:
    """What a transfer would have to do; asks for nothing and writes nothing."""
    with Link.from_environment(workspace.settings, pacs) as link:
        standings = Planner(link, workspace.pseudonymiser, read_entries(workspace)).compare(listing.series)
    return _count(listing, standings, standings, finished=False)


def transfer(workspace: Workspace, pacs: str, listing: Listing, report: Report | None = None) -> Outcome:
    """Move what is missing of `listing` into Orthanc and keep the book. `report` is told (series done, to do)."""
    settings = workspace.settings.pull
    with _alone(workspace), Link.from_environment(workspace.settings, pacs) as link, Book.of(workspace) as book:
        let_end(link, book, settings.silence_seconds)
        planner = Planner(link, workspace.pseudonymiser, book.entries())
        before = planner.compare(listing.series)
        book.write(standing.entry for standing in before)
        settled = Mover(link, planner, book, settings, report).run([one for one in before if one.wanting])
    moved = {standing.entry.series: standing for standing in settled}
    after = [moved.get(standing.entry.series, standing) for standing in before]
    return _count(listing, before, after, finished=True)


def _count(listing: Listing, before: Sequence[Standing], after: Sequence[Standing], *, finished: bool) -> Outcome:
    there = sum(standing.entry.arrived for standing in before)
    reasons: Counter[str] = Counter()
    rows: dict[tuple[str, str], Counter[str]] = {}
    waiting = uncounted = 0
    for standing in after:
        entry = standing.entry
        row = rows.setdefault((entry.modality, entry.reason), Counter())
        row.update(series=1, expected=entry.expected or 0, arrived=entry.arrived, missing=entry.missing)
        if entry.reason == Shortfall.NOT_ASKED:
            waiting += entry.missing
        elif entry.missing:
            reasons[entry.reason] += entry.missing
        uncounted += finished and entry.expected is None
    return Outcome(
        studies=listing.studies,
        series=len(after),
        expected=sum(standing.entry.expected or 0 for standing in after),
        there=there,
        arrived=sum(standing.entry.arrived for standing in after) - there,
        missing=sum(reasons.values()),
        reasons=dict(sorted(reasons.items())),
        rows=tuple({"modality": key[0], "why missing": key[1]} | dict(row) for key, row in sorted(rows.items())),
        unlisted=listing.unlisted,
        unmatched=listing.unmatched,
        waiting=waiting,
        uncounted=uncounted,
    )


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """One pull at a time in a workspace; a run of build_dataset may go on beside it."""
    workspace.prepare()
    with (workspace.scratch / "pull.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(f"another pull is working in {workspace.root}: wait for it") from None
        yield
