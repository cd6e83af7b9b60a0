"""The header engine: a profile's decisions applied to a parsed data set, at every depth, in place.

Elements that are kept stay the raw bytes they were; every value that is written here is ASCII, so it fits any character
set. What decides is profile.py, how a value changes is values.py, what is written around it is part10.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from pydicom import config
from pydicom.charset import convert_encodings, python_encoding
from pydicom.datadict import dictionary_VM
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

from tasks.core.errors import QuarantineUnit
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.reasons import Reason
from tasks.deidentify.headers import values
from tasks.deidentify.headers.read import charset_terms, is_in_order
from tasks.deidentify.rules import tables as rules
from tasks.deidentify.rules.profile import Action, Decision, Profile

_CHARSET = 0x00080005
_ASCII_VRS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})
_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
# Registered under the DICOM root: transfer syntaxes, and SOP classes that are newer than pydicom's dictionary.
_REGISTERED = re.compile(r"1\.2\.840\.10008\.(?:1\.2(?:\.\d{1,3}){0,4}|5\.1\.4\.\d{1,3}(?:\.\d{1,3}){0,5})")
_NUMBER = re.compile(rb"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


_NUMBER_BYTES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "UV": 8, "SV": 8, "AT": 4}
# Four times what PS3.5 6.2 allows: vendors are generous, and multi-byte characters count several times.
_MOST_CHARACTERS = {"CS": 64, "SH": 64, "LO": 256, "UC": 1024}
# Only ESC has a place in short text, for ISO 2022 (PS3.5 6.1.2.5); others come from a damaged length.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


@dataclass(frozen=True)
class Identity:
    """Who the patient becomes: the pseudonym, the days that dates move, and the maker of UIDs."""

    patient: str
    shift: int
    pseudonymiser: Pseudonymiser


@dataclass(frozen=True)
class Cleaner:
    """One object's cleaning; `iod` is that of its SOP class (rules.iod_of)."""

    profile: Profile
    identity: Identity
    iod: int | None
    max_depth: int

    def clean(self, dataset: Dataset, parent: str = "", depth: int = 0, charset: tuple[str, ...] = ()) -> None:
        """Clean `dataset` and all that is nested in it; raises `QuarantineUnit` where it is nested too deeply."""
        if depth > self.max_depth:
            raise QuarantineUnit(Reason.DEIDENTIFY_FAILED)
        charset = _character_set(dataset, charset)
        if not is_in_order(dataset):
            raise QuarantineUnit(Reason.DEIDENTIFY_FAILED)
        for tag in list(dataset.keys()):
            element = dataset.get_item(tag)
            vr = _effective_vr(tag, element)
            if vr is None or (tag in _PIXELS and depth):
                del dataset[tag]
                continue
            decision = self.profile.decide(tag, vr, self.iod if not depth else None, parent)
            self._apply(dataset, tag, vr, decision, (depth, charset))

    def clean_object(self, dataset: Dataset) -> None:
        """Clean a whole object and give it its pseudonym, whether it named a patient before or not."""
        self.clean(dataset)
        put(dataset, 0x00100010, "PN", self.identity.patient)  # PatientName
        put(dataset, 0x00100020, "LO", self.identity.patient)  # PatientID

    def new_uid(self, uid: str) -> str:
        """The UID to write for `uid`: itself where it is registered for all, else this workspace's own."""
        bare = uid.strip(" \0")
        if not bare or bare in rules.registered_uids() or _REGISTERED.fullmatch(bare):
            return bare
        return self.identity.pseudonymiser.uid(bare)

    def _apply(
        self, dataset: Dataset, tag: BaseTag, vr: str, decision: Decision, place: tuple[int, tuple[str, ...]]
    ) -> None:
        element = dataset.get_item(tag)
        changed: str | DataElement | None
        if decision.action is Action.KEEP:
            if vr == "SQ":
                self._clean_items(dataset[tag], *place)
                return
            changed = _kept(element, vr, place[1])
        else:
            changed = self._changed(element, vr, decision.action)
        if changed is None:
            changed = self._changed(element, vr, decision.otherwise)
        if changed is None:
            del dataset[tag]
        elif isinstance(changed, DataElement):
            dataset[tag] = changed
        elif changed is not _AS_IT_IS:
            put(dataset, tag, vr, changed)

    def _clean_items(self, sequence: DataElement, depth: int, charset: tuple[str, ...]) -> None:
        name = rules.name_of(sequence.tag)
        for item in sequence.value:
            self.clean(item, name, depth + 1, charset)

    def _changed(self, element: DataElement | RawDataElement, vr: str, action: Action) -> str | DataElement | None:
        """The new value: text, a whole element where it isn't text, or None to remove it."""
        if action is Action.EMPTY:
            return ""
        if action is Action.PSEUDONYM:
            return self.identity.patient
        if action is Action.DUMMY:
            return _dummy(element.tag, vr)
        if action is Action.UID:
            text = _ascii(element)
            return None if text is None else "\\".join(self.new_uid(uid) for uid in text.split("\\"))
        if action is Action.SHIFT:
            text = _ascii(element)
            if text is None or not text.strip(" \0"):
                return text
            change = values.shift_date if vr == "DA" else values.shift_datetime
            return change(text, self.identity.shift)
        return None


