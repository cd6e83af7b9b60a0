"""From the source to images: cuts series into batches and chains extract, de-identify and transform for each.

A batch carries about 500 instances or 256 MB: small enough to retry, large enough that a task run's 10 to 30 ms don't
count. A few batches are under way at a time, on threads; the work itself is done by one shared pool of processes.

Other runs may work in the same workspace: each takes series on lease, and waits for what others have. A batch that
fails is done again series by series, so that one bad series stops neither its batch nor the run (`Failures`).
"""

from __future__ import annotations

import functools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from prefect import get_run_logger
from prefect.futures import PrefectFuture
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from flows.failures import Failures, error_of
from flows.recover import gone_from
from flows.shown import Progress
from tasks.core.batches import cut
from tasks.core.errors import ContractViolation, LeaseLost, SluiceError, TransientSourceError
from tasks.core.models import Unit
from tasks.core.pool import WorkerPool
from tasks.core.workspace import Workspace
from tasks.deidentify.stage import unfinished as not_deidentified
from tasks.deidentify.task import deidentify_batch
from tasks.extract.select import Selection
from tasks.extract.source import Source
from tasks.extract.task import extract_batch
from tasks.record.holder import described
from tasks.record.ledger import Ledger
from tasks.transform.task import transform_batch
from tasks.transform.units import unfinished as not_transformed

R = TypeVar("R")
_WAIT = 1.0
_PATIENCE = 60.0
_SAY_EVERY = 60.0


@dataclass(frozen=True)
class Flight:
    """A batch under way: its series, and the stages that work on it, in order."""

    units: tuple[Unit, ...]
    steps: tuple[tuple[str, PrefectFuture[int]], ...]

    def land(self) -> tuple[str, SluiceError] | None:
        """Wait for the end; the stage that failed and its error, or None."""
        for _, future in self.steps:
            future.wait()
        for stage, future in self.steps:
            state = future.state
            if state.is_failed() or state.is_crashed():
                return stage, error_of(state)
        return None


def left_to_do(workspace: Workspace, ledger: Ledger, units: Sequence[Unit]) -> tuple[list[Unit], list[Unit]]:
    """The units to fetch and de-identify, and those only to transform."""
    fetch = not_deidentified(workspace, ledger, units)
    wanted = {unit.unit for unit in fetch}
    return fetch, [unit for unit in not_transformed(workspace, ledger, units) if unit.unit not in wanted]


