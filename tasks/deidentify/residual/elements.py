"""One element of a file, and where the first of them is.

Written for the second look alone, so that it cannot make the mistake that the engine's reading makes. Of pydicom only
PS3.6's dictionary is used, for encodings that do not write the VR. What is nested is walk.py, and what a value means
is identifying.py.
"""

from __future__ import annotations

import re
import struct
from functools import cache
from typing import NamedTuple

from pydicom.datadict import dictionary_keyword, dictionary_VR

from tasks.deidentify.residual.view import Reader

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
CHARSET = 0x00080005
LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_DEFLATED = re.compile(rb"\x02\x00\x10\x00(?:UI..|....)1\.2\.840\.10008\.1\.2\.(?:1\.99|4\.95)(?![\d.])", re.DOTALL)
_HH = (struct.Struct("<HH"), struct.Struct(">HH"))
_H = (struct.Struct("<H"), struct.Struct(">H"))
_L = (struct.Struct("<L"), struct.Struct(">L"))


class Lost(ValueError):
    """The bytes are not the elements that they should be."""


class Encoding(NamedTuple):
    """How a data set is written (PS3.5 A): whether the VRs are left out, and whether numbers are big endian."""

    implicit: bool = False
    big: bool = False


def begin(head: bytes) -> int:
    """Where the file meta begins, or the data set where there is none: behind a preamble and a prefix, or at once."""
    return 132 if head[128:132] == b"DICM" else 4 if head[:4] == b"DICM" else 0


def data_set_of(head: bytes) -> int:
    """Where the data set begins, behind a file meta in plain elements. Raises `struct.error` where `head` ends."""
    at = begin(head)
    while head[at : at + 2] == b"\2\0":
        _, _, start, length = header(head, at, Encoding())
        at = start + length
    if at > len(head):
        raise Lost("the file meta ends beyond the file")
    return at


def is_deflated(meta: bytes) -> bool:
    """Whether a file meta says that the data set is deflated."""
    return _DEFLATED.search(meta) is not None


def guessed(head: bytes) -> Encoding:
    """How the elements that begin with `head` are written, from the first of them: what a header says is not asked."""
    big = head[:1] == b"\0" and head[1:2] != b"\0"
    return Encoding(implicit=head[4:6] not in LONG | SHORT, big=big)


def header(data: bytes, at: int, encoding: Encoding) -> tuple[int, bytes, int, int]:
    """(tag, VR, where the value starts, its length) of the element at `at`; the VR is b"" where it isn't written.

    Raises `struct.error` where the bytes end before.
    """
    implicit, big = encoding
    group, number = _HH[big].unpack_from(data, at)
    tag = group << 16 | number
    if not implicit and group != 0xFFFE:
        vr = data[at + 4 : at + 6]
        if vr in SHORT:
            return tag, vr, at + 8, _H[big].unpack_from(data, at + 6)[0]
        if vr in LONG:
            return tag, vr, at + 12, _L[big].unpack_from(data, at + 8)[0]
        if vr.isalpha() and vr.isupper():  # a VR of a later edition has the long form (PS3.5 7.1.2), a wrong one rarely
            if data[at + 6 : at + 8] == b"\0\0":
                return tag, vr, at + 12, _L[big].unpack_from(data, at + 8)[0]
            return tag, vr, at + 8, _H[big].unpack_from(data, at + 6)[0]
    return tag, b"", at + 8, _L[big].unpack_from(data, at + 4)[0]


@cache
def known_vr(tag: int) -> bytes:
    """The VR that PS3.6 gives `tag`, b"LO" for a private creator, b"UN" for what it doesn't know."""
    if tag >> 16 & 1:
        return b"LO" if 0x10 <= tag & 0xFFFF <= 0xFF else b"UN"
    try:
        return dictionary_VR(tag)[:2].encode()
    except KeyError:
        return b"UL" if not tag & 0xFFFF else b"UN"


@cache
def keyword_of(tag: int) -> str:
    """The keyword of `tag` in PS3.6; "" where it has none."""
    try:
        return dictionary_keyword(tag)
    except KeyError:
        return ""


def holds_items(data: bytes, at: int, length: int) -> bool:
    """Whether a value begins with an item, as that of a sequence does whose VR is unknown."""
    return length >= 8 and data[at : at + 4] == b"\xfe\xff\x00\xe0"


def after_fragments(data: bytes, at: int, encoding: Encoding) -> int:
    """Where fragments that begin at `at` end, their delimiter included. Raises `Lost` or `struct.error`."""
    while True:
        tag, _, start, length = header(data, at, encoding)
        if tag == SEQUENCE_END:
            return start
        if tag != ITEM:
            raise Lost("no item where a fragment should begin")
        at = start + length


def after_far_fragments(reader: Reader, at: int, encoding: Encoding) -> int:
    """The same in a file, whose fragments are passed over unread; the file's end where the delimiter is missing."""
    while at + 8 <= reader.size:
        tag, _, _, length = header(reader.read(at, 8), 0, encoding)
        at += 8
        if tag == SEQUENCE_END:
            return at
        if tag != ITEM:
            raise Lost("no item where a fragment should begin")
        at += length
    return reader.size
