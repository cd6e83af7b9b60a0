"""Where an output goes: folders and names by its new identifiers, which are read from its finished header.

Two layouts. `uids`: `<patient>/<study>/<series>/<sop>.dcm`. `media`: the same four levels as names of eight characters,
which a DICOMDIR may refer to (PS3.10 8.5).
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from tasks.deidentify.parts import Parts, chunks

UIDS, MEDIA = "uids", "media"
LEVELS = 3  # folders above a file
_HEADS = (1 << 13, 1 << 20)  # bytes to look at: mostly the first will do
_STUDY, _SERIES = 0x0020000D, 0x0020000E
_CLASS_HEAD, _SYNTAX_HEAD = b"\x02\x00\x02\x00UI", b"\x02\x00\x10\x00UI"
_SOP_HEAD = b"\x02\x00\x03\x00UI"
_NEW_UID = re.compile(r"2\.25\.\d{1,39}", re.ASCII)
_IMPLICIT, _BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_ITEM, _SEQUENCE_END, _UNDEFINED = 0xFFFEE000, 0xFFFEE0DD, 0xFFFFFFFF
_NAME_CHARS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Header(NamedTuple):
    """What an output's header says of its place: new UIDs ("" where it has none), and its SOP class."""

    study: str
    series: str
    sop_class: str


def header_of(parts: Parts) -> Header:
    """Read from the beginning of an output."""
    for most in _HEADS:
        head = next(chunks(parts, most))
        at, sop_class, syntax = _meta(head)
        if syntax == _DEFLATED:
            head, at = zlib.decompressobj(-zlib.MAX_WBITS).decompress(head[at:], most), 0
        found = _walk(head, at, ">" if syntax == _BIG_ENDIAN else "<", implicit=syntax == _IMPLICIT)
        if len(found) == 2:
            break
    return Header(found.get(_STUDY, ""), found.get(_SERIES, ""), sop_class)


def sop_of(path: Path) -> str:
    """The SOPInstanceUID that the file meta of any DICOM file names; "" where it is none or names none."""
    with path.open("rb", buffering=0) as handle:
        head = handle.read(_HEADS[0])
    at = head.find(_SOP_HEAD, 132) if head[128:132] == b"DICM" else -1
    return _value(head, at) if at > 0 else ""


def path_of(layout: str, patient: str, header: Header, sop: str) -> str:
    """The path of an output below the target."""
    if layout == MEDIA:
        levels = (patient, header.study, header.series)
        return "/".join((*(_eight(level) for level in levels), name_of(layout, sop)))
    study, series = (uid if _NEW_UID.fullmatch(uid) else "none" for uid in (header.study, header.series))
    return f"{patient}/{study}/{series}/{name_of(layout, sop)}"


def name_of(layout: str, sop: str) -> str:
    """The name of an output's file."""
    return _eight(sop) if layout == MEDIA else f"{sop}.dcm"


def _eight(text: str) -> str:
    """Eight characters that a File ID component may have, 41 bits of a digest."""
    number, name = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"), ""
    for _ in range(8):
        number, digit = divmod(number, len(_NAME_CHARS))
        name += _NAME_CHARS[digit]
    return name


def _meta(head: bytes) -> tuple[int, str, str]:
    """(where the data set begins, SOP class, transfer syntax) of an output, whose file meta is our own."""
    end = 144 + int.from_bytes(head[140:144], "little")
    sop_class, syntax = head.find(_CLASS_HEAD, 144, end), head.find(_SYNTAX_HEAD, 144, end)
    return end, _value(head, sop_class), _value(head, syntax)


def _value(head: bytes, at: int) -> str:
    """A UID of explicit VR little endian."""
    length = int.from_bytes(head[at + 6 : at + 8], "little")
    return head[at + 8 : at + 8 + length].decode("latin-1").rstrip(" \0")


def _walk(body: bytes, at: int, order: str, *, implicit: bool) -> dict[int, str]:
    """The study and series at the top of a data set that begins at `at`, and may be cut off.

    An output is well-formed, so little is checked.
    """
    tag_at, long_at, short_at = (struct.Struct(order + form).unpack_from for form in ("HH", "L", "H"))
    found: dict[int, str] = {}
    inner = [implicit]  # for the top and each open sequence, whether its elements have no VR
    try:
        while True:
            group, number = tag_at(body, at)
            tag, vr = group << 16 | number, body[at + 4 : at + 6]
            if len(inner) == 1 and tag > _SERIES:
                return found
            if inner[-1] or group == 0xFFFE:
                length, start = long_at(body, at + 4)[0], at + 8
            elif vr in _LONG:
                length, start = long_at(body, at + 8)[0], at + 12
            else:
                length, start = short_at(body, at + 6)[0], at + 8
            at = start
            if tag == _SEQUENCE_END:
                inner.pop()
            elif length != _UNDEFINED:
                at += length
                if len(inner) == 1 and tag in (_STUDY, _SERIES):
                    found[tag] = body[start:at].decode("latin-1").strip(" \0")
            elif tag != _ITEM:
                inner.append(inner[-1] or vr == b"UN")
    except struct.error:
        return found  # the end, or more than was read: the folder is called `none`
