"""The residual check: a second look at the finished bytes for what identified the patient in the source header.

Walks the output file by itself (no pydicom, no rule table) to set the pixel value apart, and searches everything else
for the values of `identifiers.py` in UTF-8, Latin-1, UTF-16 and the usual sets of other scripts, letter case ignored.
Tells kinds of hits, never values.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable

from tasks.deidentify.headers.values import DUMMIES
from tasks.deidentify.residual.identifiers import Identifiers

_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_EIGHT_DIGITS = re.compile(rb"(?<![\d.])(\d{8})")
_WRITTEN_DATE = re.compile(rb"(?<!\d)(?:(\d{4})([-./])(\d\d)\2(\d\d)|(\d\d)([-./])(\d\d)\6(\d{4}))(?!\d)")
_UID = re.compile(rb"[0-2](?:\.\d+){3,}")
_ENCODINGS = ("utf-8", "latin-1", "utf-16-le", "shift_jis", "euc_jp", "euc_kr", "gb18030", "iso8859-5", "iso8859-7")


def residue(content: bytes, name: str, wanted: Identifiers, allowed_dates: frozenset[str]) -> tuple[str, ...]:
    """The kinds of identifiers found in a Part 10 file's bytes or in its `name`, sorted; empty where it is clean.

    `allowed_dates` are the shifted dates: one of them may by chance equal another date of the source. Raises ValueError
    or struct.error where the bytes are no well-formed file, which is for the caller to refuse.
    """
    header, pixels = split_pixels(content)
    haystack = header.lower() + b"\n" + name.lower().encode("utf-8", "replace")
    kinds = {kind for text, kind in wanted.texts.items() if _occurs(text, haystack)}
    if wanted.dates & (_dates(haystack) - allowed_dates - {str(DUMMIES["DA"])}):
        kinds.add("date")
    if wanted.uids & {uid.decode("ascii") for uid in _UID.findall(haystack)}:
        kinds.add("uid")
    # Text can hide behind the last row or in a comment of a compressed stream; only long, whole values tell there.
    if any(text.encode("utf-8") in pixels for text in wanted.whole if len(text) >= 8):
        kinds.add("pixel-data")
    return tuple(sorted(kinds))


def split_pixels(content: bytes) -> tuple[bytes, bytes]:
    """(everything but the pixel values, the pixel values) of a Part 10 file; a deflated data set is inflated."""
    if content[128:132] != b"DICM":
        raise ValueError("no DICM prefix")
    meta_end, syntax = _file_meta(content)
    body = content[meta_end:]
    if syntax == "1.2.840.10008.1.2.1.99":
        body = zlib.decompress(body, -zlib.MAX_WBITS)
    order = ">" if syntax == "1.2.840.10008.1.2.2" else "<"
    walk = _Walk(body, order, implicit=syntax == "1.2.840.10008.1.2")
    ranges = [(start, end) for tag, start, end in walk.top() if tag in _PIXELS]
    rest, pixels, at = [content[:meta_end]], [], 0
    for start, end in ranges:
        rest.append(body[at:start])
        pixels.append(body[start:end])
        at = end
    rest.append(body[at:])
    return b"".join(rest), b"".join(pixels)


class _Walk:
    """Positions of the top elements of a data set; sequences are passed over, however they are delimited."""

    def __init__(self, body: bytes, order: str, *, implicit: bool) -> None:
        self.body, self.order, self.implicit = body, order, implicit

    def top(self) -> Iterable[tuple[int, int, int]]:
        """(tag, start of value, end of value) of each top element."""
        at = 0
        while at < len(self.body):
            tag, start, end = self._element(at)
            yield tag, start, end
            at = end

    def _tag(self, at: int) -> int:
        group, element = struct.unpack_from(f"{self.order}HH", self.body, at)
        return int(group) << 16 | int(element)

    def _element(self, at: int) -> tuple[int, int, int]:
        tag = self._tag(at)
        if self.implicit or tag >> 16 == 0xFFFE:
            length, start = struct.unpack_from(f"{self.order}L", self.body, at + 4)[0], at + 8
        elif self.body[at + 4 : at + 6] in _LONG:
            length, start = struct.unpack_from(f"{self.order}L", self.body, at + 8)[0], at + 12
        else:
            length, start = struct.unpack_from(f"{self.order}H", self.body, at + 6)[0], at + 8
        if length == _UNDEFINED:
            return tag, start, self._after_items(start)
        if start + length > len(self.body):
            raise ValueError("an element ends beyond the file")
        return tag, start, start + length

    def _after_items(self, at: int) -> int:
        """Where a sequence of undefined length ends; without recursion, so depth costs nothing."""
        depth, inside_item = 1, [False]
        while depth:
            tag = self._tag(at)
            if tag == _SEQUENCE_END:
                depth, at = depth - 1, at + 8
                inside_item.pop()
            elif tag == _ITEM_END:
                inside_item[-1], at = False, at + 8
            elif tag == _ITEM:
                length = struct.unpack_from(f"{self.order}L", self.body, at + 4)[0]
                inside_item[-1] = length == _UNDEFINED
                at += 8 if length == _UNDEFINED else 8 + length
            elif inside_item[-1]:
                at, deeper = self._step(at)
                if deeper:
                    depth += 1
                    inside_item.append(False)
            else:
                raise ValueError("no item where a sequence should have one")
        return at

    def _step(self, at: int) -> tuple[int, bool]:
        """Past one element inside an item, or (start of its first item, True) for an undefined length."""
        if self.implicit:
            length, start = struct.unpack_from(f"{self.order}L", self.body, at + 4)[0], at + 8
        elif self.body[at + 4 : at + 6] in _LONG:
            length, start = struct.unpack_from(f"{self.order}L", self.body, at + 8)[0], at + 12
        else:
            length, start = struct.unpack_from(f"{self.order}H", self.body, at + 6)[0], at + 8
        return (start, True) if length == _UNDEFINED else (start + length, False)


def _file_meta(content: bytes) -> tuple[int, str]:
    """Where the file meta ends, and the transfer syntax it names."""
    at, syntax = 132, ""
    while content[at : at + 2] == b"\x02\x00":
        vr = content[at + 4 : at + 6]
        length, start = (
            (struct.unpack_from("<L", content, at + 8)[0], at + 12)
            if vr in _LONG
            else (struct.unpack_from("<H", content, at + 6)[0], at + 8)
        )
        if content[at + 2 : at + 4] == b"\x10\x00":
            syntax = content[start : start + length].decode("ascii").strip(" \0")
        at = start + length
    return at, syntax


def _occurs(text: str, haystack: bytes) -> bool:
    """Whether `text` stands in the lowered bytes as a word of its own, in any encoding."""
    for form in {text.lower(), text.upper(), text} if not text.isascii() else {text.lower()}:
        for encoding in ("utf-8", "utf-16-le") if form.isascii() else _ENCODINGS:
            try:
                needle = form.encode(encoding).lower()
            except UnicodeEncodeError:
                continue
            if encoding == "utf-16-le":
                needle = needle[:-1] if form.isascii() else needle
            at = haystack.find(needle)
            while at >= 0:
                if encoding == "utf-16-le" or not form.isascii() or _stands_alone(haystack, at, at + len(needle)):
                    return True
                at = haystack.find(needle, at + 1)
    return False


def _stands_alone(haystack: bytes, start: int, end: int) -> bool:
    return not haystack[start - 1 : start].isalnum() and not haystack[end : end + 1].isalnum()


def _dates(haystack: bytes) -> set[str]:
    found = {day.decode("ascii") for day in _EIGHT_DIGITS.findall(haystack)}
    for year, _, month, day, first, _, second, late_year in _WRITTEN_DATE.findall(haystack):
        if year:
            found.add((year + month + day).decode("ascii"))
        else:
            found |= {(late_year + first + second).decode("ascii"), (late_year + second + first).decode("ascii")}
    return found
