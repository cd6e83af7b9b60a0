"""`build_dataset` as it is, in a process that writes down at its end how much of its CPU time was the stages' work.

A deployment's entrypoint, so it is imported in the window's own process: the counting is put around the functions of
the stages before the flow takes hold of them.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tasks.extract.fetch
import tasks.retryable

FOLDER = "SLUICE_LOAD_FOLDER"

_lock = threading.Lock()
_work = 0.0


def counted(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, whose CPU time in its own thread is added up."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        global _work
        began = time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            with _lock:
                _work += time.thread_time() - began

    return call


def _write() -> None:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {
        "role": "backfill" if "backfill" in sys.argv else "window",
        "work": _work,
        "own": own.ru_utime + own.ru_stime,
        "children": children.ru_utime + children.ru_stime,
    }
    Path(os.environ[FOLDER], f"{os.getpid()}.json").write_text(json.dumps(found), encoding="utf-8")


_silenced = tasks.retryable._silenced
tasks.retryable._silenced = lambda function, stage: _silenced(counted(function), stage)
tasks.extract.fetch.fetch_unit = counted(tasks.extract.fetch.fetch_unit)  # in threads of its own
atexit.register(_write)

from flows.build_dataset import build_dataset  # noqa: E402, F401