@dataclass
class Shift:
    """The work of one run on the series of a workspace, under the leases of `holder`."""

    workspace: Workspace
    ledger: Ledger
    source: Source
    selection: Selection
    run_key: str
    holder: str
    pool: WorkerPool
    failures: Failures

    def work(self, units: Sequence[Unit]) -> int:
        """Bring `units` to images and rows, and wait for those that others have; returns how many were done here."""
        worked: Counter[str] = Counter()
        progress = Progress("series", "series brought to images")
        said = 0.0
        while todo := _patiently(lambda: self._mine_to_do(units)):
            done = 0
            for flight in self._fly(todo):
                done += len(flight)
                worked.update(unit.unit for unit in flight)
                progress(done, len(todo))
            self.failures.judge(passed=done)
            if again := [unit for unit in todo if worked[unit.unit] > self.failures.limit]:
                raise ContractViolation(
                    f"series {again[0].unit} was done {worked[again[0].unit]} times and is not finished: report this"
                )
            if not done and not self.failures.again:
                _patiently(lambda: self.ledger.return_leases(gone_from(self.workspace)))
                if time.monotonic() - said > _SAY_EVERY:
                    said = time.monotonic()
                    self._say_who(todo)
                time.sleep(_WAIT)
        return len(worked)

    def _mine_to_do(self, units: Sequence[Unit]) -> list[Unit]:
        """What is unfinished and may be done by this run: another one took into the cohort what isn't selected here."""
        fetch, rest = left_to_do(self.workspace, self.ledger, units)
        return [unit for unit in fetch if unit.unit in self.selection.handles] + rest

    def _fly(self, todo: Sequence[Unit]) -> Iterator[tuple[Unit, ...]]:
        """One round over `todo`; yields the batches that passed."""
        settings = self.workspace.settings.run
        alone = [unit for unit in todo if unit.unit in self.failures.alone]
        together = [unit for unit in todo if unit.unit not in self.failures.alone]
        batches = [*cut(together, settings), *((unit,) for unit in alone)]
        self.failures.again = False
        flying: deque[Flight] = deque()
        try:
            for number, batch in enumerate(batches, 1):
                if len(flying) >= settings.batches_in_flight:
                    yield self._land(flying)
                while (mine := _patiently(functools.partial(self._take, batch))) is None:
                    if flying:
                        yield self._land(flying)
                    else:  # other runs have all that may be in quarantine
                        time.sleep(_WAIT)
                if self.failures.fatal:
                    break
                if flight := _patiently(functools.partial(self._start, mine, f"batch {number} of {len(batches)}")):
                    flying.append(flight)
            while flying:
                yield self._land(flying)
        finally:
            while flying:  # nothing may go on in threads when the leases and the quarantine are gone
                self._land(flying)
        if self.failures.fatal:
            raise self.failures.fatal

    def _take(self, batch: tuple[Unit, ...]) -> list[Unit] | None:
        """Take `batch` on lease; returns what this run got, or None while too many bytes are under way."""
        settings = self.workspace.settings.run
        got = self.ledger.lease_within(settings.quarantine_bytes, batch, self.holder, settings.lease_seconds)
        return None if got is None else [unit for unit in batch if unit.unit in got]

    def _start(self, mine: Sequence[Unit], label: str) -> Flight | None:
        fetch, rest = left_to_do(self.workspace, self.ledger, mine)  # another run may have done it in the meantime
        names = {unit.unit for unit in (*fetch, *rest)}
        units = tuple(unit for unit in mine if unit.unit in names)
        self.ledger.release([unit for unit in mine if unit.unit not in names], self.holder)
        if not units:
            return None
        fenced, steps = self.ledger.held_by(self.holder), list[tuple[str, PrefectFuture[int]]]()
        if fetch:
            given = (self.source, self.selection, tuple(fetch), self.run_key)
            fetched = extract_batch.submit(label, self.workspace, fenced, *given)
            clean = deidentify_batch.submit(
                label, self.workspace, fenced, tuple(fetch), self.pool, wait_for=[fetched], return_state=False
            )
            steps = [("extract", fetched), ("deidentify", clean)]
        made = transform_batch.submit(
            label,
            self.workspace,
            fenced,
            units,
            self.pool,
            wait_for=[future for _, future in steps],
            return_state=False,
        )
        return Flight(units, (*steps, ("transform", made)))

    def _land(self, flying: deque[Flight]) -> tuple[Unit, ...]:
        """Wait for the oldest batch and give its series back; returns them where all stages passed."""
        flight = flying.popleft()
        failed = flight.land()
        _patiently(lambda: self.ledger.release(flight.units, self.holder))
        if failed is None:
            return flight.units
        if isinstance(failed[1], LeaseLost):
            get_run_logger().warning("%s", failed[1])
        else:
            self.failures.note(flight.units, *failed)
        return ()

    def _say_who(self, todo: Sequence[Unit]) -> None:
        for holder, count in Counter(holder for holder, _ in self.ledger.leased(todo).values()).items():
            get_run_logger().info(
                "waiting for %d series that %s works on; they come here if it stops", count, described(holder)
            )


def _patiently(work: Callable[[], R]) -> R:
    """`work`, tried again for a minute while the register does not answer."""
    for attempt in Retrying(
        stop=stop_after_delay(_PATIENCE),
        wait=wait_random_exponential(multiplier=0.5, max=5.0),
        retry=retry_if_exception_type(TransientSourceError),
        reraise=True,
    ):
        with attempt:
            return work()
    raise AssertionError("tenacity raises the last error")
