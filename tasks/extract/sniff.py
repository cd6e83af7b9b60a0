"""What a file is, by its first bytes: DICOM with or without its preamble, a wrapper, or something else.

A name or extension is never asked. Reading the header is tasks/extract/header.py.
"""

from __future__ import annotations

import struct
from enum import Enum

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, STANDARD_VR

WINDOW = 64 * 1024
_PREAMBLE = 128
_UNDEFINED = 0xFFFFFFFF
_ENOUGH = 3  # elements in order that make a headerless file believable
_VRS = frozenset(str(vr).encode() for vr in STANDARD_VR)
_LONG_VRS = frozenset(str(vr).encode() for vr in EXPLICIT_VR_LENGTH_32)
# File meta, directory (DICOMDIR without a preamble), identification: what a data set can start with.
_FIRST_GROUPS = frozenset({0x0002, 0x0004, 0x0008})


class Kind(Enum):
    """What to do with a file."""

    DICOM = "dicom"
    GZIP = "gzip"
    ZIP = "zip"
    OTHER = "other"


def sniff(head: bytes, size: int) -> Kind:
    """Tell what starts with `head` (up to WINDOW bytes) and is `size` bytes long.

    DICM is looked for first: a preamble may look like another format (PS3.10 7.1 lets it, e.g. for TIFF).
    """
    if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        return Kind.DICOM
    if head[:2] == b"\x1f\x8b":
        return Kind.GZIP
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return Kind.ZIP
    return Kind.DICOM if _is_bare_data_set(head, size) else Kind.OTHER


def _is_bare_data_set(head: bytes, size: int) -> bool:
    """Whether elements follow each other as they do in a data set, in one of the three plain encodings (PS3.5 7.1)."""
    return any(
        _count_elements(head, size, order, explicit) for order, explicit in (("<", True), ("<", False), (">", True))
    )


def _count_elements(head: bytes, size: int, order: str, explicit: bool) -> bool:
    position, last, seen = 0, -1, 0
    while seen < _ENOUGH:
        if position == size and seen:
            return True
        if position + 12 > len(head):
            return seen > 1  # a long value leads out of the window
        group, element = struct.unpack_from(f"{order}HH", head, position)
        tag = group << 16 | element
        if tag <= last or (seen == 0 and group not in _FIRST_GROUPS):
            return False
        length, start = _length(head, position, order, explicit)
        if length == _UNDEFINED:
            return seen > 1
        if length is None or start + length > size:
            return False
        last, seen, position = tag, seen + 1, start + length
    return True


def _length(head: bytes, position: int, order: str, explicit: bool) -> tuple[int | None, int]:
    """The length of the value and where it starts; None if there can't be an element here."""
    if not explicit:
        return struct.unpack_from(f"{order}L", head, position + 4)[0], position + 8
    vr = head[position + 4 : position + 6]
    if vr not in _VRS:
        return None, 0
    if vr in _LONG_VRS:
        return struct.unpack_from(f"{order}L", head, position + 8)[0], position + 12
    return struct.unpack_from(f"{order}H", head, position + 6)[0], position + 8
