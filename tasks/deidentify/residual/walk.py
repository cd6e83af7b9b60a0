"""All that is nested in a stretch of bytes, however deep and in whatever encoding. One element is elements.py."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tasks.deidentify.residual.elements import (
    CHARSET,
    ITEM,
    ITEM_END,
    LONG,
    PIXELS,
    SEQUENCE_END,
    SHORT,
    UNDEFINED,
    Encoding,
    Lost,
    after_fragments,
    header,
    holds_items,
    known_vr,
)


class Leaf(NamedTuple):
    """An element that is no sequence: where its value stands, the character set of its item, and its sequence's tag."""

    tag: int
    vr: bytes
    start: int
    end: int
    charset: bytes | None
    parent: int


@dataclass
class _Frame:
    """A sequence or an item that is being read; `end` is None until its delimiter is met."""

    end: int | None
    items: bool
    encoding: Encoding
    charset: bytes | None
    tag: int


class Walk:
    """The leaves of the elements between `at` and `end`, at any depth, without recursion: depth costs nothing.

    Raises `Lost` where the bytes are no elements. `at` is how far it came.
    """

    def __init__(
        self, data: bytes, at: int, end: int, encoding: Encoding, charset: bytes | None = None, parent: int = 0
    ) -> None:
        self.data, self.at, self.end = data, at, end
        self._stack = [_Frame(end, False, encoding, charset, parent)]

    def __iter__(self) -> Iterator[Leaf]:
        try:
            while True:
                while self._stack and self._stack[-1].end is not None and self.at >= self._stack[-1].end:
                    self._stack.pop()
                if not self._stack:
                    return
                frame = self._stack[-1]
                leaf = self._item(frame) if frame.items else self._element(frame)
                if leaf is not None:
                    yield leaf
        except struct.error:
            raise Lost("the bytes end within an element") from None

    def items(self, stop: int | None, tag: int) -> Walk:
        """The same for bytes that begin with the items of sequence `tag`, which ends at `stop` or with a delimiter."""
        self._stack = [_Frame(stop, True, self._stack[0].encoding, self._stack[0].charset, tag)]
        return self

    def _item(self, frame: _Frame) -> Leaf | None:
        tag, _, start, length = header(self.data, self.at, frame.encoding)
        self.at = start
        if tag == ITEM:
            end = None if length == UNDEFINED else self._within(start + length)
            encoding = frame.encoding
            if self.data[start + 4 : start + 6] in SHORT | LONG and encoding.implicit:
                encoding = Encoding(False, encoding.big)  # inside UN it should be implicit, and often isn't
            self._stack.append(_Frame(end, False, encoding, frame.charset, frame.tag))
        elif tag == SEQUENCE_END:
            self._stack.pop()
        else:
            raise Lost("no item where a sequence should have one")
        return None

    def _element(self, frame: _Frame) -> Leaf | None:
        tag, written, start, length = header(self.data, self.at, frame.encoding)
        self.at = start
        if tag >> 16 == 0xFFFE:
            self._delimiter(tag, frame)
            return None
        vr = written or known_vr(tag)
        if length == UNDEFINED:
            if tag in PIXELS or vr in (b"OB", b"OW"):
                self.at = after_fragments(self.data, start, frame.encoding)
                return Leaf(tag, vr, start, self.at, frame.charset, frame.tag)
            encoding = Encoding(True, False) if written == b"UN" else frame.encoding
            self._stack.append(_Frame(None, True, encoding, frame.charset, tag))
            return None
        end = self._within(start + length)
        if vr == b"SQ" or (vr == b"UN" and holds_items(self.data, start, length)):
            encoding = Encoding(True, False) if written == b"UN" else frame.encoding
            self._stack.append(_Frame(end, True, encoding, frame.charset, tag))
            return None
        self.at = end
        if tag == CHARSET:
            frame.charset = self.data[start:end]
        return Leaf(tag, vr, start, end, frame.charset, frame.tag)

    def _delimiter(self, tag: int, frame: _Frame) -> None:
        if tag == ITEM:
            raise Lost("an item outside any sequence")
        if tag == ITEM_END and frame.end is None:
            self._stack.pop()  # any other delimiter is a stray one, which holds nothing

    def _within(self, end: int) -> int:
        """`end`, if what is being read reaches so far."""
        if end > next((frame.end for frame in reversed(self._stack) if frame.end is not None), self.end):
            raise Lost("an element ends beyond what holds it")
        return end
