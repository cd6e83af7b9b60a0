"""One pool of processes for a whole run, shared between threads. A job that kills its process harms only itself."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any, TypeVar

from tasks.core.closing import Closing
from tasks.core.entry import quiet_libraries
from tasks.core.guard import harden

R = TypeVar("R")
log = logging.getLogger(__name__)


class WorkerPool(Closing):
    """Spawned processes that import a stage once and then do job after job."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._executor = _spawn(processes)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Wait for the jobs that run, and end the processes."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def run(self, function: Callable[..., R], jobs: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, R | None]]:
        """`function(*job)` for each job; yields (index, result) as they finish, in any order.

        `function` and its arguments must be picklable. If a process dies, the jobs that were not finished are done
        again one at a time; one that kills its process then, too, yields None. Other errors of `function` are raised.
        """
        executor = self._executor
        left = dict(enumerate(jobs))
        try:
            futures: dict[Future[R], int] = {executor.submit(function, *job): index for index, job in left.items()}
            for future in as_completed(futures):
                result = future.result()
                del left[futures[future]]
                yield futures[future], result
        except BrokenProcessPool:
            log.warning("a worker process died; %d jobs are done again one by one", len(left))
            self._renew(executor)
            for index in list(left):
                yield index, _alone(function, left[index])

    def _renew(self, broken: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._executor is broken:
                broken.shutdown(wait=False, cancel_futures=True)
                self._executor = _spawn(self._processes)


def _alone(function: Callable[..., R], job: tuple[Any, ...]) -> R | None:
    with _spawn(1) as executor:
        try:
            return executor.submit(function, *job).result()
        except BrokenProcessPool:
            return None


def _spawn(processes: int) -> ProcessPoolExecutor:
    # Spawned, not forked: the parent has threads, and the children must not inherit its imports or sockets.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_start)


def _start() -> None:
    """Prepare a fresh process of the pool, which will hold identified bytes."""
    harden()
    _end_with_parent()
    _quiet()


def _end_with_parent() -> None:
    """End with the run: a killed parent cannot say that there is no more work, and we would wait for it for good."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _quiet() -> None:
    """Keep our own log lines and nothing that C libraries print: decoders complain in words of their own."""
    quiet_libraries()
    ours = os.fdopen(os.dup(2), "w", buffering=1)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=ours)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
