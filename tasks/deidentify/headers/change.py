"""What becomes of one value: bytes in, bytes out. Nothing here knows where in a file the value stands.

A value that is not what its VR says is never kept: whole headers have been found inside a damaged number.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import cache

from pydicom.datadict import dictionary_VM

from tasks.core.pseudonyms import Pseudonymiser
from tasks.deidentify.headers import binary, charset, texts, values
from tasks.deidentify.known import Known
from tasks.deidentify.rules import tables
from tasks.deidentify.rules.profile import Action

_ASCII_VRS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})
TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_CLEANED_VRS = TEXT_VRS | {"CS", "AE"}
# Registered under the DICOM root: transfer syntaxes, and SOP classes that are newer than pydicom's dictionary.
_REGISTERED = re.compile(r"1\.2\.840\.10008\.(?:1\.2(?:\.\d{1,3}){0,4}|5\.1\.4\.\d{1,3}(?:\.\d{1,3}){0,5})")
_NUMBER = re.compile(rb"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
# The bytes of one value.
NUMBER_BYTES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "UV": 8, "SV": 8, "AT": 4}
_WORDS = 8  # bytes of numbers that may be words
_NUMBER_FORMATS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "UV": "Q", "SV": "q", "AT": "L"}
# Four times what PS3.5 6.2 allows: vendors are generous, and multi-byte characters count several times.
_MOST_CHARACTERS = {"CS": 64, "SH": 64, "LO": 256, "UC": 1024}
# Only ESC has a place in short text, for ISO 2022 (PS3.5 6.1.2.5); others come from a damaged length.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


_NOBODY = Known()


@dataclass(frozen=True, repr=False)
class Identity:
    """Who the patient becomes: the pseudonym, the days that dates move, the maker of UIDs, and who it was."""

    patient: str
    shift: int
    pseudonymiser: Pseudonymiser
    known: Known = _NOBODY


def new_uid(uid: str, identity: Identity) -> str:
    """The UID to write for `uid`: itself where it is registered for all, else this workspace's own."""
    bare = uid.strip(" \0")
    if not bare or bare in tables.registered_uids() or _REGISTERED.fullmatch(bare):
        return bare
    return identity.pseudonymiser.uid(bare)


def changed(
    tag: int, vr: str, value: bytes, action: Action, identity: Identity, terms: tuple[str, ...], order: str
) -> bytes | None:
    """The new value of an element that is no sequence; None where this action cannot give one, so it is removed."""
    if action is Action.KEEP:
        new = kept(tag, vr, value, terms)
        if new and vr in _CLEANED_VRS:
            text = charset.decode(new.rstrip(b" \0"), terms)
            if text is not None and texts.names_patient(vr, text, identity.known):
                return _cleaned(tag, vr, value, identity, terms)
        return new
    if action is Action.EMPTY:
        return b""
    if action is Action.PSEUDONYM:
        return identity.patient.encode("ascii")
    if action is Action.DUMMY:
        return dummy(vr, order)
    if action is Action.UID:
        if vr != "UI" or not value.isascii():
            return None
        return "\\".join(new_uid(uid, identity) for uid in value.decode("ascii").split("\\")).encode("ascii")
    if action is Action.SHIFT:
        return _shifted(vr, value, identity.shift)
    if action is Action.CLEAN:
        return _cleaned(tag, vr, value, identity, terms)
    return None


def kept(tag: int, vr: str, value: bytes, terms: tuple[str, ...]) -> bytes | None:
    """A kept value: itself, a capped age, or None where it isn't what its VR says."""
    if not value:
        return value
    if vr == "AS":
        return _capped(value)
    if not _fits(tag, vr, value):
        return None
    if vr in ("DS", "IS"):
        parts = [part.strip(b" \0") for part in value.split(b"\\")]
        return value if all(_NUMBER.fullmatch(part) for part in parts if part) else None
    if vr == "TM":
        return value if value.isascii() and values.is_time(value.decode("ascii").strip(" \0")) else None
    if vr in NUMBER_BYTES and len(value) >= _WORDS and binary.is_text(value):
        return None
    if vr in _ASCII_VRS:
        return value if value.isascii() and not _CONTROL.search(value.rstrip(b" \0")) else None
    if vr in TEXT_VRS:
        return value if not _CONTROL.search(value.rstrip(b" \0")) and charset.decodes(value, terms) else None
    if vr in binary.BINARY_VRS or binary.is_table(tag):
        return binary.kept(tag, value)
    return value


def dummy(vr: str, order: str) -> bytes:
    """A value that says nothing, the same everywhere."""
    value = values.DUMMIES.get(vr, "REMOVED")
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("ascii")
    return struct.pack(order + _NUMBER_FORMATS[vr], value)


def _shifted(vr: str, value: bytes, days: int) -> bytes | None:
    if not value.isascii():
        return None
    text = value.decode("ascii")
    if not text.strip(" \0"):
        return b""
    moved = values.shift_date(text, days) if vr == "DA" else values.shift_datetime(text, days)
    return None if moved is None else moved.encode("ascii")


def _capped(value: bytes) -> bytes | None:
    if not value.isascii():
        return None
    ages = [values.cap_age(age) if age.strip() else "" for age in value.decode("ascii").strip(" \0").split("\\")]
    return None if None in ages else "\\".join(age or "" for age in ages).encode("ascii")


def _cleaned(tag: int, vr: str, value: bytes, identity: Identity, terms: tuple[str, ...]) -> bytes | None:
    """Free text without what identifies; None where nothing is left of it, or it cannot be read or written."""
    bare = value.rstrip(b" \0")
    if not bare:
        return b""
    if vr not in _CLEANED_VRS or (vr in _ASCII_VRS and not (value.isascii() and _fits(tag, vr, value))):
        return None
    text = None if _CONTROL.search(bare) else charset.decode(bare, terms)
    if text is None and (terms := charset.undeclared(bare, terms)):
        text = None if _CONTROL.search(bare) else charset.decode(bare, terms)
    if text is None:
        return None
    clean = texts.clean(tag, vr, text, identity)
    if clean == text:
        return value
    return charset.encode(clean, terms) if clean.strip(" \\") else None


@cache
def _most_values(tag: int) -> int | None:
    """The greatest value multiplicity of PS3.6; None where it is open or unknown."""
    try:
        most = dictionary_VM(tag).split("-")[-1]
    except KeyError:
        return None
    return int(most) if most.isdigit() else None


def _fits(tag: int, vr: str, value: bytes) -> bool:
    """Whether a value is no longer than its VR and VM allow."""
    if vr in NUMBER_BYTES:
        most = _most_values(tag)
        return most is None or len(value) <= most * NUMBER_BYTES[vr]
    if vr in _MOST_CHARACTERS:
        return max(map(len, value.split(b"\\"))) <= _MOST_CHARACTERS[vr]
    return True
