"""The bytes of a file at any place, without having them in memory.

Only bytes are here: those of a deflated file are inflate.py, where elements begin and end is elements.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Protocol

from tasks.deidentify.parts import Parts, Range, held


class Reader(Protocol):
    """A file as `size` bytes that can be read from any place."""

    size: int

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start` on; fewer at the end."""

    def fill(self, buffer: memoryview, start: int) -> int:
        """Fill `buffer` with the bytes from `start` on; how many there were."""


class View:
    """Parts as one file. Opens what it needs once; close it, or use it in a `with`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        lengths = [len(part) if isinstance(part, bytes) else part.length for part in parts]
        self._starts = [0, *accumulate(lengths)]
        self.size = self._starts[-1]
        self._open: dict[Path, int] = {}

    def __enter__(self) -> View:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the files that were read."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start` on; fewer at the end. Raises `OSError` where a file became shorter."""
        if len(self._parts) == 1:
            return self._piece(self._parts[0], start, max(0, min(length, self.size - start)))
        found = [self._piece(part, at, count) for part, at, count in self._within(start, length)]
        return found[0] if len(found) == 1 else b"".join(found)

    def held(self, start: int, end: int) -> memoryview | None:
        """The bytes from `start` to `end` where they are one short range of a file, until another is asked for."""
        for part, first in zip(self._parts, self._starts, strict=False):
            if first == start and isinstance(part, Range) and part.length == end - start:
                return held(part)
        return None

    def fill(self, buffer: memoryview, start: int) -> int:
        """Fill `buffer` with the bytes from `start` on; how many there were. Raises `OSError` as `read` does."""
        done = 0
        for part, at, count in self._within(start, len(buffer)):
            target = buffer[done : done + count]
            if isinstance(part, bytes):
                target[:] = memoryview(part)[at : at + count]
            else:
                self._read_into(part, target, at)
            done += count
        return done

    def _within(self, start: int, length: int) -> Iterator[tuple[bytes | Range, int, int]]:
        """(part, place in it, bytes of it) of each part that has a share in the `length` bytes from `start` on."""
        end = min(start + length, self.size)
        for part, first, last in zip(self._parts, self._starts, self._starts[1:], strict=False):
            if first < end and last > start:
                at = max(start, first)
                yield part, at - first, min(end, last) - at

    def _piece(self, part: bytes | Range, at: int, count: int) -> bytes:
        if isinstance(part, bytes):
            return part[at : at + count]
        descriptor = self._open.get(part.path) or self._descriptor(part.path)
        content = os.pread(descriptor, count, part.start + at)
        if len(content) < count:  # a short read, or the file's end
            buffer = bytearray(count)
            self._read_into(part, memoryview(buffer), at)
            return bytes(buffer)
        return content

    def _read_into(self, part: Range, target: memoryview, at: int) -> None:
        descriptor = self._descriptor(part.path)
        while target:
            count = os.preadv(descriptor, [target], part.start + at)
            if not count:
                raise OSError("a file became shorter while it was looked through")
            target, at = target[count:], at + count

    def _descriptor(self, path: Path) -> int:
        if path not in self._open:
            self._open[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return self._open[path]
