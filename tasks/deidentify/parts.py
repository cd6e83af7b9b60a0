"""A file that is made of pieces: bytes that are new, and ranges of a file that are taken as they are.

So a gigabyte of pixels is never in memory: it is copied by the kernel, or read in chunks by whoever looks at it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK = 4 * 2**20


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


def write(parts: Parts, target: Path) -> None:
    """Write the parts to a new file; ranges are copied inside the kernel. Raises `OSError`."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        for part in parts:
            if isinstance(part, bytes):
                _write_all(descriptor, part)
            else:
                _copy(part, descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, part: bytes) -> None:
    view = memoryview(part)
    while view:
        view = view[os.write(descriptor, view) :]


def _copy(part: Range, descriptor: int) -> None:
    source = os.open(part.path, os.O_RDONLY)
    try:
        at, end = part.start, part.start + part.length
        while at < end:
            sent = os.sendfile(descriptor, source, at, end - at)
            if not sent:
                raise OSError("a file became shorter while it was copied")
            at += sent
    finally:
        os.close(source)
