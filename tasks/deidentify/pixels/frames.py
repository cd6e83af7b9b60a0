"""The frames of a source, one at a time, whatever its size: where each lies, its bytes, and its words.

Nothing is kept between two frames, so memory stays flat. Raises `QuarantineUnit`; no library's message passes here.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.pixels import codecs
from tasks.deidentify.pixels.layout import Array, Layout
from tasks.deidentify.pixels.outcome import PixelSource

log = logging.getLogger(__name__)

_ITEM = b"\xfe\xff\x00\xe0"
_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP")  # of a JPEG, a JPEG 2000 codestream, a JP2 file


@dataclass(frozen=True)
class Decoded:
    """A frame: `words` (rows, columns) or (rows, columns, 3), and the colour space that they are in."""

    words: Array
    photometric: str


class Frames:
    """The frames of a source; a context, since it keeps the file open."""

    def __init__(self, source: PixelSource, layout: Layout) -> None:
        """Raises UNSUPPORTED_ENCODING, PIXELS_TRUNCATED or DECODE_FAILED."""
        self._source, self._layout = source, layout
        self._handle: int | None = None
        self._start, self.length = 0, 0
        if isinstance(source.value, bytes):
            self.length = len(source.value)
        else:
            self._handle = os.open(source.value.path, os.O_RDONLY)
            self._start, self.length = source.value.start, source.value.length
        self._pieces: list[list[tuple[int, int]]] = []
        try:
            self._find()
        except QuarantineUnit:
            self.__exit__(None, None, None)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __len__(self) -> int:
        return self._layout.frames

    def content(self, index: int) -> bytes:
        """The bytes of a frame: its codestream, or its samples."""
        return b"".join(self.take(start, length) for start, length in self._places(index))

    @property
    def surplus(self) -> bool:
        """Whether there is more than the header promises: further frames, or bytes after the last."""
        if self._source.encapsulated:
            return self._more
        return self.length > self._layout.native_bytes * len(self) + 1

    def decode(self, index: int) -> Decoded:
        """A frame as words. Raises DECODE_FAILED."""
        content = self.content(index)
        try:
            if not self._source.encapsulated:
                return Decoded(codecs.from_native(content, self._layout), self._layout.photometric)
            words, photometric = codecs.decode(content, self._layout, self._source.transfer_syntax)
        except Exception as error:  # decoders raise anything, and their text may quote the header
            log.debug("decoding stopped with %s", type(error).__name__)
            raise QuarantineUnit(Reason.DECODE_FAILED) from None
        return Decoded(words, photometric)

    def take(self, start: int, length: int) -> bytes:
        """`length` bytes of the value from `start` on; fewer at its end."""
        if isinstance(self._source.value, bytes):
            return self._source.value[start : start + length]
        if self._handle is None:
            raise ValueError("the frames are closed")
        return os.pread(self._handle, max(0, min(length, self.length - start)), self._start + start)

    def _places(self, index: int) -> list[tuple[int, int]]:
        if self._source.encapsulated:
            return self._pieces[index]
        size = self._layout.native_bytes
        return [(index * size, size + size % 2 if self._layout.swapped else size)]

    def _find(self) -> None:
        layout, count = self._layout, self._layout.frames
        self._more = False
        if self._source.encapsulated:
            if not codecs.can_decode(self._source.transfer_syntax):
                raise QuarantineUnit(Reason.UNSUPPORTED_ENCODING)
            self._pieces = self._grouped(self._items())
            return
        size = layout.native_bytes
        if count > 1 and (
            (layout.allocated == 1 and layout.rows * layout.columns % 8) or (layout.swapped and size % 2)
        ):
            raise QuarantineUnit(Reason.UNSUPPORTED_ENCODING)  # frames that share a byte, which nobody writes
        if self.length < size * count:
            raise QuarantineUnit(Reason.PIXELS_TRUNCATED)

    def _items(self) -> list[tuple[int, int]]:
        """Where the items lie: the basic offset table, then the fragments."""
        found, at = [], 0
        while at + 8 <= self.length:
            head = self.take(at, 8)
            length = int.from_bytes(head[4:], "little")
            if head[:4] != _ITEM or at + 8 + length > self.length:
                raise QuarantineUnit(Reason.DECODE_FAILED)
            found.append((at + 8, length))
            at += 8 + length
        return found

    def _grouped(self, items: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
        """The fragments of each frame: one each, or by the offset table, or by how a codestream starts."""
        count = self._layout.frames
        table, fragments = (items[0] if items else (0, 0)), items[1:]
        if len(fragments) < count:
            raise QuarantineUnit(Reason.PIXELS_TRUNCATED)
        if len(fragments) == count:
            return [[fragment] for fragment in fragments]
        offsets = set(np.frombuffer(self.take(table[0], table[1] // 4 * 4), "<u4").tolist())
        first = [at for at, (start, _) in enumerate(fragments) if start - 8 - sum(table) in offsets]
        if len(first) < count:
            first = [at for at, (start, _) in enumerate(fragments) if self.take(start, 8).startswith(_STARTS)]
        if len(first) < count and count == 1:
            first = [0]
        if len(first) < count or first[0] != 0:
            raise QuarantineUnit(Reason.DECODE_FAILED)
        self._more = len(first) > count
        ends = [*first[1:], len(fragments)]
        return [fragments[one:other] for one, other in zip(first, ends, strict=True)][:count]