_AS_IT_IS = "\0as it is"


def put(dataset: Dataset, tag: int, vr: str, text: str) -> None:
    """Set an element to ASCII `text`, as bytes, so that no library has to parse or encode it."""
    content = text.encode("ascii")
    if len(content) % 2:
        content += b"\0" if vr == "UI" else b" "
    dataset[Tag(tag)] = RawDataElement(Tag(tag), vr, len(content), content, 0, False, True)


def _kept(element: DataElement | RawDataElement, vr: str, charset: tuple[str, ...]) -> str | None:
    """What a kept value becomes: itself, a capped age, or None where it isn't what its VR says."""
    content = element.value
    if not isinstance(content, bytes) or not content:
        return _AS_IT_IS
    if vr == "AS":
        text = _ascii(element)
        ages = [values.cap_age(age) if age.strip() else "" for age in (text or "?").strip(" \0").split("\\")]
        return None if None in ages else "\\".join(age or "" for age in ages)
    if not _fits(int(element.tag), vr, content):
        return None
    if vr in ("DS", "IS"):
        parts = [part.strip(b" \0") for part in content.split(b"\\")]
        return _AS_IT_IS if all(_NUMBER.fullmatch(part) for part in parts if part) else None
    if vr == "TM":
        text = _ascii(element)
        return _AS_IT_IS if text is not None and values.is_time(text.strip(" \0")) else None
    if (vr in _ASCII_VRS or vr in _TEXT_VRS) and _CONTROL.search(content.rstrip(b" \0")):
        return None
    if vr in _ASCII_VRS:
        return _AS_IT_IS if content.isascii() else None
    if vr in _TEXT_VRS and not _decodes(content, charset):
        return None
    return _AS_IT_IS


@cache
def _most_values(tag: int) -> int | None:
    """The greatest value multiplicity of PS3.6; None where it is open."""
    most = dictionary_VM(tag).split("-")[-1]
    return int(most) if most.isdigit() else None


def _fits(tag: int, vr: str, content: bytes) -> bool:
    """Whether a value is no longer than its VR and VM allow: whole headers have been found inside a damaged number."""
    if vr in _NUMBER_BYTES:
        most = _most_values(tag)
        return most is None or len(content) <= most * _NUMBER_BYTES[vr]
    if vr in _MOST_CHARACTERS:
        return max(map(len, content.split(b"\\"))) <= _MOST_CHARACTERS[vr]
    return True


def _effective_vr(tag: BaseTag, element: DataElement | RawDataElement) -> str | None:
    """The VR to judge by: the file's, or PS3.6's where the file has none; None where the two cannot be reconciled."""
    known = rules.value_representations(tag)
    vr = element.VR
    if not known:
        return "UN"
    if isinstance(element.value, Sequence) and "SQ" not in known:
        return None  # UN of undefined length is read as a sequence, whatever the attribute is
    if vr is None or vr == "UN":
        # A sequence inside UN has an encoding of its own that the writer would not keep apart.
        if vr == "UN" and known[0] == "SQ" and isinstance(element.value, bytes):
            return None
        return known[0]
    if (vr == "SQ") != ("SQ" in known):
        return None
    return str(vr) if len(vr) == 2 and vr.isalpha() else known[0]


def _dummy(tag: BaseTag, vr: str) -> str | DataElement:
    """A value that says nothing, the same everywhere; a code sequence gets one code, another sequence an empty item."""
    if vr == "SQ":
        item = Dataset()
        if rules.name_of(tag).endswith("CodeSequence"):
            item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "REMOVED", "99SLUICE", "Removed"
        return DataElement(tag, "SQ", Sequence([item]))
    value = values.DUMMIES.get(vr, "REMOVED")
    if isinstance(value, str):
        return value
    return DataElement(tag, vr, value, validation_mode=config.IGNORE)


def _character_set(dataset: Dataset, inherited: tuple[str, ...]) -> tuple[str, ...]:
    """The terms of SpecificCharacterSet that hold here; an unknown term is taken out of the data set."""
    if _CHARSET not in dataset:
        return inherited
    names = charset_terms(dataset)
    if all(name in python_encoding for name in names):
        return names
    del dataset[_CHARSET]
    return ("ISO_IR 6",)


def _decodes(content: bytes, charset: tuple[str, ...]) -> bool:
    """Whether text is what its character set says; escape sequences are trusted to ISO 2022 sets only."""
    if content.isascii() and b"\x1b" not in content:
        return True
    if b"\x1b" in content:
        return any("2022" in term for term in charset)
    encodings = convert_encodings(list(charset)) if charset else ["ascii"]
    try:
        # pydicom reads the default repertoire, which is ASCII (PS3.5 6.1.1), as Latin-1
        content.decode("ascii" if encodings[0] == "iso8859" else encodings[0])
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def _ascii(element: DataElement | RawDataElement) -> str | None:
    """The value as ASCII text, or None where it isn't."""
    value = element.value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("ascii") if value.isascii() else None
    text = "\\".join(map(str, value)) if isinstance(value, (list, MultiValue)) else str(value)
    return text if text.isascii() else None
