"""The members of a unit's archive: named, looked at without their pixels, and read whole.

A member that is stored and plain (parse.py) goes from the disk to where it stays, with the checksum that zip has for
it. What the first look at a series parsed is kept for the second, as far as `KEPT` headers; pixels never are.
"""

from __future__ import annotations

import logging
import os
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from struct import Struct

from pydicom import Dataset, dcmread

from tasks.core.closing import Closing
from tasks.core.errors import ContractViolation, QuarantineUnit
from tasks.core.models import Unit
from tasks.core.reasons import Reason
from tasks.transform.parse import HEADER, Parted, parse_parted, parse_plain

KEPT = 512
"""Headers that are kept between two looks: some 15 kB each, so memory stays flat for longer series too."""

_LOCAL = Struct("<26xHH")  # a local file header (APPNOTE 4.3.7): lengths of the name and of the extra field
_ENCRYPTED = 1

log = logging.getLogger(__name__)


class Members(Closing):
    """The instances of an archive, by SOPInstanceUID."""

    def __init__(self, path: Path, unit: Unit) -> None:
        """Open the archive of `unit`; `ContractViolation` where it is missing or damaged."""
        try:
            self._archive = zipfile.ZipFile(path)
        except (FileNotFoundError, zipfile.BadZipFile):
            raise ContractViolation(
                f"the archive of unit {unit.unit} is missing or damaged: delete it and run de-identification again"
            ) from None
        self.path = str(path)
        self._kept: dict[str, tuple[Parted, int]] = {}

    def close(self) -> None:
        """Let go of the file."""
        self._archive.close()

    def names(self) -> list[str]:
        """The SOPInstanceUIDs, sorted."""
        return sorted(name.removesuffix(".dcm") for name in self._archive.namelist() if name.endswith(".dcm"))

    def peek(self, sop: str) -> tuple[Dataset, bool]:
        """One instance, and whether it is whole: a plain one has an empty element of pixel data.

        UNREADABLE where it cannot be parsed. The checksum of what is not whole is looked at when it is read.
        """
        info = self._find(sop)
        start = self._start(info)
        found = None if start is None else self._header(info, start)
        if found is None:
            return self.read(sop), True
        if len(self._kept) < KEPT:
            self._kept[sop] = found
        return found[0].ds, False

    def read(self, sop: str) -> Dataset:
        """One instance with its pixels; UNREADABLE where it cannot be parsed or has another checksum."""
        info = self._find(sop)
        start = self._start(info)
        found = None if start is None else self._kept.pop(sop, None) or self._header(info, start)
        if start is not None and found is not None:
            parted, checksum = found
            pixels = parted.fill(self._handle(), start)
            if pixels is not None and zlib.crc32(pixels, checksum) == info.CRC:
                return parted.ds
        try:  # what is not plain, and what is damaged
            content = self._archive.read(info)
            plain = parse_plain(content)
            return plain if plain is not None else dcmread(BytesIO(content))
        except Exception as error:  # pydicom raises anything, zipfile a BadZipFile for a wrong checksum
            log.debug("reading stopped with %s", type(error).__name__)
            raise QuarantineUnit(Reason.UNREADABLE) from None

    def _find(self, sop: str) -> zipfile.ZipInfo:
        try:
            return self._archive.getinfo(f"{sop}.dcm")
        except KeyError:
            raise QuarantineUnit(Reason.UNREADABLE) from None

    def _handle(self) -> int:
        assert self._archive.fp is not None  # closed: no one reads after that
        return self._archive.fp.fileno()

    def _start(self, info: zipfile.ZipInfo) -> int | None:
        """Where the bytes of a stored member begin; None for one that is packed."""
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _ENCRYPTED:
            return None
        local = os.pread(self._handle(), _LOCAL.size, info.header_offset)
        return None if len(local) < _LOCAL.size else info.header_offset + _LOCAL.size + sum(_LOCAL.unpack(local))

    def _header(self, info: zipfile.ZipInfo, start: int) -> tuple[Parted, int] | None:
        """What comes before the pixels, where these are plain and the last, and its checksum."""
        head = os.pread(self._handle(), min(HEADER, info.file_size), start)
        parted = parse_parted(head, info.file_size)
        return None if parted is None else (parted, zlib.crc32(memoryview(head)[: parted.pixels.value_tell]))
