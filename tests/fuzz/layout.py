"""Where the elements of a well-formed file stand, so that damage can be done to a tag, a VR or a length on purpose.

A walker of its own: it follows sequences of both kinds and stops where it doesn't understand.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tests.canary.writing import IMPLICIT, LONG, UNDEFINED

_LONG = frozenset(vr.encode() for vr in LONG)


@dataclass(frozen=True)
class Spot:
    """One element: where its tag, its VR (-1 without), its length and its value begin, and where it ends."""

    tag: int
    at: int
    vr_at: int
    length_at: int
    length_size: int
    value_at: int
    end: int
    depth: int


def layout(content: bytes) -> list[Spot]:
    """The elements of a little-endian Part 10 file at every depth, as far as they can be followed."""
    if content[128:132] != b"DICM" or len(content) < 144:
        return []
    meta_end = 144 + struct.unpack_from("<L", content, 140)[0]
    spots: list[Spot] = []
    try:
        spots += _elements(content, 132, meta_end, 0, implicit=False)
        implicit = (
            IMPLICIT.encode() + b"\0" in content[132:meta_end] and b"1.2.840.10008.1.2." not in content[132:meta_end]
        )
        spots += _elements(content, meta_end, len(content), 0, implicit=implicit)
    except (struct.error, RecursionError):
        pass  # what was found up to here is enough
    return spots


def _elements(content: bytes, at: int, end: int, depth: int, *, implicit: bool) -> Iterator[Spot]:
    while at + 8 <= end and depth < 60:
        group, number = struct.unpack_from("<HH", content, at)
        if group == 0xFFFE:
            return
        spot = _spot(content, at, group << 16 | number, depth, implicit=implicit)
        undefined = spot.end < 0
        is_sequence = undefined or content[spot.vr_at : spot.vr_at + 2] == b"SQ"
        inner = list(_items(content, spot, end, implicit=implicit)) if is_sequence else []
        if undefined:
            after = inner.pop() if inner else spot
            spot = Spot(**{**vars(spot), "end": after.end if after.end > 0 else end})
        yield spot
        yield from inner
        at = spot.end


def _spot(content: bytes, at: int, tag: int, depth: int, *, implicit: bool) -> Spot:
    if implicit:
        vr_at, length_at, size = -1, at + 4, 4
    elif content[at + 4 : at + 6] in _LONG:
        vr_at, length_at, size = at + 4, at + 8, 4
    else:
        vr_at, length_at, size = at + 4, at + 6, 2
    length = struct.unpack_from("<L" if size == 4 else "<H", content, length_at)[0]
    value_at = length_at + size
    end = -1 if length == UNDEFINED and size == 4 else value_at + length
    return Spot(tag, at, vr_at, length_at, size, value_at, end, depth)


def _items(content: bytes, spot: Spot, end: int, *, implicit: bool) -> Iterator[Spot]:
    """The elements inside; for an undefined length the last one yielded marks the end of the delimiter."""
    at, stop = spot.value_at, spot.end if spot.end > 0 else end
    while at + 8 <= stop:
        number, length = struct.unpack_from("<HL", content, at + 2)
        at += 8
        if number == 0xE0DD:
            break
        inside = list(
            _elements(content, at, at + length if length != UNDEFINED else stop, spot.depth + 1, implicit=implicit)
        )
        yield from inside
        if length != UNDEFINED:
            at += length
        else:
            at = max((each.end for each in inside), default=at) + 8
    if spot.end < 0:
        yield Spot(0, at, -1, at, 0, at, at, spot.depth)
