"""Rectangles of an image, and what is done with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_LITTLE = 1.25  # times the area that two rectangles cover


@dataclass(frozen=True, order=True)
class Place:
    """A rectangle of an image, in its pixels: rows `top` to `bottom`, columns `left` to `right`, ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def area(self) -> int:
        """How many pixels it has."""
        return (self.bottom - self.top) * (self.right - self.left)

    def common(self, other: Place) -> int:
        """How many pixels two rectangles share."""
        rows = min(self.bottom, other.bottom) - max(self.top, other.top)
        columns = min(self.right, other.right) - max(self.left, other.left)
        return max(0, rows) * max(0, columns)

    def around(self, other: Place) -> Place:
        """The smallest rectangle that holds both."""
        return Place(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def holds(self, other: Place) -> bool:
        """Whether the other lies wholly in it."""
        return self.around(other) == self


def join(places: Iterable[Place]) -> list[Place]:
    """Rectangles that overlap become the one around both, where that adds little; in order."""
    waiting, done = sorted(set(places)), []
    while waiting:
        one = waiting.pop()
        for at, other in enumerate(waiting):
            both = one.around(other)
            if one.common(other) and both.area <= _LITTLE * (one.area + other.area - one.common(other)):
                waiting[at] = both
                break
        else:
            done.append(one)
    return sorted(done)
