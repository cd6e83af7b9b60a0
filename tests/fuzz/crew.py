"""Worker processes and the watchdog over them: a case that takes too long or kills its worker is a fault like another.

A worker writes each case to its folder before it runs it, so what it hung or died on is there to be saved.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.canary.channels import all_channels, file_with
from tests.canary.check import PRESETS
from tests.fuzz import batches
from tests.fuzz.judge import Judged, judge

# Seconds of CPU that the engine has for a case, and seconds on the clock: the machine may be busy with others.
LIMIT, PATIENCE = 5.0, 30.0
# Between cases a worker loads tables or makes the next file, which is no case's fault.
_START = 60.0
_TELLING = 30.0  # seconds between two words of progress


@dataclass(frozen=True)
class Fault:
    """What went wrong in which case."""

    batch: int
    place: int
    name: str
    preset: str
    what: str
    content: bytes = field(repr=False)


@dataclass
class Result:
    """Counts by kind and outcome, and the faults."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    moved: Counter[str] = field(default_factory=Counter)
    cases: int = 0
    slowest: float = 0.0
    seconds: float = 0.0


class _Worker:
    """A process with its pipe, and what it is at."""

    def __init__(self, folder: Path, start: int) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        context = multiprocessing.get_context("fork")
        self.pipe, other = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(other, folder, start), daemon=True)
        self.process.start()
        other.close()
        self.batch: int | None = None
        self.deadline = time.monotonic() + _START
        self.spent: float | None = None  # CPU seconds when the engine began, while it runs
        self.case: tuple[int, str, str] = (0, "", "")

    def give(self, batch: int, skip: int) -> None:
        """Order a batch without its first `skip` cases."""
        self.batch = batch
        self.deadline = time.monotonic() + _START
        self.pipe.send((batch, skip))

    def cpu(self) -> float:
        """Seconds of CPU that the process has used (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def is_late(self) -> bool:
        """Whether it is over its time."""
        if time.monotonic() > self.deadline:
            return True
        return self.spent is not None and self.cpu() - self.spent > LIMIT

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def run(cases: int, start: int, workers: int, only: str = "", tell: Callable[[Result], None] | None = None) -> Result:
    """Run that many cases (rounded up to whole batches) and gather what came of them; `tell` is called now and then."""
    result, began = Result(), time.monotonic()
    told = began
    numbers = range(10**9)
    wanted = (number for number in numbers if not only or batches.kind_of(number) == only)
    todo = [(next(wanted), 0) for _ in range(-(-cases // batches.SIZE))][::-1]
    batches.load()
    with TemporaryDirectory() as made:
        crew = [_Worker(Path(made) / str(number), start) for number in range(min(workers, len(todo)))]
        while todo or any(worker.batch is not None for worker in crew):
            for at, worker in enumerate(crew):
                if worker.batch is None and todo:
                    worker.give(*todo.pop())
                fault = _listen(worker, result)
                if fault is not None:
                    result.faults.append(fault)
                    todo.append((fault.batch, fault.place + 1))
                    crew[at] = _Worker(worker.folder, start)
            if tell is not None and time.monotonic() > told + _TELLING:
                told = time.monotonic()
                result.seconds = told - began
                tell(result)
            multiprocessing.connection.wait([worker.pipe for worker in crew], timeout=0.05)
        for worker in crew:
            worker.end()
    result.seconds = time.monotonic() - began
    return result


def _listen(worker: _Worker, result: Result) -> Fault | None:
    """Take what the worker says; a fault where it is over its time or gone, which ends it."""
    try:
        while worker.pipe.poll():
            _take(worker, worker.pipe.recv(), result)
    except EOFError:
        return _killed(worker, result, "the worker died")
    if worker.batch is not None and worker.is_late():
        return _killed(worker, result, f"hang: over {LIMIT:.0f} s")
    return None


def _take(worker: _Worker, message: tuple[Any, ...], result: Result) -> None:
    assert worker.batch is not None
    worker.deadline, worker.spent = time.monotonic() + _START, None
    match message:
        case ("begin", place, name, preset):
            worker.case = (place, name, preset)
            worker.deadline, worker.spent = time.monotonic() + PATIENCE, worker.cpu()
        case ("ran",):
            pass
        case ("end", judged, seconds):
            place, name, preset = worker.case
            _count(result, worker.batch, judged)
            result.slowest = max(result.slowest, seconds)
            if judged.fault:
                content = (worker.folder / "case.dcm").read_bytes()
                result.faults.append(Fault(worker.batch, place, name, preset, judged.fault, content))
                worker.pipe.send("saved")
        case _:
            worker.batch = None


def _count(result: Result, batch: int, judged: Judged) -> None:
    result.cases += 1
    result.moved.update(judged.moved)
    result.counts[batches.kind_of(batch), judged.outcome] += 1


def _killed(worker: _Worker, result: Result, what: str) -> Fault:
    worker.end()
    assert worker.batch is not None
    place, name, preset = worker.case
    _count(result, worker.batch, Judged("killed"))
    source = worker.folder / "case.dcm"
    fault = Fault(worker.batch, place, name, preset, what, source.read_bytes() if source.exists() else b"")
    shutil.rmtree(worker.folder)
    return fault


def _warm_up(folder: Path) -> None:
    """An image that is looked at for text, so that no case pays for loading a model."""
    file, mint = file_with(all_channels()["JPEG comment"])
    for preset in PRESETS:
        judge(file.content(), mint, preset, folder)


def _work(pipe: Connection, folder: Path, start: int) -> None:
    """Run batches until the pipe ends."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    _warm_up(folder)
    while True:
        try:
            number, skip = pipe.recv()
        except EOFError:
            return
        place = -1

        def each(case: batches.Case, skip: int = skip) -> None:
            nonlocal place
            place += 1
            if place < skip:
                return
            name, content, mint, preset = case
            pipe.send(("begin", place, name, preset))
            began, spent = time.process_time(), 0.0

            def ran() -> None:
                nonlocal spent
                spent = time.process_time() - began
                pipe.send(("ran",))

            judged = judge(content, mint, preset, folder, ran)
            pipe.send(("end", judged, spent))
            if judged.fault:
                pipe.recv()  # the source file is read before the next case overwrites it

        batches.run(number, start, each)
        pipe.send(("done",))
