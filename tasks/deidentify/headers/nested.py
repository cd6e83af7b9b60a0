"""Names of persons that stand only within sequences: operators of other devices, observers, whoever asked for a study.

What is known of them is taken out of descriptions too, so they are found before anything is rewritten. An irregular
sequence gives what stood before the irregular place: rewriting judges it by itself.
"""

from __future__ import annotations

import re
import struct
from functools import cache, lru_cache

from pydicom._dicom_dict import DicomDictionary

from tasks.deidentify.headers.element import Element
from tasks.deidentify.headers.encoding import UNDEFINED, CutError, Encoding, PlainError

_LONGEST_KEPT = 1 << 16
_MOST_KEPT = 4096


def names_in(element: Element, encoding: Encoding) -> tuple[tuple[int, bytes], ...]:
    """(tag, value) of every PN at any depth of a sequence in memory."""
    if element.chunk is None or not _may_name(element.chunk, encoding):
        return ()
    if len(element.chunk) <= _LONGEST_KEPT:
        return _kept(element.chunk, element.start, encoding)
    return _names(element.chunk, element.start, encoding)


def _may_name(chunk: bytes, encoding: Encoding) -> bool:
    return _name_tags().search(chunk) is not None if encoding.implicit else b"PN" in chunk


@cache
def _name_tags() -> re.Pattern[bytes]:
    """The tags of PS3.6 whose VR is PN, as they stand in little endian."""
    tags = sorted(tag for tag, entry in DicomDictionary.items() if entry[0] == "PN")
    return re.compile(b"|".join(re.escape(struct.pack("<HH", tag >> 16, tag & 0xFFFF)) for tag in tags))


@lru_cache(maxsize=_MOST_KEPT)
def _kept(chunk: bytes, start: int, encoding: Encoding) -> tuple[tuple[int, bytes], ...]:
    return _names(chunk, start, encoding)


def _names(chunk: bytes, at: int, encoding: Encoding) -> tuple[tuple[int, bytes], ...]:
    found: dict[tuple[int, bytes], None] = {}
    try:
        while at < len(chunk):
            group, _ = encoding.tag(chunk, at)
            if group == 0xFFFE:
                at += 8
                continue
            tag, vr, before, length = encoding.parse(chunk, at)
            at += before
            if vr == "SQ":
                continue  # its items stand next
            if length == UNDEFINED:
                break
            if vr == "PN" and length:
                found[tag, chunk[at : at + length]] = None
            at += length
    except (CutError, PlainError, struct.error):
        pass  # what is irregular is judged where it is rewritten
    return tuple(found)
