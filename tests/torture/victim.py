"""`python -m tests.torture.victim ARGUMENTS`: `sluice ARGUMENTS` in a process that kills itself at one exact place.

The place is in $TORTURE_POINT (`boundaries.Point`). Nothing but the one function is wrapped, in this process
or in those of its pool, which import this module again.
"""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import re
import signal
import threading
import time
from pathlib import Path, PurePath
from typing import Any

from tests.torture.boundaries import Point


def arm(point: Point, marks: Path, *, in_pool: bool) -> None:
    """Wrap the function of `point` in this process, if it is one of those that come to it."""
    if point.pool != in_pool:
        return
    owner, name = find(point.target)
    work = getattr(owner, name)

    @functools.wraps(work)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not _matches(point, args) or _count(marks) != point.nth:
            return work(*args, **kwargs)
        if point.when == "before":
            strike(point, marks)
        if point.when == "within":
            threading.Thread(target=_strike_within, args=(point, marks), daemon=True).start()
        result = work(*args, **kwargs)
        if point.when == "after":
            strike(point, marks)
        if point.when == "within":
            time.sleep(30.0)  # it was too fast: the strike is on its way
        return result

    setattr(owner, name, call)


def strike(point: Point, marks: Path) -> None:
    """Kill or stop whom the point says."""
    marks.with_suffix(".struck").touch()
    parent = multiprocessing.parent_process()
    driver = parent.pid if parent and parent.pid else os.getpid()
    if point.whom == "group":
        os.killpg(os.getpgid(driver), signal.SIGKILL)
    elif point.whom == "stop":
        os.kill(driver, signal.SIGSTOP)
    else:
        os.kill(os.getpid() if point.whom == "pool" else driver, signal.SIGKILL)


def _strike_within(point: Point, marks: Path) -> None:
    place = Path(os.environ["SLUICE_WORKSPACE"]) / point.there
    while point.there and not place.exists():
        time.sleep(0.0005)
    time.sleep(point.delay)
    strike(point, marks)


def find(target: str) -> tuple[Any, str]:
    """Where the function of a target is, and its name there."""
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    return functools.reduce(getattr, owners, importlib.import_module(module)), name


def _matches(point: Point, args: tuple[Any, ...]) -> bool:
    if not point.having:
        return True
    texts = [str(argument) for argument in args if isinstance(argument, str | PurePath | tuple | list)]
    return any(re.search(point.having, text) for text in texts)


def _count(marks: Path) -> int:
    """Which call this is, counted over all processes of the run."""
    handle = os.open(marks, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        os.write(handle, b"x")
        return os.lseek(handle, 0, os.SEEK_CUR)
    finally:
        os.close(handle)


def _main(in_pool: bool) -> None:
    if "faketime" in os.environ.get("LD_PRELOAD", ""):  # it makes clock_nanosleep fail, by which Python sleeps
        time.sleep = lambda seconds: threading.Event().wait(seconds) and None
    if text := os.environ.get("TORTURE_POINT"):
        arm(Point.from_json(text), Path(os.environ["TORTURE_MARKS"]), in_pool=in_pool)


if __name__ == "__mp_main__":
    _main(in_pool=True)
elif __name__ == "__main__":
    _main(in_pool=False)
    from flows.cli import main

    main()
