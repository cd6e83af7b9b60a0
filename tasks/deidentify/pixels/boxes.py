"""From text that was found to boxes that are masked: what may stay is left out, what belongs together is joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tasks.deidentify.known import Known
from tasks.deidentify.pixels.detect import Found
from tasks.deidentify.pixels.place import Place, join
from tasks.deidentify.pixels.texts import letters
from tasks.deidentify.pixels.tokens import SURE, may_stay

_SAME = 0.7  # share of the smaller box that two boxes of one text have in common
_NEXT = 1.5  # heights between two words of a line


def to_mask(found: Sequence[Found], known: Known) -> list[Place]:
    """The boxes that are masked, joined where they overlap, in order."""
    texts = _one_of_each(found)
    masked = [text for text in texts if _tells(text, known)]
    staying = [text for text in texts if text not in masked]
    while touching := [text for text in staying if any(_in_line(text, other) for other in masked)]:
        masked += touching  # what continues a line that is masked is part of it
        staying = [text for text in staying if text not in touching]
    return join(text.place for text in masked)


def _tells(text: Found, known: Known) -> bool:
    return not may_stay(text.reading, known) or (text.line_shaped and text.reading.score < SURE)


def _one_of_each(found: Sequence[Found]) -> list[Found]:
    """Of a text that was found several times, the fullest good reading, and the box around all."""
    kept: list[Found] = []
    for text in sorted(sorted(found, key=lambda one: one.place), key=lambda one: letters(one.reading), reverse=True):
        for at, other in enumerate(kept):
            if _same(text.place, other.place):
                kept[at] = replace(other, place=other.place.around(text.place))
                break
        else:
            kept.append(text)
    return kept


def _same(one: Place, other: Place) -> bool:
    return one.common(other) >= _SAME * max(one.area, other.area)


def _in_line(one: Found, other: Found) -> bool:
    """Whether two boxes stand beside each other, as words of one line do, written across or down."""
    gap = _NEXT * min(one.height, other.height)
    a, b = one.place, other.place
    across = min(a.bottom, b.bottom) - max(a.top, b.top) >= 0.5 * min(a.bottom - a.top, b.bottom - b.top)
    down = min(a.right, b.right) - max(a.left, b.left) >= 0.5 * min(a.right - a.left, b.right - b.left)
    flat = one.place.right - one.place.left >= one.place.bottom - one.place.top
    if flat:
        return across and max(a.left, b.left) - min(a.right, b.right) <= gap
    return down and max(a.top, b.top) - min(a.bottom, b.bottom) <= gap
