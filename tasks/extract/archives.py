"""Looking into gzip and zip wrappers without unpacking them to disk, and without being hurt by them.

A locator is a path relative to the folder, followed by one step for each wrapper; NUL separates them, since no path has
one. Nothing is ever written under a member's name: an unsafe name is refused all the same, for it was made to do harm.
"""

from __future__ import annotations

import gzip
import lzma
import stat
import struct
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from tasks.core.reasons import Reason

MAX_DEPTH = 3
MAX_MEMBERS = 100_000
MAX_NESTED = 256 * 2**20  # a zip within a wrapper is read into memory, to find its directory
CHUNK = 1 << 20
_OPEN_ZIPS = 8
_SEPARATOR = "\0"
_GZIP = "gz"
DAMAGED = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, struct.error)


class BombError(Exception):
    """A wrapper unpacks to more than it may."""


@dataclass
class Budget:
    """How many bytes one file of the folder may unpack to, all its wrappers together."""

    left: int

    def take(self, count: int) -> None:
        """Count unpacked bytes; raises `BombError` when they are too many."""
        self.left -= count
        if self.left < 0:
            raise BombError


@dataclass(frozen=True, repr=False)
class Member:
    """A file in a zip; `reason` says why it can't be taken."""

    locator: str
    size: int
    reason: Reason | None = None


class Opener:
    """Opens what a locator names. May be used from several threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._zips: OrderedDict[str, zipfile.ZipFile] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, locator: str) -> BinaryIO:
        """A readable, seekable stream of the bytes at `locator`."""
        outer, _, step = locator.rpartition(_SEPARATOR)
        if not outer:
            return (self._root / locator).open("rb")
        if step == _GZIP:
            return cast(BinaryIO, _Gunzip(self.open(outer)))
        archive = self._zip(outer)
        return cast(BinaryIO, archive.open(archive.infolist()[int(step.partition(":")[0])]))

    def gunzip(self, locator: str, budget: Budget) -> tuple[str, int]:
        """The locator and size of what a gzip file holds; it is read to its end, so it is known to be whole."""
        inner, size = f"{locator}{_SEPARATOR}{_GZIP}", 0
        with self.open(inner) as stream:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                budget.take(len(chunk))
        return inner, size

    def unzip(self, locator: str, budget: Budget) -> list[Member] | None:
        """The files in a zip, in its order; None for an office document, which is a zip as well."""
        infos = self._zip(locator).infolist()
        if any(info.filename in ("[Content_Types].xml", "META-INF/MANIFEST.MF") for info in infos):
            return None
        if len(infos) > MAX_MEMBERS:
            raise BombError
        budget.take(sum(info.file_size for info in infos))
        return [
            Member(f"{locator}{_SEPARATOR}{index}:{info.filename}", info.file_size, _unsafe(info))
            for index, info in enumerate(infos)
            if not info.is_dir()
        ]

    def close(self) -> None:
        """Close the archives that are kept open."""
        with self._lock:
            for archive in self._zips.values():
                archive.close()
            self._zips.clear()

    def _zip(self, locator: str) -> zipfile.ZipFile:
        """The archive at `locator`; the last few are kept open, for reading a directory takes time."""
        with self._lock:
            if locator in self._zips:
                self._zips.move_to_end(locator)
                return self._zips[locator]
        archive = zipfile.ZipFile(self._root / locator if _SEPARATOR not in locator else self._in_memory(locator))
        with self._lock:
            self._zips[locator] = archive
            if len(self._zips) > _OPEN_ZIPS:
                self._zips.popitem(last=False)  # closed when its last reader lets go of it
        return archive

    def _in_memory(self, locator: str) -> IO[bytes]:
        with self.open(locator) as stream:
            content = stream.read(MAX_NESTED + 1)
        if len(content) > MAX_NESTED:
            raise BombError
        return BytesIO(content)


class _Gunzip(gzip.GzipFile):
    """A gzip reader that closes the stream it reads from."""

    def __init__(self, outer: BinaryIO) -> None:
        super().__init__(fileobj=outer, mode="rb")
        self._outer = outer

    def close(self) -> None:
        super().close()
        self._outer.close()


def read_chunks(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of `stream` in pieces, closing it at the end."""
    with stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _unsafe(info: zipfile.ZipInfo) -> Reason | None:
    """Why a member isn't taken: it leads out of the archive, is a link or a device, or is encrypted."""
    name = info.filename.replace("\\", "/")
    mode = info.external_attr >> 16
    leads_out = name.startswith("/") or ".." in PurePosixPath(name).parts or name[1:2] == ":"
    special = stat.S_IFMT(mode) not in (0, stat.S_IFREG)
    return Reason.BAD_ARCHIVE if leads_out or special or info.flag_bits & 1 else None
