"""Text where only numbers should be: in lookup tables, signals and colour profiles that are kept.

A table is a ramp or a curve; letters in no order are words. In a colour profile (ICC.1) texts have places of their own,
and are blanked there.
"""

from __future__ import annotations

import re
import struct
from itertools import pairwise

from tasks.deidentify.rules import tables

BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_SHORT_RUN = re.compile(rb"[A-Za-z0-9 ^_,.'=/-]{8,}")
# In noise, eight printable bytes come together now and then (once in 60,000 places), sixteen never.
_LONG_RUN = re.compile(rb"[A-Za-z0-9 ^_,.'=/-]{16,}")
# A word or a number among few bytes; in one of five hundred 32-bit numbers as long a run comes together by chance.
_WORD_RUN = re.compile(rb"[A-Za-z0-9]{4,}")
_FEW = 64
_TEXT_TYPES = (b"text", b"desc", b"mluc")


def kept(tag: int, value: bytes) -> bytes | None:
    """A binary value without text, a plain table instead of one of words; None where nothing can stand for it."""
    name = tables.name_of(tag)
    if name == "ICCProfile":
        return _profile(value)
    table = is_table(tag)
    pattern = _SHORT_RUN if table else _LONG_RUN
    if not any(_is_text(found[0]) for found in pattern.finditer(value)):
        return value
    return _ramp(len(value)) if table else None  # without its table a look-up would not be valid


def shows_text(value: bytes) -> bool:
    """Whether bytes that should be numbers, of which no file says so, are text: a word among few, a line among many."""
    if len(value) <= _FEW:
        return _WORD_RUN.search(value) is not None
    return any(_is_text(found[0]) for found in _SHORT_RUN.finditer(value))


def _ramp(length: int) -> bytes:
    """A table that goes up evenly; both bytes of a value are one, so it reads alike in every byte order and width."""
    steps = max(1, (length + 1) // 2 - 1)
    return bytes(at // 2 * 255 // steps for at in range(length))


def is_text(value: bytes) -> bool:
    """Whether what should be numbers is text: from end to end, or a long run of it."""
    bare = value.rstrip(b"\0 ")
    found = _SHORT_RUN.fullmatch(bare) or _LONG_RUN.search(bare)
    return bool(found and _is_text(found[0]))


def is_table(tag: int) -> bool:
    """Whether the attribute is a lookup table, whichever VR it has."""
    name = tables.name_of(tag)
    return name == "LUTData" or name.endswith("LookupTableData")


def _is_text(run: bytes) -> bool:
    """Whether a run of printable bytes is none of a table's: those go on in small steps, or come in pairs."""
    letters = sum(65 <= byte <= 90 or 97 <= byte <= 122 for byte in run)
    even, odd = run[::2], run[1::2]
    return letters * 2 >= len(run) and even[: len(odd)] != odd and all(map(_jumps, (run, even, odd)))


def _jumps(run: bytes) -> bool:
    return sum(abs(one - other) for one, other in pairwise(run)) >= 4 * (len(run) - 1)


def _profile(value: bytes) -> bytes | None:
    """An ICC profile with its texts, maker's ids and dates blanked (ICC.1:2022 7.2, 7.3, 10); None where it is none."""
    if len(value) < 132 or value[36:40] != b"acsp" or len(value) > 1 << 22:
        return None
    out = bytearray(value)
    out[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    out[80:84] = bytes(4)
    out[84:128] = bytes(44)
    (count,) = struct.unpack_from(">L", value, 128)
    end = 132 + 12 * count
    if end > len(value):
        return None
    covered = []
    for at in range(132, end, 12):
        _, start, length = struct.unpack_from(">4sLL", value, at)
        if start + length > len(value) or length < 8:
            return None
        covered.append((start, start + length))
        if value[start : start + 4] in _TEXT_TYPES:
            keep = _before_text(value, start, length)
            out[start + keep : start + length] = bytes(length - keep)
        elif _LONG_RUN.search(value[start : start + length]):
            return None
    for start, stop in _between(sorted(covered), end, len(value)):
        out[start:stop] = bytes(stop - start)
    return bytes(out)


def _before_text(value: bytes, start: int, length: int) -> int:
    """How many bytes of a text's tag are no text: its type, counts and offsets."""
    kind = value[start : start + 4]
    if kind == b"text":
        return 8
    if kind == b"desc":
        return 12
    records = int.from_bytes(value[start + 8 : start + 12], "big")
    return min(length, 16 + 12 * records)


def _between(covered: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """What no tag of the profile covers."""
    gaps, at = [], start
    for first, last in covered:
        if first > at:
            gaps.append((at, first))
        at = max(at, last)
    if end > at:
        gaps.append((at, end))
    return gaps
