"""The pixel element as bytes: its fragments, and what follows its last frame. What is inside a stream is streams.py.

No pixel is decoded here. Bytes that no decoder looks at are another place where names are found; they are blanked in
place, so that lengths and offset tables stay as they are.
"""

from __future__ import annotations

import struct

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.headers.clean import raw_element
from tasks.deidentify.headers.element import Element
from tasks.deidentify.headers.encoding import SEQUENCE_ENDS, UNDEFINED
from tasks.deidentify.headers.opened import Opened
from tasks.deidentify.headers.scan import fragments
from tasks.deidentify.headers.streams import begins, blanks, is_over
from tasks.deidentify.parts import Parts, Range, size

_ROWS, _COLUMNS, _FRAMES = 0x00280010, 0x00280011, 0x00280008
_SAMPLES, _ALLOCATED, _PHOTOMETRIC = 0x00280002, 0x00280100, 0x00280004


def unchanged(opened: Opened, element: Element) -> Parts:
    """The pixel element with the pixel values that it has. Raises `QuarantineUnit` for more frames than are named."""
    if element.length == UNDEFINED:
        return _encapsulated(opened, element)
    length = element.length
    expected = _native_length(opened)
    if expected and element.tag == 0x7FE00010 and length > expected:
        one = expected // max(1, _frames(opened))
        if length - expected >= max(one, 2):
            raise QuarantineUnit(Reason.PIXELS_EXCEED)
        length = expected
    shorter = element._replace(length=length)
    return raw_element(opened, shorter, opened.source.part(element.at, length))


def changed(opened: Opened, element: Element, value: Parts) -> Parts:
    """The pixel element with a new value of even length, encapsulated if the old one was."""
    if element.length != UNDEFINED:
        return (opened.encoding.header(element.tag, element.vr, size(value)), *value)
    return (opened.encoding.header(element.tag, element.vr, UNDEFINED), *value, SEQUENCE_ENDS[opened.encoding.order])


def value_of(opened: Opened, element: Element) -> Range | bytes:
    """The value of the pixel element; without the delimiter where it is encapsulated."""
    length = element.end - element.at - (8 if element.length == UNDEFINED else 0)
    return opened.source.part(element.at, length)


def _native_length(opened: Opened) -> int:
    """How many bytes uncompressed pixels take (PS3.5 8.1.1), even; 0 where the header does not say."""
    rows, columns = opened.number(_ROWS, 0), opened.number(_COLUMNS, 0)
    samples, allocated = opened.number(_SAMPLES, 1), opened.number(_ALLOCATED, 0)
    values = rows * columns * samples * _frames(opened)
    if opened.plain(_PHOTOMETRIC) in ("YBR_FULL_422", "YBR_PARTIAL_422") and samples == 3:
        values = values // 3 * 2
    bits = values * allocated
    size = (bits + 7) // 8
    return size + size % 2


def _frames(opened: Opened) -> int:
    text = opened.plain(_FRAMES)
    return int(text) if text.isdecimal() and text.isascii() and int(text) else 1


def _encapsulated(opened: Opened, element: Element) -> Parts:
    parts: list[bytes | Range] = [opened.encoding.header(element.tag, element.vr, UNDEFINED)]
    at = element.at
    pieces = fragments(opened.source, element.at, opened.encoding)
    needed = _needed(opened, pieces)
    if pieces and not _is_offset_table(opened, pieces, len(needed)):
        parts.append(opened.encoding.item(b"", undefined=False))
        at = sum(pieces[0])
    for start, length in needed:
        for offset, blank in blanks(opened, start, length):
            if offset > at:
                parts.append(opened.source.part(at, offset - at))
            parts.append(blank)
            at = offset + len(blank)
    end = sum(needed[-1]) if needed else element.end - 8
    if end > at:
        parts.append(opened.source.part(at, end - at))
    parts.append(SEQUENCE_ENDS[opened.encoding.order])
    return tuple(parts)


def _needed(opened: Opened, pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The fragments of the frames that the header names; what comes behind them is no picture of this object."""
    found, frames = pieces[1:], _frames(opened)
    if len(found) <= frames:
        return found
    begun = first = 0
    for number, (start, _) in enumerate(found):
        is_first = begins(opened, opened.source.read(start, 8))
        if begun >= frames and (is_first or is_over(opened, found[first:number])):
            return found[:number]
        if is_first:
            begun, first = begun + 1, number
    return found


def _is_offset_table(opened: Opened, pieces: list[tuple[int, int]], needed: int) -> bool:
    """Whether the first item is empty or tells where frames begin (PS3.5 A.4), and nothing else."""
    start, length = pieces[0]
    if not length:
        return True
    if length % 4 or length > 4 * len(pieces):
        return False
    offsets = struct.unpack(f"{opened.encoding.order}{length // 4}L", opened.source.read(start, length))
    first = start + length
    begins = {at - 8 - first for at, _ in pieces[1 : needed + 1]}
    return list(offsets) == sorted(offsets) and begins.issuperset(offsets)
