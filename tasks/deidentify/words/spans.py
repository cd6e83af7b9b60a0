"""What a finder hands back: a stretch of text and what kind of identifier it is; and how stretches are settled."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from typing import NamedTuple

PATIENT, NAME, DATE, AGE, ID, PHONE, EMAIL, URL, PLACE, HOSPITAL = (
    "patient",
    "name",
    "date",
    "age",
    "id",
    "phone",
    "email",
    "url",
    "place",
    "hospital",
)


class Span(NamedTuple):
    """Characters `start` to `end` of a text. `value` is what to write instead, where the finder knows it."""

    start: int
    end: int
    category: str
    value: str | None = None


class Claims:
    """Stretches that are taken, none over another: who comes first has it, who comes later gets what is left."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._spans: dict[int, Span] = {}

    def take(self, spans: Iterable[Span]) -> None:
        """Add `spans`, cut where they run into one that is there already; a cut one loses its `value`."""
        for span in spans:
            for start, end in self._free(span.start, span.end):
                whole = (start, end) == (span.start, span.end)
                insort(self._starts, start)
                self._spans[start] = span if whole else Span(start, end, span.category)

    def covers(self, start: int, end: int) -> bool:
        """Whether any of `start` to `end` is taken."""
        return self._free(start, end) != [(start, end)]

    def all(self) -> list[Span]:
        """What is taken, from first to last."""
        return [self._spans[start] for start in self._starts]

    def _free(self, start: int, end: int) -> list[tuple[int, int]]:
        free = []
        at = bisect_right(self._starts, start)
        if at and self._spans[self._starts[at - 1]].end > start:
            start = self._spans[self._starts[at - 1]].end
        while start < end:
            if at == len(self._starts) or self._starts[at] >= end:
                free.append((start, end))
                break
            taken = self._spans[self._starts[at]]
            if taken.start > start:
                free.append((start, taken.start))
            start = max(start, taken.end)
            at += 1
        return free
