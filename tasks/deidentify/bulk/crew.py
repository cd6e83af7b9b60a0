"""Batches of files through a pool of processes, a few at a time, so that memory stays flat however many there are.

A job ends after a few seconds whatever is left of its batch, so that a stop is soon obeyed and progress is seen. One
that kills its process is halved until the one file is found that does it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from tasks.core.pool import WorkerPool

E = TypeVar("E")  # what is worked on: mostly an `Entry` of walk.py
R = TypeVar("R")  # what becomes of it
MOST = 128  # files in a batch
SECONDS = 2.0
Job = Callable[[Any, tuple[E, ...]], list[R]]  # its list is as long as what it did of the batch, at least one


def in_time(batch: tuple[E, ...]) -> Iterator[E]:
    """The entries of a batch until its time is up, at least one; for the job that does them."""
    until = time.monotonic() + SECONDS
    for entry in batch:
        yield entry
        if time.monotonic() > until:
            return


def cut(entries: Iterable[E], size: int) -> Iterator[tuple[E, ...]]:
    """Batches of up to `size` entries, in order."""
    left = iter(entries)
    while batch := tuple(islice(left, size)):
        yield batch


def batch_size(entries: int, processes: int) -> int:
    """Large enough that a batch costs little more than its files, small enough that each process gets some."""
    return max(1, min(MOST, entries // (processes * 4)))


def spread(
    pool: WorkerPool, processes: int, job: Job[E, R], plan: object, batches: Iterable[tuple[E, ...]]
) -> Iterator[list[tuple[E, R | None]]]:
    """`job(plan, batch)` for each batch; yields entries with what became of them, in any order.

    None is for a file that kills its process. `batches` is consumed in the thread of the caller. Left early, it waits
    for the jobs that run.
    """
    waiting: set[Future[_Turn[E, R]]] = set()
    with ThreadPoolExecutor(processes + 1) as threads:

        def settled() -> Iterator[list[tuple[E, R | None]]]:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            waiting.difference_update(done)
            for turn in [future.result() for future in done]:
                waiting.update(threads.submit(_turn, pool, job, plan, left) for left in turn.left)
                yield turn.results

        try:
            for batch in batches:
                waiting.add(threads.submit(_turn, pool, job, plan, batch))
                while len(waiting) > processes + 1:
                    yield from settled()
            while waiting:
                yield from settled()
        finally:
            for future in waiting:
                future.cancel()


@dataclass(frozen=True)
class _Turn(Generic[E, R]):
    """What one job did of its batch, and what is left of it."""

    results: list[tuple[E, R | None]]
    left: list[tuple[E, ...]]


def _turn(pool: WorkerPool, job: Job[E, R], plan: object, batch: tuple[E, ...]) -> _Turn[E, R]:
    done = next(pool.run(job, [(plan, batch)]))[1]
    if done is not None:
        left = batch[len(done) :]
        return _Turn(list(zip(batch, done, strict=False)), [left] if left else [])
    if len(batch) == 1:
        return _Turn([(batch[0], None)], [])
    middle = len(batch) // 2
    return _Turn([], [batch[:middle], batch[middle:]])
