"""What was learned of the elements of a series: rows of them that stand in one file after another.

The elements of one series differ in a dozen places. A run is a row of elements that stood in the last file too: where
the same bytes stand again, all of it is passed over and what it told is known. What differs is read, and is left out
of runs until it has stopped changing. What was learned never changes what is found, only how fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.deidentify.residual.identifying import NOTHING, Collected, together

_SETTLED = 4  # an element that changed is trusted again after so many equal files
_MOST = 20_000
_LONGEST = 2**20  # bytes of a run: millions of equal elements in one file are not to be remembered


@dataclass(slots=True, repr=False)
class Run:
    """Elements that stood together: their bytes, what they told, and the run that each was before."""

    raw: bytes
    told: Collected
    single: list[Run] = field(default_factory=list)


@dataclass(slots=True, repr=False)
class Branch:
    """What is known of the elements at one place of the tree: runs by the tag they begin with, and what changes.

    Of what changes there are the last bytes, how often they stood again, and what they told.
    """

    runs: dict[bytes, Run] = field(default_factory=dict)
    changing: dict[bytes, tuple[bytes, int, Collected]] = field(default_factory=dict)
    below: dict[int, Branch] = field(default_factory=dict)

    def split(self, key: bytes) -> None:
        """Take the run at `key` apart; a single element has changed."""
        run = self.runs.pop(key)
        if not run.single:
            self.changing[key] = (b"", 0, NOTHING)
        for single in run.single:
            self.runs[single.raw[:4]] = single

    def learn(self, key: bytes, raw: bytes, told: Collected) -> None:
        """Remember an element that was read."""
        if key not in self.changing:
            if len(self.runs) > _MOST:
                self.runs.clear()
            self.runs[key] = Run(raw, told)
        else:
            self.changing[key] = (raw, 0, told)

    def met_again(self, key: bytes) -> Collected:
        """An element that changes has its last bytes again; what it tells."""
        raw, count, told = self.changing[key]
        if count < _SETTLED:
            self.changing[key] = (raw, count + 1, told)
        else:
            del self.changing[key]
            self.runs[key] = Run(raw, told)
        return told

    def join(self, row: list[Run]) -> None:
        """Make one run of those that stood in a row, unless it gets too long."""
        if sum(len(run.raw) for run in row) > _LONGEST:
            return
        single = [part for run in row for part in run.single or [run]]
        told = together([run.told for run in row])
        self.runs[row[0].raw[:4]] = Run(b"".join(run.raw for run in row), told, single)
