"""Rounds that interleave: each program handles all files once a round, so a disturbed round disturbs all."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.children import Child, Unavailable

# Looking for text takes as long as some hundred headers, so a few files of each round tell enough.
SLOW, FEW = ("sluice+detection",), 3


@dataclass(frozen=True)
class Times:
    """CPU ms a file of one program by round, and how many files it refused."""

    name: str
    rounds: tuple[float, ...]
    refused: int = 0
    note: str = ""

    @property
    def least(self) -> float:
        """The best round."""
        return min(self.rounds)

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.rounds)

    def ratio(self, other: Times) -> float:
        """How many times `other`'s CPU this one needs, by the best rounds: what else runs on a machine only adds."""
        return self.least / other.least

    def middle_ratio(self, other: Times) -> float:
        """The same round by round: the middle one of the rounds' ratios."""
        return statistics.median(a / b for a, b in zip(self.rounds, other.rounds, strict=True))


def measure(names: Sequence[str], files: list[Path], rounds: int, folder: Path) -> list[Times]:
    """Time each program on the files; the order turns by one each round."""
    children: dict[str, Child] = {}
    failed: dict[str, str] = {}
    for name in names:
        try:
            children[name] = Child(name, files[0], folder / name)
        except Unavailable as error:
            failed[name] = str(error)
    spent: dict[str, list[float]] = {name: [] for name in children}
    refused, notes = dict.fromkeys(children, 0), dict.fromkeys(children, "")
    for number in range(rounds):
        running = list(children)
        turn = number % max(1, len(running))
        for name in running[turn:] + running[:turn]:
            given = files[:FEW] if name in SLOW else files
            answer = children[name].run(given)
            spent[name].append(1000 * answer["cpu"] / len(given))
            refused[name] = answer["refused"]
    if "copyfile" in children:
        again = children["copyfile"].run(files, overwrite=True)
        notes["copyfile"] = f"written over files that are there: {1000 * again['cpu'] / len(files):.3f}"
    for child in children.values():
        child.close()
    return [
        Times(name, tuple(spent[name]), refused[name], notes[name])
        if name in spent
        else Times(name, (), note=failed[name])
        for name in names
    ]


def table(times: Sequence[Times]) -> str:
    """The times as a table, with their ratios to a plain copy and to this engine."""
    by_name = {each.name: each for each in times if each.rounds}
    heads = f"{'min':>9}{'median':>9}{'x copyfile':>12}{'by round':>10}{'x sluice':>10}{'by round':>10}"
    lines = [f"{'CPU ms a file':<20}{heads}"]
    for each in times:
        if not each.rounds:
            lines.append(f"{each.name:<20} not run: {each.note}")
            continue
        ratios = ""
        for other, width in (("copyfile", 12), ("sluice", 10)):
            if other in by_name:
                ratios += f"{each.ratio(by_name[other]):>{width}.2f}{each.middle_ratio(by_name[other]):>10.2f}"
            else:
                ratios += f"{'-':>{width}}{'-':>10}"
        note = f"   {each.note}" + (f" ({each.refused} REFUSED)" if each.refused else "")
        lines.append(f"{each.name:<20}{each.least:>9.3f}{each.median:>9.3f}{ratios}{note}".rstrip())
    return "\n".join(lines)
