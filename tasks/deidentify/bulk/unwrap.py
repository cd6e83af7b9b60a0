"""What a file is that is no DICOM by its first bytes: gzip is opened, a zip is left to the user, the rest is skipped.

What is unpacked lies in a file without a name, which is gone with the process, however that ends.
"""

from __future__ import annotations

import errno
import gzip
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tasks.core.errors import ConfigurationError, QuarantineUnit, SkipUnit
from tasks.core.reasons import Reason
from tasks.core.settings import ExtractSettings

_LIMITS = ExtractSettings()
_CHUNK = 1 << 20
_SMALL = 1 << 16  # an empty image packs well, so a small wrapper is taken for one of this size
GZIP, _ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
_OFFICE = (b"[Content_Types].xml", b"mimetype")  # the first member of an office document, which is a zip as well


@contextmanager
def unwrapped(path: Path) -> Iterator[Path]:
    """A path to what the gzip file at `path` holds, as long as the context lasts.

    Raises `SkipUnit` where it is no wrapper, `QuarantineUnit` where it is a zip or damaged, `OSError` where it cannot
    be read.
    """
    with path.open("rb") as handle:
        head = handle.read(128)
        if not head:
            raise SkipUnit(Reason.EMPTY_FILE)
        if head[:4] in _ZIP and not any(name in head for name in _OFFICE):
            raise QuarantineUnit(Reason.BAD_ARCHIVE)
        if head[:2] != GZIP:
            raise SkipUnit(Reason.NOT_DICOM)
        with tempfile.TemporaryFile() as inside:
            _inflate(path, inside, os.fstat(handle.fileno()).st_size)
            yield Path(f"/proc/self/fd/{inside.fileno()}")


def _inflate(path: Path, inside: BinaryIO, size: int) -> None:
    left = min(_LIMITS.max_item_bytes, max(size, _SMALL) * _LIMITS.max_archive_ratio)
    try:
        with gzip.open(path) as packed:
            while chunk := packed.read(_CHUNK):
                left -= len(chunk)
                if left < 0 or (chunk[:2] == GZIP and not inside.tell()):
                    raise QuarantineUnit(Reason.BAD_ARCHIVE)
                _keep(inside, chunk)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise QuarantineUnit(Reason.BAD_ARCHIVE) from None


def _keep(inside: BinaryIO, chunk: bytes) -> None:
    try:
        inside.write(chunk)
        inside.flush()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        place = tempfile.gettempdir()
        raise ConfigurationError(
            f"the disk of {place} is full, where gzip files are unpacked: free some space, or set TMPDIR"
        ) from None
