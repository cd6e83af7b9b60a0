"""Rounds in which every way handles the same files in turn, and their table with ratios paired by round."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchtransform.ways import WAYS, fresh


@dataclass(frozen=True)
class Timed:
    """CPU ms a slice by round, of one way."""

    name: str
    rounds: tuple[float, ...]

    def ratios(self, other: Timed) -> list[float]:
        """How many times as long `other` takes, round by round."""
        return [theirs / own for own, theirs in zip(self.rounds, other.rounds, strict=True)]


def measure(names: Sequence[str], files: list[Path], folder: Path, bits: int, rounds: int) -> list[Timed]:
    """CPU time (user and system, this process: one thread) of each way; the order turns by one each round."""
    spent: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        WAYS[name](files[:1] if name.endswith("PNG") or name == "plain" else files, fresh(folder), bits)  # warm
    for number in range(rounds):
        turn = number % len(names)
        gc.collect()
        for name in (*names[turn:], *names[:turn]):
            fresh(folder)
            start = time.process_time()
            WAYS[name](files, folder, bits)
            spent[name].append(1000 * (time.process_time() - start) / len(files))
    return [Timed(name, tuple(values)) for name, values in spent.items()]


def three(values: Sequence[float], digits: int) -> str:
    """Minimum, median and maximum."""
    return " / ".join(f"{part:.{digits}f}" for part in (min(values), statistics.median(values), max(values)))


def lines(what: str, timed: Sequence[Timed]) -> list[str]:
    """Rows of a Markdown table: what, way, ms a slice, times faster than the first way."""
    return [
        f"| {what} | {one.name} | {three(one.rounds, 2)} | "
        f"{three(one.ratios(timed[0]), 2) if one is not timed[0] else ''} |"
        for one in timed
    ]
