"""What is written around a clean data set: a zeroed preamble, file meta of our own, and what was done, in the header.

PS3.10 7.1 for the file meta; PS3.15 E.1.1 step 6 and CID 7050 for the statement.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from tasks.deidentify.headers.encoding import EXPLICIT, Encoding
from tasks.deidentify.rules.profile import Profile

IMPLEMENTATION_CLASS = "2.25.30541926373195837406217431907542813659"
IMPLEMENTATION_VERSION = "SLUICE_1"
_METHOD = "Sluice: PS3.15 E.1-1"


def preface(sop_class: str, sop: str, syntax: str) -> bytes:
    """All that stands before the data set: preamble, prefix and file meta information."""
    before, after = _meta_around(sop_class, syntax)
    body = before + EXPLICIT.element(0x00020003, "UI", sop.encode("ascii")) + after
    return _PREAMBLE + struct.pack("<L", len(body)) + body


def statement(profile: Profile, encoding: Encoding) -> dict[int, bytes]:
    """The elements that say that and how an object was de-identified, by tag; for objects of which all was handled."""
    codes = b"".join(
        encoding.item(
            encoding.element(0x00080100, "SH", option.code.encode("ascii"))
            + encoding.element(0x00080102, "SH", b"DCM")
            + encoding.element(0x00080104, "LO", option.meaning.encode("ascii")),
            undefined=False,
        )
        for option in profile.method_codes
    )
    method = f"{_METHOD}\\profile {profile.name}".encode("ascii")
    return {
        0x00120062: encoding.element(0x00120062, "CS", b"YES"),  # PatientIdentityRemoved
        0x00120063: encoding.element(0x00120063, "LO", method),  # DeidentificationMethod
        0x00120064: encoding.header(0x00120064, "SQ", len(codes)) + codes,  # DeidentificationMethodCodeSequence
        # LongitudinalTemporalInformationModified
        0x00280303: encoding.element(0x00280303, "CS", profile.dates.encode("ascii")),
    }


def not_burned_in(encoding: Encoding) -> dict[int, bytes]:
    """BurnedInAnnotation NO, for pixels that were looked at, or that the site vouches for."""
    return {0x00280301: encoding.element(0x00280301, "CS", b"NO")}


_PREAMBLE = bytes(128) + b"DICM" + EXPLICIT.header(0x00020000, "UL", 4)


@lru_cache(maxsize=256)
def _meta_around(sop_class: str, syntax: str) -> tuple[bytes, bytes]:
    """The file meta before and after MediaStorageSOPInstanceUID."""
    before = EXPLICIT.element(0x00020001, "OB", b"\0\1")
    before += EXPLICIT.element(0x00020002, "UI", sop_class.encode("ascii"))
    after = EXPLICIT.element(0x00020010, "UI", syntax.encode("ascii"))
    after += EXPLICIT.element(0x00020012, "UI", IMPLEMENTATION_CLASS.encode("ascii"))
    after += EXPLICIT.element(0x00020013, "SH", IMPLEMENTATION_VERSION.encode("ascii"))
    return before, after
