"""DICOM written by hand: every byte as a test wants it, right or wrong, in every plain transfer syntax.

Knows nothing of pydicom, so it writes what pydicom would refuse or repair.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
UNDEFINED = 0xFFFFFFFF
LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_WIDTHS = {"AT": 2, "FD": 8, "FL": 4, "OW": 2, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}


@dataclass(frozen=True)
class Element:
    """A value with its VR: bytes (little endian), or the items of a sequence.

    `undefined` gives it and its items undefined lengths. Items under a VR of UN are written implicit little endian
    (PS3.5 6.2.2), bytes with `undefined` as fragments that are delimited already.
    """

    vr: str
    value: bytes | tuple[Item, ...]
    undefined: bool = False


Item = Mapping[int, Element]


@dataclass
class File:
    """A Part 10 file in its pieces, each of which a channel may change. Values of `hides_in` need not stay the same."""

    body: dict[int, Element]
    meta: dict[int, Element]
    syntax: str = EXPLICIT
    preamble: bytes = bytes(128)
    tail: bytes = b""
    name: str = "CT000001.dcm"
    hides_in: set[str] = field(default_factory=set)

    def content(self) -> bytes:
        """The file's bytes."""
        meta = {**self.meta, 0x00020010: Element("UI", self.syntax.encode())}
        encoded = encode(meta, EXPLICIT)
        length = encode({0x00020000: Element("UL", struct.pack("<L", len(encoded)))}, EXPLICIT)
        body = encode(self.body, self.syntax) + self.tail
        if self.syntax == DEFLATED:
            deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
            body = deflater.compress(body) + deflater.flush()
            body += b"\0" * (len(body) % 2)
        return self.preamble + b"DICM" + length + encoded + body


def encode(item: Item, syntax: str) -> bytes:
    """The elements in the order of their tags."""
    return b"".join(encode_element(tag, item[tag], syntax) for tag in sorted(item))


def encode_element(tag: int, element: Element, syntax: str) -> bytes:
    """One element with its header."""
    order = ">" if syntax == BIG_ENDIAN else "<"
    value = _value(element, syntax, order)
    length = UNDEFINED if element.undefined else len(value)
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT:
        return head + struct.pack("<L", length) + value
    if element.vr in LONG:
        return head + element.vr.encode() + b"\0\0" + struct.pack(f"{order}L", length) + value
    return head + element.vr.encode() + struct.pack(f"{order}H", length) + value


def fragments(*parts: bytes, table: bytes = b"") -> bytes:
    """An encapsulated value: offset table, fragments, delimiter."""
    written = b"".join(
        struct.pack("<HHL", 0xFFFE, 0xE000, len(part) + len(part) % 2) + part + b"\0" * (len(part) % 2)
        for part in (table, *parts)
    )
    return written + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def value_of(element: Element, syntax: str) -> bytes:
    """The bytes of a value as they stand in a file."""
    return _value(element, syntax, ">" if syntax == BIG_ENDIAN else "<")


def _value(element: Element, syntax: str, order: str) -> bytes:
    if isinstance(element.value, bytes):
        value = element.value
        if element.undefined:
            return value
        width = _WIDTHS.get(element.vr, 1)
        if order == ">" and width > 1 and len(value) % width == 0:
            value = b"".join(value[at : at + width][::-1] for at in range(0, len(value), width))
        return value + _padding(element.vr) * (len(value) % 2)
    inner = IMPLICIT if element.vr == "UN" else syntax
    order = "<" if element.vr == "UN" else order
    written = b""
    for item in element.value:
        content = encode(item, inner)
        length = UNDEFINED if element.undefined else len(content)
        written += struct.pack(f"{order}HHL", 0xFFFE, 0xE000, length) + content
        if element.undefined:
            written += struct.pack(f"{order}HHL", 0xFFFE, 0xE00D, 0)
    if element.undefined:
        written += struct.pack(f"{order}HHL", 0xFFFE, 0xE0DD, 0)
    return written


def _padding(vr: str) -> bytes:
    return b"\0" if vr in ("UI", "OB", "UN") else b" "
