"""The judge of headers: reads an output with pydicom and says of each row of the answer key whether it passes.

After MIDI-B: an attribute that isn't there passes where something must be gone or changed, and fails where something
must stay; an instance that isn't there fails all its rows. The rules one by one are in docs/scorecard.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from pydicom import values
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID

from tests.scorecard import compare
from tests.scorecard.answers import Check
from tests.scorecard.place import find
from tests.scorecard.vendors import plain

_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")


@dataclass(frozen=True)
class Facts:
    """What the judge knows beyond one output: the mapping, and by how many days the patient moved (None: unknown)."""

    uids: dict[str, str]
    patients: dict[str, str]
    shift: int | None
    profile: str


def passes(check: Check, output: Dataset, facts: Facts) -> tuple[bool, str]:
    """Whether a row of the header passes, and what was found there."""
    element = find(output, check.place)
    found = None if element is None else text_of(element, str(check.detail.get("vr", "")))
    return _RULES[check.category](check, found, element, facts), "(absent)" if found is None else found


def text_of(element: DataElement, vr: str = "") -> str:
    """The value as text. Bytes without a VR are read as `vr`; others as Latin-1, so that letters in them show."""
    value = element.value
    if isinstance(value, bytes) and vr not in ("", "OB", "OW", "UN"):
        raw = RawDataElement(Tag(element.tag), vr, len(value), value, 0, False, True)
        try:
            value = values.convert_value(vr, raw)
        except (ValueError, TypeError, NotImplementedError):
            value = bytes(value)
    if isinstance(value, bytes):
        return value.decode("latin-1").strip("\0 ")
    if element.VR == "SQ":
        return f"{len(value or ())} items"
    if value is None:
        return ""
    multiple = element.VM > 1 and not isinstance(value, str)
    return (plain(list(value)) if multiple else str(value)).strip("\0")


def _tag_retained(check: Check, found: str | None, element: DataElement | None, facts: Facts) -> bool:
    return element is not None


def _text_notnull(check: Check, found: str | None, element: DataElement | None, facts: Facts) -> bool:
    return bool(found and found.strip())


def _text_retained(check: Check, found: str | None, element: DataElement | None, facts: Facts) -> bool:
    return bool(found) and compare.is_kept(check.text, found or "")


def _text_removed(check: Check, found: str | None, element: DataElement | None, facts: Facts) -> bool:
    if not found:
        return True
    if element is not None and isinstance(element.value, bytes):
        low = element.value.lower()
        forms = [check.text.casefold().encode(code, "replace") for code in ("utf-8", "latin-1", "utf-16-le")]
        return not any(form in low for form in forms if form)
    return compare.is_gone(check.text, found, whole=check.whole)


def _date_shifted(check: Check, found: str | None, element: DataElement | None, facts: Facts) -> bool:
    if not found:
        return True
    if check.text in found:
        return False
    if facts.profile != "research" or check.why != "E.1-1":
        return True
    before, after = days_of(check.text), days_of(found)
    if facts.shift is None or len(before) != len(after):
        return False
    return all((new - old).days == facts.shift for old, new in zip(before, after, strict=True))


def _uid_changed(check: Check, found: str | None, element: DataElement | None, facts: Facts) -> bool:
    return not found or check.text not in found.split("\\")


def _uid_consistent(check: Check, found: str | None, element: DataElement | None, facts: Facts) -> bool:
    if not found:
        return True
    new = [facts.uids.get(old, old if UID(old).is_private is False else "") for old in check.text.split("\\")]
    return found == "\\".join(new)


def _patid_consistent(check: Check, found: str | None, element: DataElement | None, facts: Facts) -> bool:
    return not found or found == facts.patients.get(check.text, "")


def days_of(text: str) -> list[date]:
    """The days of a DA or DT value, single or multiple; [] where one isn't a date."""
    found = [_DAY.match(part.strip()) for part in text.split("\\")]
    try:
        return [date(*(int(group) for group in match.groups())) for match in found if match] if all(found) else []
    except ValueError:
        return []


Rule = Callable[[Check, str | None, DataElement | None, Facts], bool]
_RULES: dict[str, Rule] = {
    "tag_retained": _tag_retained,
    "text_notnull": _text_notnull,
    "text_retained": _text_retained,
    "text_removed": _text_removed,
    "date_shifted": _date_shifted,
    "uid_changed": _uid_changed,
    "uid_consistent": _uid_consistent,
    "patid_consistent": _patid_consistent,
}
