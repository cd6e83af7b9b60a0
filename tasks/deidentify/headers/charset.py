"""Character sets (PS3.5 6.1): which one holds, and text from bytes and back so that it fits the file's set."""

from __future__ import annotations

import re
from functools import lru_cache

from pydicom.charset import convert_encodings, decode_bytes, encode_string, python_encoding

DELIMITERS = {0x09, 0x0A, 0x0C, 0x0D}  # where ISO 2022 goes back to the first set (PS3.5 6.1.2.5.3)
UNKNOWN = ("ISO_IR 6",)
_UTF8, _LATIN = ("ISO_IR 192",), ("ISO_IR 100",)
# Two letters beyond ASCII in a row, or what is no letter, degree, power, micro or section sign.
_NOT_LATIN = re.compile(rb"[\x80-\xff]{2}|[\x80-\xa6\xa8-\xaf\xb1\xb4\xb6-\xbf\xd7\xf7]")


def terms_of(value: bytes) -> tuple[str, ...]:
    """The defined terms of SpecificCharacterSet, e.g. ("", "ISO 2022 IR 87")."""
    return tuple(term.strip(" \0") for term in value.decode("ascii", "replace").split("\\"))


def are_known(terms: tuple[str, ...]) -> bool:
    """Whether every term is one of PS3.3 C.12.1.1.2 (or one that pydicom forgives)."""
    return all(term in python_encoding for term in terms)


@lru_cache(maxsize=256)
def encodings(terms: tuple[str, ...]) -> tuple[str, ...]:
    """Python's names for the terms; the default repertoire is ASCII, which is read as Latin-1."""
    return tuple(convert_encodings(list(terms))) if terms else ("iso8859",)


def decode(value: bytes, terms: tuple[str, ...]) -> str | None:
    """Text, or None where the bytes aren't what the set says."""
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    if not decodes(value, terms):
        return None
    return decode_bytes(value, list(encodings(terms)), DELIMITERS)


def undeclared(value: bytes, terms: tuple[str, ...]) -> tuple[str, ...]:
    """The set that text beyond ASCII is in where the header names none: UTF-8, else Latin-1 where it reads as such.

    () where the header names one, and where letters beyond ASCII stand in a row: they are of some other set.
    """
    if any(term not in ("", "ISO_IR 6") for term in terms) or b"\x1b" in value:
        return ()
    if decodes(value, _UTF8):
        return _UTF8
    return () if _NOT_LATIN.search(value) else _LATIN


def encode(text: str, terms: tuple[str, ...]) -> bytes | None:
    """Bytes of the set, or None where the text does not fit it."""
    if text.isascii():
        return text.encode("ascii")
    try:
        return bytes(encode_string(text, list(encodings(terms))))
    except (UnicodeError, LookupError, ValueError):
        return None


def decodes(value: bytes, terms: tuple[str, ...]) -> bool:
    """Whether text is what its character set says; escape sequences are trusted to ISO 2022 sets only."""
    if b"\x1b" in value:
        return any("2022" in term for term in terms)
    if value.isascii():
        return True
    first = encodings(terms)[0]
    try:
        # pydicom reads the default repertoire, which is ASCII (PS3.5 6.1.1), as Latin-1
        value.decode("ascii" if first == "iso8859" else first)
    except (UnicodeDecodeError, LookupError):
        return False
    return True
