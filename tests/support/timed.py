"""How long a command takes from cold, by the clock and by the processor; on busy cores only the second says much."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Timed(NamedTuple):
    """Seconds by the clock, and seconds of processor time of the command and the programs that it called."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.cpu:.2f} s CPU)"


def best_of(rounds: int, command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> Timed:
    """The least of some rounds, each for itself; `CalledProcessError` where the command fails."""
    every = [_once(command, cwd, {**os.environ, **(environment or {})}) for _ in range(rounds)]
    return Timed(min(one.wall for one in every), min(one.cpu for one in every))


def _once(command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> Timed:
    before, begun = os.times(), time.monotonic()
    subprocess.run(command, cwd=cwd, env=environment, capture_output=True, check=True)
    wall, after = time.monotonic() - begun, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Timed(wall, used)
