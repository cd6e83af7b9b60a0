"""A deflated file as if it were none, without having it in memory where it is large."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BytesIO

from tasks.deidentify.residual.view import Reader, View

MAX_INFLATED = 2 * 2**30
_KEPT = 64 * 2**20  # what inflates to more than this is inflated again and again instead of kept
_STEP = 2**20


class Inflated:
    """A file whose bytes from `start` on are a deflated stream, as if they were not. Reading backwards starts anew."""

    def __init__(self, under: Reader, start: int, size: int) -> None:
        self._under, self._start, self.size = under, start, size
        self._begin()

    def _begin(self) -> None:
        self._stream = _inflate(self._under, self._start)
        self._at, self._held = self._start, b""

    def read(self, start: int, length: int) -> bytes:
        """As `Reader`. Raises `ValueError` for a damaged stream."""
        head = self._under.read(start, min(length, self._start - start)) if start < self._start else b""
        start, length = start + len(head), length - len(head)
        if start < self._at:
            self._begin()
        found = [head]
        while length > 0 and start < self.size:
            while self._at + len(self._held) <= start:
                self._at, self._held = self._at + len(self._held), next(self._stream)
            piece = self._held[start - self._at :][:length]
            found.append(piece)
            start, length = start + len(piece), length - len(piece)
        return b"".join(found)

    def fill(self, buffer: memoryview, start: int) -> int:
        """As `Reader`."""
        content = self.read(start, len(buffer))
        buffer[: len(content)] = content
        return len(content)


def inflated(under: Reader, start: int) -> Reader:
    """`under` with what is deflated from `start` on inflated, and what stands behind the stream as it is.

    Raises `ValueError` for a damaged stream and for one that inflates to more than MAX_INFLATED.
    """
    if start > under.size:
        raise ValueError("a deflated file ends before its data begin")
    size, kept = start, BytesIO(under.read(0, start))  # its bytes are taken without a copy
    kept.seek(start)
    for piece in _inflate(under, start):
        size += len(piece)
        if size > MAX_INFLATED:
            raise ValueError("a deflated file is too large")
        if size <= _KEPT:
            kept.write(piece)
        elif kept.tell():
            kept = BytesIO()
    return View((kept.getvalue(),)) if size <= _KEPT else Inflated(under, start, size)


def _inflate(under: Reader, start: int) -> Iterator[bytes]:
    """What the stream at `start` inflates to, at most _STEP bytes at a time, and then the bytes that follow it."""
    wrapped = under.read(start, 2)
    zlib_header = len(wrapped) == 2 and wrapped[0] == 0x78 and int.from_bytes(wrapped, "big") % 31 == 0
    inflater = zlib.decompressobj(zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS)
    at = start
    try:
        while at < under.size and not inflater.eof:
            content = under.read(at, _STEP)
            at += len(content)
            while content and not inflater.eof:
                if piece := inflater.decompress(content, _STEP):
                    yield piece
                content = inflater.unconsumed_tail
        if not inflater.eof and (rest := inflater.flush()):
            yield rest
    except zlib.error:
        raise ValueError("a deflated file is damaged") from None
    if inflater.unused_data.strip(b"\0"):  # a zero byte makes the length even
        yield inflater.unused_data
    while at < under.size:
        content = under.read(at, _STEP)
        at += len(content)
        yield content
