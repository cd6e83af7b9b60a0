"""A file that is made of pieces: bytes that are new, and ranges of a file that are taken as they are.

So a gigabyte of pixels is never in memory: it is copied by the kernel, or read in chunks by whoever looks at it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK = 4 * 2**20
_BUFFER = 2**20


@dataclass(frozen=True)
class Range:
    """`length` bytes of the file at `path`, from byte `start` on."""

    path: Path
    start: int
    length: int


Parts = tuple[bytes | Range, ...]


def whole(path: Path) -> Parts:
    """A whole file as parts."""
    return (Range(path, 0, path.stat().st_size),)


def size(parts: Parts) -> int:
    """How many bytes the parts have together."""
    return sum(len(part) if isinstance(part, bytes) else part.length for part in parts)


def chunks(parts: Parts, most: int = CHUNK) -> Iterator[bytes]:
    """The bytes in order, at most `most` at a time. Raises `OSError` where a file is shorter than its range."""
    for part in parts:
        if isinstance(part, bytes):
            for at in range(0, len(part), most):
                yield part[at : at + most]
            continue
        with part.path.open("rb", buffering=0) as handle:
            at, end = part.start, part.start + part.length
            while at < end:
                chunk = os.pread(handle.fileno(), min(most, end - at), at)
                if not chunk:
                    raise OSError("a file became shorter while it was read")
                yield chunk
                at += len(chunk)


def content(parts: Parts) -> bytes:
    """Everything in memory; for what is known to be small."""
    return b"".join(chunks(parts))


def write(parts: Parts, target: Path | str) -> None:
    """Write the parts to a new file. Raises `OSError`.

    Read into one buffer that is used again and again, and written together with the bytes that stand before: a header
    moves the pixels off the borders of memory pages, and copying inside the kernel then costs a third more.
    """
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        waiting: list[bytes | memoryview] = []
        for part in parts:
            if isinstance(part, bytes):
                waiting.append(part)
                continue
            if (short := held(part)) is not None:
                _write_all(descriptor, [*waiting, short])
                waiting = []
                continue
            source = os.open(part.path, os.O_RDONLY)
            try:
                at, end, buffer = part.start, part.start + part.length, _buffer()
                while at < end:
                    count = os.preadv(source, [buffer[: end - at]], at)
                    if not count:
                        raise OSError("a file became shorter while it was copied")
                    waiting.append(buffer[:count])
                    _write_all(descriptor, waiting)
                    waiting = []
                    at += count
            finally:
                os.close(source)
        if waiting:
            _write_all(descriptor, waiting)
    finally:
        os.close(descriptor)


def held(part: Range) -> memoryview | None:
    """The bytes of a range, if they fit into this thread's buffer; good until the thread reads or writes another.

    So who looks at a file and then writes it reads it once, and writes what was looked at. Raises `OSError`.
    """
    if part.length > _BUFFER:
        return None
    ready = _ready(part)
    if ready is None:
        buffer, at = _buffer(), 0
        source = os.open(part.path, os.O_RDONLY)
        try:
            while at < part.length:
                count = os.preadv(source, [buffer[at : part.length]], part.start + at)
                if not count:
                    raise OSError("a file became shorter while it was read")
                at += count
        finally:
            os.close(source)
        _local.held = part
        ready = buffer[: part.length]
    return ready


_local = threading.local()


def _ready(part: Range) -> memoryview | None:
    """The bytes of this very range, if the buffer has them."""
    return _local.buffer[: part.length] if getattr(_local, "held", None) is part else None


def _buffer() -> memoryview:
    """This thread's buffer, for other bytes than it has."""
    _local.held = None
    found: memoryview | None = getattr(_local, "buffer", None)
    if found is None:
        found = _local.buffer = memoryview(bytearray(_BUFFER))
    return found


def _write_all(descriptor: int, pieces: list[bytes | memoryview]) -> None:
    written = os.writev(descriptor, pieces)
    for piece in pieces:
        if written < len(piece):
            view = memoryview(piece)[max(0, written) :]
            while view:
                view = view[os.write(descriptor, view) :]
        written -= len(piece)
