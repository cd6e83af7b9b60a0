"""The elements at the top of a data set, found without reading what is large.

A sequence is passed over as one element; what is in it is for rewrite.py. Strict: tags must ascend and none may come
twice (PS3.5 7.1), for where they don't, a length is damaged and a value stands under another attribute's name. What
stands behind PixelData is not looked at, as nothing of it may stay: signatures, padding, private groups, and remains.
"""

from __future__ import annotations

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.headers.element import PIXELS, Element, Row
from tasks.deidentify.headers.encoding import (
    DELIMITED,
    SEQUENCE_END,
    UNDEFINED,
    CutError,
    Encoding,
    PlainError,
    after_items,
)
from tasks.deidentify.headers.learned import Learned
from tasks.deidentify.headers.source import Source

FIRST_READ = 1 << 16
LARGE = 1 << 20
LAST = 0x7FE00010
MAX_IN_MEMORY = 1 << 28
MAX_ELEMENTS = 1 << 16  # at the top, where real files have hundreds
_BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})


def scan(source: Source, at: int, encoding: Encoding) -> list[Element]:
    """All elements from `at` to the end of the source. Raises `PlainError` for what is irregular."""
    return [piece for piece in pieces(source, at, encoding, Learned()) if isinstance(piece, Element)]


def pieces(source: Source, at: int, encoding: Encoding, learned: Learned) -> list[Element | Row]:
    """The same, where rows of elements that were `learned` from files before stay rows, and others are learned."""
    found: list[Element | Row] = []
    base, buffer, size, last = at, source.read(at, FIRST_READ), source.size, -1
    position, parse, add, rows = 0, encoding.parse, found.append, learned.rows
    standing: list[Row] = []
    while base + position < size:
        key = buffer[position : position + 4]
        row = rows.get(key)
        if row is not None:
            if buffer.startswith(row.raw, position) and row.first > last:
                standing.append(row)
                add(row)
                last = row.last
                position += len(row.raw)
            else:
                learned.split(key)
            continue
        if standing:
            if len(standing) > 1:
                learned.join(standing)
            standing = []
        try:
            tag, vr, before, length = parse(buffer, position)
            if tag <= last or tag >> 16 == 0xFFFE:
                raise PlainError("elements are out of order")
            start = position + before
            if length == UNDEFINED:
                if vr not in DELIMITED:
                    raise PlainError("a value of undefined length")
                end = start if tag in PIXELS else after_items(buffer, start, encoding.inside(vr))
            else:
                end = start + length
                if base + end > size:
                    raise PlainError("an element ends beyond the file")
            if tag in PIXELS or (length > LARGE and length != UNDEFINED and vr in _BULK):
                if length == UNDEFINED:
                    end = _after_fragments(source, base + start, encoding) - base
                add(Element(tag, vr, None, 0, base + start, length, base + end))
                if tag == LAST:
                    break
                last, base, position = tag, base + end, 0
                buffer = source.read(base, FIRST_READ)
                continue
            if end > len(buffer):
                raise CutError("more is needed")
        except CutError:
            if len(found) > MAX_ELEMENTS:
                raise QuarantineUnit(Reason.OVERSIZED) from None
            base, position, buffer = base + position, 0, _more(source, base + position, len(buffer) - position)
            continue
        element = Element(tag, vr, buffer[position:end], before, 0, length, 0)
        learned.learn(element)
        add(element)
        last, position = tag, end
    if len(standing) > 1:
        learned.join(standing)
    return found


def fragments(source: Source, at: int, encoding: Encoding) -> list[tuple[int, int]]:
    """(start, length) of each item of an encapsulated value (PS3.5 A.4) that begins at `at`; the first is the table."""
    found: list[tuple[int, int]] = []
    while True:
        head = source.read(at, 8)
        if len(head) < 8:
            raise PlainError("fragments are cut off")
        (group, number), (length,) = encoding.tag(head, 0), encoding.long(head, 4)
        tag = group << 16 | number
        if tag == SEQUENCE_END and not length:
            return found
        if tag != 0xFFFEE000 or length == UNDEFINED or at + 8 + length > source.size:
            raise PlainError("a fragment is damaged")
        found.append((at + 8, length))
        at += 8 + length


def _after_fragments(source: Source, at: int, encoding: Encoding) -> int:
    last = fragments(source, at, encoding)
    return (sum(last[-1]) if last else at) + 8


def _more(source: Source, at: int, had: int) -> bytes:
    """A longer read from `at` on; had it all been read already, the file is damaged."""
    if at + had >= source.size:
        raise PlainError("the file is cut off")
    if had > MAX_IN_MEMORY:
        raise PlainError("a header is too large")
    return source.read(at, max(FIRST_READ, had * 8))
