"""The pool: results of all jobs, and a job that kills its process takes nobody with it."""

from __future__ import annotations

import operator
import os

import pytest

from tasks.core.guard import may_dump
from tasks.core.pool import WorkerPool


def test_a_job_that_kills_its_process_harms_only_itself_and_the_pool_goes_on() -> None:
    with WorkerPool(1) as pool:
        jobs = [(os._exit, 1), (abs, -4)]
        assert dict(pool.run(operator.call, jobs)) == {0: None, 1: 4}
        assert dict(pool.run(abs, [(-5,), (-6,)])) == {0: 5, 1: 6}
        with pytest.raises(ZeroDivisionError):
            list(pool.run(divmod, [(1, 0)]))


def test_a_process_of_the_pool_that_crashes_leaves_no_core_dump() -> None:
    with WorkerPool(1) as pool:
        assert dict(pool.run(may_dump, [()])) == {0: False}
