"""Where things are in the output: its pixel values, and the element that a byte belongs to.

The pixels' place is known at once where the parts show it. All else is asked only when something was found, so it may
take its time. Reads the file by itself (walk.py); how a find is judged at its place is judge.py.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from enum import Enum
from functools import cached_property
from typing import Literal, NamedTuple

from tasks.deidentify.parts import Parts
from tasks.deidentify.residual import elements, streams
from tasks.deidentify.residual.elements import PIXELS, UNDEFINED, Encoding, Lost, keyword_of
from tasks.deidentify.residual.view import Reader
from tasks.deidentify.residual.walk import Walk

_LARGEST = 128 * 2**20
_NUMBERS = frozenset((b"DS", b"IS", b"TM", b"AS"))
_ARRAYS = frozenset((b"OD", b"OF", b"OL", b"OV", b"OW", b"FD", b"FL", b"SL", b"SS", b"SV", b"UL", b"US", b"UV", b"AT"))
_ROWS, _COLUMNS, _SAMPLES, _FRAMES, _ALLOCATED = 0x00280010, 0x00280011, 0x00280002, 0x00280008, 0x00280100
_IMPLICIT = frozenset(struct.pack(order, 0x7FE0, number) for order in ("<HH", ">HH") for number in (0x8, 0x9, 0x10))
_EXPLICIT = frozenset(tag + vr for tag in _IMPLICIT for vr in (b"OW", b"OB", b"OF", b"OD"))


class Sort(Enum):
    """What a stretch of bytes is."""

    TEXT = "text, or bytes that may hold some"
    NAME = "a person's name"
    NUMBER = "numbers written as text"
    BLOB = "bytes of no known form"
    ARRAY = "binary numbers: pixels, tables, coordinates"


class Place(NamedTuple):
    """The element that a byte belongs to: what the user may know it by, its sort, and where its value stands.

    `row` is how many printable letters in a row are text there, if it is a BLOB.
    """

    name: str
    sort: Sort
    start: int
    end: int
    row: int = 16


class Top(NamedTuple):
    """An element of the data set itself."""

    tag: int
    vr: bytes
    at: int
    start: int
    end: int
    encoding: Encoding
    length: int


class Layout:
    """The layout of one output."""

    def __init__(self, reader: Reader, parts: Parts) -> None:
        self.reader, self._parts = reader, parts
        self._text: dict[int, list[tuple[int, int]]] = {}

    @cached_property
    def pixels(self) -> list[tuple[int, int]]:
        """Where pixel values stand. Raises `Lost` where the output cannot be followed."""
        shown = self._shown()
        return shown if shown is not None else [(top.start, top.end) for top in self.tops if top.tag in PIXELS]

    def _shown(self) -> list[tuple[int, int]] | None:
        """The pixels as the parts show them, of which one ends with the header of pixel data."""
        at = 0
        for part in self._parts[:-1]:
            at += len(part) if isinstance(part, bytes) else part.length
            if isinstance(part, bytes):
                head = part[-12:] if part[-12:-6] in _EXPLICIT else part[-8:]
                if head[:6] in _EXPLICIT or head[:4] in _IMPLICIT:
                    big = head[:1] == b"\x7f"
                    length = int.from_bytes(head[-4:], "big" if big else "little")
                    if length == UNDEFINED:
                        return [(at, elements.after_far_fragments(self.reader, at, Encoding(False, big)))]
                    return [(at, at + length)] if at + length <= self.reader.size else None
        return None

    @cached_property
    def tops(self) -> list[Top]:
        """All elements, those of the file meta too. Raises `Lost` where the bytes are none."""
        head = self.reader.read(0, 132)
        at, encoding = elements.begin(head), Encoding()
        found: list[Top] = []
        try:
            while at < self.reader.size:
                if not found or (found[-1].tag >> 16 == 2 and self.reader.read(at, 2) != b"\2\0"):
                    encoding = elements.guessed(self.reader.read(at, 8))
                found.append(self._top(at, encoding))
                at = found[-1].end
        except struct.error:
            raise Lost("the output ends within an element") from None
        return found

    def _top(self, at: int, encoding: Encoding) -> Top:
        tag, vr, start, length = elements.header(self.reader.read(at, 12), 0, encoding)
        vr = vr or elements.known_vr(tag)
        start += at
        if length != UNDEFINED:
            end = start + length
        elif tag in PIXELS or vr in (b"OB", b"OW"):
            end = elements.after_far_fragments(self.reader, start, encoding)
        else:
            end = start + self._length_of_items(start, tag, Encoding(True, False) if vr == b"UN" else encoding)
        if end > self.reader.size:
            raise Lost("an element of the output ends beyond the file")
        return Top(tag, vr, at, start, end, encoding, length)

    def _length_of_items(self, start: int, tag: int, encoding: Encoding) -> int:
        size = 2**16
        while True:
            data = self.reader.read(start, size)
            walk = Walk(data, 0, len(data), encoding).items(None, tag)
            try:
                for _ in walk:
                    pass
                return walk.at
            except Lost:
                if len(data) < size or size >= _LARGEST:
                    raise
                size *= 4

    def place(self, offset: int) -> Place:
        """The element that byte `offset` belongs to."""
        tops = self.tops
        if not tops or offset < tops[0].at:
            return Place("the preamble", Sort.BLOB, 0, tops[0].at if tops else self.reader.size)
        top = tops[bisect_right(tops, offset, key=lambda one: one.at) - 1]
        if offset >= top.end:
            return Place("bytes behind the last element", Sort.BLOB, top.end, self.reader.size)
        if top.tag in PIXELS:
            return self._in_pixels(top, offset)
        if top.end - top.start <= _LARGEST and (
            top.vr == b"SQ" or top.length == UNDEFINED or (top.vr == b"UN" and self._holds_items(top))
        ):
            return self._within(top, offset)
        return Place(_name(top.tag), _sort(top.tag, top.vr), top.start, top.end)

    def _holds_items(self, top: Top) -> bool:
        return elements.holds_items(self.reader.read(top.start, 8), 0, top.end - top.start)

    def _within(self, top: Top, offset: int) -> Place:
        data = self.reader.read(top.at, top.end - top.at)
        try:
            for leaf in Walk(data, 0, len(data), top.encoding):
                if top.at + leaf.start <= offset < top.at + leaf.end:
                    name = f"{_name(leaf.tag)} in {_name(top.tag)}"
                    return Place(name, _sort(leaf.tag, leaf.vr), top.at + leaf.start, top.at + leaf.end)
        except Lost:
            pass  # what cannot be taken apart is judged as a whole
        return Place(_name(top.tag), Sort.TEXT, top.start, top.end)

    def _in_pixels(self, top: Top, offset: int) -> Place:
        """Pixel values, or text that stands among them: behind the last row, or in a compressed stream's comments."""
        if top.length == UNDEFINED:
            start, end = self._fragments[bisect_right(self._fragments, (offset, self.reader.size)) - 1]
            if start not in self._text:
                self._text[start] = streams.text_areas(self.reader, start, end)
            text = self._text[start]
        else:
            expected = self._expected()
            text = [(top.start + expected, top.end)] if 0 < expected < top.end - top.start else []
        for start, end in text:
            if start <= offset < end:
                return Place("text within the pixel data", Sort.BLOB, start, end, 12)
        return Place("the pixel data", Sort.ARRAY, top.start, top.end)

    @cached_property
    def _fragments(self) -> list[tuple[int, int]]:
        """Where each fragment of compressed pixels stands."""
        found = []
        for top in self.tops:
            at = top.start
            while top.tag in PIXELS and top.length == UNDEFINED and at + 8 <= top.end:
                _, _, _, length = elements.header(self.reader.read(at, 8), 0, top.encoding)
                found.append((at + 8, at + 8 + length))
                at += 8 + length
        return found or [(0, 0)]

    def _expected(self) -> int:
        """How many bytes the header promises of native pixels; 0 where it doesn't say."""
        short = [top for top in self.tops if top.end - top.start <= 16]
        values = {top.tag: self.reader.read(top.start, top.end - top.start) for top in short}
        order: Literal["big", "little"] = "big" if any(top.encoding.big for top in short) else "little"

        def number(tag: int, default: int) -> int:
            return int.from_bytes(values[tag], order) if len(values.get(tag, b"")) == 2 else default

        frames = values.get(_FRAMES, b"").strip(b" \0")
        bits = number(_ROWS, 0) * number(_COLUMNS, 0) * number(_SAMPLES, 1) * number(_ALLOCATED, 0)
        return bits * (int(frames) if frames.isdigit() else 1) // 8


def _name(tag: int) -> str:
    return keyword_of(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _sort(tag: int, vr: bytes) -> Sort:
    if vr == b"PN":
        return Sort.NAME
    if vr in _NUMBERS:
        return Sort.NUMBER
    if vr in _ARRAYS or (tag >> 24 == 0x60 and tag & 0xFFFF == 0x3000):
        return Sort.ARRAY
    return Sort.BLOB if vr in (b"OB", b"UN") else Sort.TEXT
