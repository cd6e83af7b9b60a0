"""Where the bytes of a file come from: the file itself, read where it is needed, or bytes in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tasks.deidentify.parts import Range


class Source(Protocol):
    """Bytes that can be read anywhere, and passed on without being read."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def read(self, at: int, length: int) -> bytes:
        """Up to `length` bytes from `at` on; fewer at the end."""

    def part(self, at: int, length: int) -> bytes | Range:
        """The same bytes as a part of an output."""


@dataclass(frozen=True)
class FileSource:
    """A file that is open as `descriptor` while it is read; its parts name its path."""

    path: Path
    descriptor: int
    size: int

    def read(self, at: int, length: int) -> bytes:
        """Up to `length` bytes from `at` on; fewer at the end."""
        return os.pread(self.descriptor, length, at)

    def part(self, at: int, length: int) -> Range:
        """A range of the file."""
        return Range(self.path, at, length)


@dataclass(frozen=True, repr=False)
class BytesSource:
    """Bytes in memory: what was inflated, or written anew because its encoding was irregular."""

    content: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.content)

    def read(self, at: int, length: int) -> bytes:
        """Up to `length` bytes from `at` on; fewer at the end."""
        return self.content[at : at + length]

    def part(self, at: int, length: int) -> bytes:
        """The bytes themselves."""
        return self.content[at : at + length]
