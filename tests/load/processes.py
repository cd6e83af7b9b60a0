"""Memory and CPU time of all processes below one, by what they do, from /proc."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.support.sockets import descendants

_TICK = os.sysconf("SC_CLK_TCK")
_ROLES = (
    ("prefect server", ("prefect", "server")),
    ("worker", ("prefect", "worker")),
    ("window", ("prefect.engine",)),
    ("window", ("prefect", "flow-run", "execute")),
    ("pool", ("multiprocessing.spawn",)),
    ("mlflow", ("mlflow",)),
    ("Orthanc", ("Orthanc",)),
    ("backfill", ("tests.load.backfill",)),
    ("dvc and git", ("dvc",)),
    ("dvc and git", ("git",)),
)


@dataclass
class Watch:
    """Looks every second. `memory[role]`: the largest process of the role at each look, in MB.

    What servers had used before it began, to start, is told apart: they serve for weeks, and a backfill for minutes.
    """

    root: int
    memory: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))

    def __post_init__(self) -> None:
        self._before = {process: found[2] for process, found in self._looks()}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop looking."""
        self._over.set()
        self._thread.join()

    def seconds(self, role: str) -> float:
        """CPU seconds that the processes of `role` were seen to use themselves, since this began."""
        return sum(spent - self._before.get(process, 0.0) for process, spent in self.cpu[role].items())

    def rows(self) -> list[tuple[str, float, float, float]]:
        """(role, median of the second quarter, of the last, largest), in MB."""
        found = []
        for role, series in sorted(self.memory.items()):
            quarter = max(1, len(series) // 4)
            second, last = series[quarter : 2 * quarter] or series, series[-quarter:]
            found.append((role, median(second), median(last), max(series)))
        return found

    def _run(self) -> None:
        while not self._over.wait(1.0):
            largest: dict[str, float] = {}
            for process, (role, rss, seconds) in self._looks():
                largest[role] = max(largest.get(role, 0.0), rss)
                self.cpu[role][process] = seconds
            for role, rss in largest.items():
                self.memory[role].append(rss)

    def _looks(self) -> Iterator[tuple[int, tuple[str, float, float]]]:
        for process in descendants(self.root)[1:]:
            try:
                yield process, _look(process)
            except (OSError, IndexError, ValueError):
                continue  # it ended while we looked


def _look(process: int) -> tuple[str, float, float]:
    place = Path("/proc") / str(process)
    words = place.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")
    fields = place.joinpath("stat").read_text().rsplit(")", 1)[1].split()
    pages = int(place.joinpath("statm").read_text().split()[1])
    seconds = (int(fields[11]) + int(fields[12])) / _TICK
    return _role(words), pages * os.sysconf("SC_PAGE_SIZE") / 2**20, seconds


def _role(words: list[str]) -> str:
    line = " ".join(words)
    return next((role for role, marks in _ROLES if all(mark in line for mark in marks)), "other")
