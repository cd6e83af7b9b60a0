"""How elements are encoded (PS3.5 7.1): explicit or implicit VR, little or big endian.

`PlainError` means that bytes are not what such an encoding says; irregular files go through pydicom (normal.py).
"""

from __future__ import annotations

import struct

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.rules import tables

LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
SHORT = frozenset(
    {
        *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FL", "FD", "IS", "LO"),
        *("LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"),
    }
)
VRS = {vr.encode(): vr for vr in LONG | SHORT}
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
EMPTY_ITEMS = {"<": bytes.fromhex("feff0de000000000"), ">": bytes.fromhex("fffee00d00000000")}
SEQUENCE_ENDS = {"<": bytes.fromhex("feffdde000000000"), ">": bytes.fromhex("fffee0dd00000000")}


class PlainError(ValueError):
    """The bytes are no regular encoding; the text says nothing of them."""


class CutError(PlainError):
    """More bytes are needed than were read so far."""


class Encoding:
    """One of the three plain encodings; `order` is that of struct."""

    def __init__(self, *, implicit: bool, order: str = "<") -> None:
        self.implicit = implicit
        self.order = order
        self.tag = struct.Struct(f"{order}HH").unpack_from
        self.long = struct.Struct(f"{order}L").unpack_from
        self.head = struct.Struct(f"{order}HHL" if implicit else f"{order}HH2sH").unpack_from
        self._heads: dict[bytes, tuple[int, str, int, int]] = {}

    def element(self, tag: int, vr: str, value: bytes) -> bytes:
        """An element's bytes; an odd value is padded. Raises `PlainError` where the value is too long for its VR."""
        if len(value) % 2:
            value += b" " if vr in _PADDED_WITH_SPACE else b"\0"
        return self.header(tag, vr, len(value)) + value

    def inside(self, vr: str) -> Encoding:
        """The encoding of the items of a sequence; in UN it is implicit (PS3.5 6.2.2)."""
        return IMPLICIT if vr == "UN" else self

    def header(self, tag: int, vr: str, length: int) -> bytes:
        """What stands before a value of `length` bytes (`UNDEFINED` is one)."""
        group, number = tag >> 16, tag & 0xFFFF
        if self.implicit:
            return struct.pack(f"{self.order}HHL", group, number, length)
        if vr in LONG:
            return struct.pack(f"{self.order}HH2sHL", group, number, vr.encode(), 0, length)
        if length > 0xFFFF:
            raise PlainError("a value is too long for its VR")
        return struct.pack(f"{self.order}HH2sH", group, number, vr.encode(), length)

    def item(self, content: bytes, *, undefined: bool) -> bytes:
        """An item of a sequence."""
        if undefined:
            return struct.pack(f"{self.order}HHL", 0xFFFE, 0xE000, UNDEFINED) + content + EMPTY_ITEMS[self.order]
        return struct.pack(f"{self.order}HHL", 0xFFFE, 0xE000, len(content)) + content

    def parse(self, content: bytes, at: int) -> tuple[int, str, int, int]:
        """(tag, VR, bytes before the value, its length) of the element at `at`; raises `CutError` or `PlainError`."""
        head = content[at : at + 8]
        found = self._heads.get(head)
        if found is None:
            found = self._parsed(head)
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            self._heads[head] = found
        if found[3] >= 0:
            return found
        try:
            return found[0], found[1], 12, self.long(content, at + 8)[0]
        except struct.error:
            raise CutError("an element is cut off") from None

    def _parsed(self, head: bytes) -> tuple[int, str, int, int]:
        """The first eight bytes of an element; a length of -1 stands in the four bytes behind them."""
        if len(head) < 8:
            raise CutError("an element is cut off")
        if self.implicit:
            group, number, length = self.head(head, 0)
            tag = group << 16 | number
            return tag, implicit_vr(tag, length), 8, length
        group, number, code, length = self.head(head, 0)
        vr = VRS.get(code)
        if vr is None:
            raise PlainError("no VR")
        return group << 16 | number, vr, 12 if vr in LONG else 8, -1 if vr in LONG else length


_MOST_HEADS = 1 << 16
MAX_STEPS = 3 << 19  # a million elements and their items: frames by the ten thousand with all that is said of each
# VRs that may have an undefined length.
DELIMITED = frozenset({"SQ", "UN", "OB", "OW"})
EXPLICIT, IMPLICIT, BIG_ENDIAN = Encoding(implicit=False), Encoding(implicit=True), Encoding(implicit=False, order=">")
_PADDED_WITH_SPACE = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT"}
)


def implicit_vr(tag: int, length: int) -> str:
    """The VR of an element that names none: that of PS3.6; a private creator's is LO, anything else is UN."""
    known = tables.value_representations(tag)
    if known:
        return known[0]
    if tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
        return "LO"
    return "SQ" if length == UNDEFINED else "UN"


def after_items(content: bytes, at: int, encoding: Encoding, max_depth: int = 200) -> int:
    """Where a sequence of undefined length that begins at `at` ends, behind its delimiter.

    `encoding` is that of its items: `inside` of its own.
    Raises `CutError` where more bytes are needed, `PlainError` for what is no sequence or nested too deeply, and
    `QuarantineUnit` where it has more than MAX_STEPS elements, items and delimiters.
    """
    depth, left = 1, MAX_STEPS
    inside = [False]  # for each open sequence, whether an item of undefined length is open in it
    inner = [encoding]
    while depth:
        now = inner[-1]
        left -= 1
        if left < 0:
            raise QuarantineUnit(Reason.OVERSIZED)
        try:
            group, number = now.tag(content, at)
            if group == 0xFFFE:
                length = now.long(content, at + 4)[0]
                at += 8
                if number == 0xE000 and not inside[-1]:
                    if length == UNDEFINED:
                        inside[-1] = True
                    else:
                        at += length
                elif number == 0xE00D and inside[-1]:
                    inside[-1] = False
                elif number == 0xE0DD and not inside[-1]:
                    depth -= 1
                    inside.pop()
                    inner.pop()
                else:
                    raise PlainError("a delimiter out of place")
                continue
        except struct.error:
            raise CutError("a sequence is cut off") from None
        if not inside[-1]:
            raise PlainError("no item where a sequence should have one")
        _, vr, before, length = now.parse(content, at)
        at += before
        if length != UNDEFINED:
            at += length
            continue
        if vr not in DELIMITED:
            raise PlainError("a value of undefined length")
        depth += 1
        if depth > max_depth:
            raise PlainError("nested too deeply")
        inside.append(False)
        inner.append(now.inside(vr))
    if at > len(content):
        raise CutError("a sequence is cut off")
    return at
