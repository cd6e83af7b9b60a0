"""Where instances come from: files, folders, zip archives and gzip wrappers, read one at a time.

Says nothing about what is in them. A place may hold a patient's name in its path, so it is shown to nobody.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import IO, BinaryIO, cast

from pydicom import DataElement, Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag

from tasks.core.errors import ConfigurationError, QuarantineUnit, SkipUnit
from tasks.core.reasons import Reason
from tasks.transform.parse import parse_plain, read_plain, read_plain_header

MAX_BYTES = 4 * 2**30
"""What one instance may unpack to."""

_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_BARE = (b"\x08\x00", b"\x02\x00", b"\x00\x08", b"\x00\x02")  # group 0008 or 0002, in either byte order
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, order=True, repr=False)
class Place:
    """A file, or a member of a zip file."""

    path: str
    member: str = ""


def find_places(sources: Iterable[Path]) -> Iterator[Place]:
    """Every file under `sources` (files, folders, zips), in the order of their names; zips are looked into.

    Raises `ConfigurationError` where a source does not exist. Links that lead out of a folder are not followed.
    """
    for source in sources:
        if not source.exists():
            raise ConfigurationError("the source does not exist: check the path")
        for path in _walk(source):
            try:
                with path.open("rb") as handle:
                    zipped = handle.read(4) == _ZIP
                if not zipped:
                    yield Place(str(path))
                    continue
                with zipfile.ZipFile(path) as archive:
                    for info in sorted(archive.infolist(), key=lambda info: info.filename):
                        if not info.is_dir() and info.file_size <= MAX_BYTES:
                            yield Place(str(path), info.filename)
            except (OSError, zipfile.BadZipFile):
                log.warning("a file could not be opened and is left out")


def _walk(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(source.resolve())):
                yield path


def read_header(place: Place) -> Dataset:
    """The data set without its pixels: an element of pixel data is there, but empty.

    Raises `SkipUnit` (NOT_DICOM) or `QuarantineUnit` (UNREADABLE).
    """
    if not place.member and (plain := read_plain_header(place.path)) is not None:
        return plain
    stopped: list[BaseTag] = []

    def at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:  # noqa: ARG001 - pydicom's signature
        if tag in _PIXELS:
            stopped.append(tag)
        return bool(stopped)

    ds = _parse(place, lambda stream, force: read_partial(stream, at_pixels, defer_size=2**20, force=force))
    for tag in stopped:
        ds[tag] = DataElement(tag, "OW" if tag == 0x7FE00010 else "OF" if tag == 0x7FE00008 else "OD", b"")
    return ds


def read_instance(place: Place) -> Dataset:
    """The whole data set; raises as `read_header` does."""
    if not place.member and (plain := read_plain(place.path)) is not None:
        return plain
    return _parse(place, _read_whole)


def _read_whole(stream: BinaryIO, force: bool) -> Dataset:
    content = _read_all(stream)
    plain = parse_plain(content)
    return plain if plain is not None else dcmread(BytesIO(content), force=force)


def _read_all(stream: BinaryIO) -> bytes:
    """What a stream holds, up to `MAX_BYTES`. A file is asked for its size: room for more would be taken first."""
    size = os.fstat(stream.fileno()).st_size if isinstance(stream, BufferedReader) else MAX_BYTES
    return stream.read(min(size, MAX_BYTES))


def _parse(place: Place, read: Callable[[BinaryIO, bool], Dataset]) -> Dataset:
    try:
        with _open(place) as stream:
            head = stream.read(132)
            stream.seek(0)
            bare = head[128:] != b"DICM"
            if bare and head[:2] not in _BARE:
                raise SkipUnit(Reason.NOT_DICOM)
            ds = read(stream, bare)
    except SkipUnit:
        raise
    except InvalidDicomError:
        raise SkipUnit(Reason.NOT_DICOM) from None
    except Exception as error:  # pydicom raises anything, and its text quotes values
        log.debug("reading stopped with %s", type(error).__name__)
        raise QuarantineUnit(Reason.UNREADABLE) from None
    if bare and "SOPClassUID" not in ds:
        raise SkipUnit(Reason.NOT_DICOM)
    return ds


@contextmanager
def _open(place: Place) -> Iterator[BinaryIO]:
    """A readable, seekable stream; a gzip wrapper is taken off."""
    with _outer(place) as outer:
        wrapped = outer.read(2) == _GZIP
        outer.seek(0)
        if not wrapped:
            yield cast(BinaryIO, outer)
            return
        with gzip.GzipFile(fileobj=outer, mode="rb") as inner:
            yield cast(BinaryIO, inner)


@contextmanager
def _outer(place: Place) -> Iterator[IO[bytes]]:
    if not place.member:
        with Path(place.path).open("rb") as handle:
            yield handle
        return
    status = Path(place.path).stat()
    with _archive(place.path, status.st_mtime_ns, status.st_size).open(place.member) as member:
        yield member


@lru_cache(maxsize=2)
def _archive(path: str, mtime: int, size: int) -> zipfile.ZipFile:  # noqa: ARG001 - a file that changes is opened anew
    """The last archives stay open: reading the directory of a large one for each member would take hours."""
    return zipfile.ZipFile(path)


def digest_of(place: Place) -> str:
    """SHA-256 of the instance's bytes, unwrapped."""
    found = hashlib.sha256()
    with _open(place) as stream:
        while chunk := stream.read(2**20):
            found.update(chunk)
    return found.hexdigest()
