"""Many units over several processes. A decoder that crashes takes its process with it, not the run.

Knows neither ledger nor cohort: archives, rows and results only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from tasks.core.models import Unit, UnitResult
from tasks.core.settings import TransformSettings
from tasks.transform.unit import refuse_unit, transform_unit

Job = tuple[Path, Path, Path, Unit, TransformSettings]

log = logging.getLogger(__name__)


def run_jobs(jobs: Sequence[Job], processes: int) -> Iterator[tuple[Unit, UnitResult]]:
    """`transform_unit` for each job, in `processes` processes; yields as they finish, in any order.

    If a process dies, what was not finished is done again one unit at a time, and a unit that kills its process then,
    too, is refused as a whole. Other errors are raised, and what has not begun is given up.
    """
    left = {job[3].unit: job for job in jobs}
    with _pool(min(processes, len(jobs) or 1)) as pool:
        futures: dict[Future[UnitResult], Unit] = {pool.submit(transform_unit, *job): job[3] for job in jobs}
        try:
            for future in as_completed(futures):
                result = future.result()
                yield left.pop(result.unit)[3], result
        except BrokenProcessPool:
            log.warning("a process died while decoding; %d units are done again one by one", len(left))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    for job in left.values():
        with _pool(1) as pool:
            try:
                result = pool.submit(transform_unit, *job).result()
            except BrokenProcessPool:
                log.warning("unit %s killed its process and is refused", job[3].unit)
                result = refuse_unit(*job)
        yield job[3], result


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
