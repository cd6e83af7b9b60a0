"""The transfer: C-MOVE jobs at series level, a few at a time, polled; what is missing is asked for again.

While more than half of a series is missing the whole of it is asked for, but for the last time, when it is the single
instances, as it is where less is missing: one that can't be sent must not hold up the rest.
What arrived is counted in Orthanc after each job: what the PACS says of its own success is not believed.
"""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tasks.core.errors import ConfigurationError, TransientSourceError
from tasks.core.settings import PullSettings
from tasks.extract.pacs.book import Book, Shortfall
from tasks.extract.pacs.link import ENDED, Link, PacsRefused
from tasks.extract.pacs.plan import Planner, Standing
from tasks.extract.pacs.rate import Hours, Pace

logger = logging.getLogger(__name__)

Report = Callable[[int, int], None]
POLL = 0.1
_LONGEST_POLL = 2.0
_REFUSALS = 10  # failed jobs, with nothing that ever came, after which the rest need not be tried
_SINGLES = 200  # instances that one job asks for


@dataclass(order=True)
class _Ask:
    """A series in the queue or on its way. Sorted by when it is due, then by its place in the list."""

    due: float
    number: int
    standing: Standing = field(compare=False)
    asks: int = field(default=0, compare=False)
    more: bool = field(default=False, compare=False)  # not all single instances fitted into this job


class Mover:
    """Moves series until they are complete or were asked for often enough."""

    def __init__(
        self, link: Link, planner: Planner, book: Book, settings: PullSettings, report: Report | None = None
    ) -> None:
        self._link, self._planner, self._book, self._settings = link, planner, book, settings
        self._report = report or _tell_nobody
        self._hours = Hours(settings.hours)
        self._pace = Pace(settings.instances_per_minute)
        self._waiting: list[_Ask] = []
        self._running: dict[str, _Ask] = {}
        self._settled: list[Standing] = []
        self._refusals = 0
        self._came = False
        self._paused = False

    def run(self, standings: Sequence[Standing]) -> list[Standing]:
        """Move `standings`; returns them as they ended. Fewer come back where the hours ended and we are not to wait.

        Raises `TransientSourceError` when the PACS stops answering, `ConfigurationError` when it refuses every move.
        """
        self._waiting = [_Ask(0.0, number, standing) for number, standing in enumerate(standings)]
        poll = POLL
        while self._waiting or self._running:
            ended = self._reap()
            started = self._fill()
            if not self._running and self._closed and self._settings.outside_hours == "stop":
                break
            poll = POLL if ended or started else min(poll * 1.5, _LONGEST_POLL)
            if not ended:
                time.sleep(poll)
            self._report(len(self._settled), len(standings))
        return self._settled

    @property
    def _closed(self) -> bool:
        return self._hours.opens_in(datetime.now()) > 0

    def _reap(self) -> bool:
        states = {job: self._link.job(job) for job in list(self._running)}
        for job, state in states.items():
            if state in ENDED:
                self._judge(self._running.pop(job), state)
        return any(state in ENDED for state in states.values())

    def _fill(self) -> bool:
        """Ask for the next series, as far as hours, pace and the number of jobs allow."""
        started = False
        while self._waiting and len(self._running) < self._settings.moves and not self._pace.delay():
            if self._closed:
                self._say_pause()
                break
            if self._waiting[0].due > time.monotonic():
                break
            self._paused = False
            self._start(heapq.heappop(self._waiting))
            started = True
        return started

    def _say_pause(self) -> None:
        if not self._paused:
            self._paused = True
            logger.info("outside of pull.hours: %d series wait for %s", len(self._waiting), self._hours.begins)

    def _start(self, ask: _Ask) -> None:
        """Have Orthanc ask for a series, unless what was late has come meanwhile."""
        before = ask.asks
        standing = self._planner.look_again(ask.standing) if before else ask.standing
        singles: list[str] = []
        ask.asks += 1
        try:
            few = standing.entry.missing * 2 <= (standing.entry.expected or 0)
            if standing.wanting and (few or 0 < before == self._settings.attempts - 1):
                standing, singles = self._planner.missing(standing)
            if not standing.wanting:
                self._settle(standing, before)
                return
            first = before * _SINGLES % len(singles) if singles else 0
            singles, ask.more = (singles[first:] + singles[:first])[:_SINGLES], len(singles) > _SINGLES
            ask.standing = standing
            study, series = standing.series.study.uid, standing.series.uid
            job = (
                self._link.move_instances(study, series, singles) if singles else self._link.move_series(study, series)
            )
        except (PacsRefused, TransientSourceError):
            job = None
        if job is None:  # the PACS is gone, won't search for the series, or doesn't have it any more
            self._judge(ask, "Failure")
            return
        self._running[job] = ask
        self._book.start(standing.entry.series, job)
        self._pace.take(len(singles) or standing.entry.expected or 1)

    def _judge(self, ask: _Ask, state: str) -> None:
        """Count what a job brought, and decide whether to ask again."""
        before = ask.standing.entry.arrived
        ask.standing = standing = self._planner.look_again(ask.standing)
        ask.asks -= ask.more and standing.entry.arrived > before  # the next job asks for the rest
        failed = state == "Failure"
        self._came = self._came or standing.entry.arrived > before
        if not standing.wanting:
            self._settle(standing, ask.asks)
            return
        if failed and not self._link.answers():
            ask.asks -= 1  # nobody was there to be asked
            heapq.heappush(self._waiting, ask)
            self._wait_for_pacs()
            return
        self._refusals += failed
        if self._refusals >= _REFUSALS and not self._came:
            raise ConfigurationError(
                "the PACS refuses every C-MOVE: have this Orthanc's AE title, address and DICOM port entered there"
            )
        if ask.asks < self._settings.attempts:
            pause = self._settings.backoff_seconds * 2 ** max(0, ask.asks - 1)
            heapq.heappush(self._waiting, replace(ask, due=time.monotonic() + pause))
            return
        standing, _ = self._planner.missing(standing)  # the count may be wrong where the list is right
        if not standing.entry.complete and standing.entry.expected is not None:
            reason = Shortfall.MOVE_FAILED if failed else Shortfall.NOT_SENT
            standing = replace(standing, entry=replace(standing.entry, reason=reason))
        self._settle(standing, ask.asks)

    def _settle(self, standing: Standing, asks: int) -> None:
        standing = replace(standing, entry=replace(standing.entry, asks=asks))
        self._book.write([standing.entry])
        self._settled.append(standing)
        if standing.entry.reason:
            missing = standing.entry.missing
            logger.warning("series %s: %d instances missing, %s", standing.entry.unit, missing, standing.entry.reason)

    def _wait_for_pacs(self) -> None:
        for attempt in range(self._settings.attempts):
            pause = self._settings.backoff_seconds * 2**attempt
            logger.warning("the PACS does not answer: trying again in %.0f s", pause)
            time.sleep(pause)
            if self._link.answers():
                return
        raise TransientSourceError(
            "the PACS stopped answering: pull again once it runs; what has arrived is not asked for again"
        )


def _tell_nobody(_done: int, _total: int) -> None:
    """Nobody wants to know how far it is."""


def let_end(link: Link, book: Book, seconds: float) -> None:
    """Wait for the jobs that a killed pull left running in Orthanc, so that nothing is asked for twice."""
    deadline = time.monotonic() + seconds
    for job in book.jobs():
        while link.job(job) not in ENDED:
            if time.monotonic() > deadline:
                link.cancel(job)
                break
            time.sleep(POLL * 5)
    book.forget_jobs()
