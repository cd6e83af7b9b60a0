"""How people name an attribute: `PatientName`, `0010,0010`, `(0010,0010)`, `00100010`, `(0019,xx0C) SIEMENS MR HEADER`.

What belongs here: from a name to a tag and a private creator, and the nearest right name for a wrong one.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from typing import NamedTuple

from pydicom import datadict
from pydicom.datadict import tag_for_keyword

from tasks.core.errors import ConfigurationError
from tasks.deidentify.rules import tables

_NUMBER = re.compile(r"\(?\s*([0-9a-f]{4})\s*,?\s*([0-9a-fx]{2})([0-9a-f]{2})\s*\)?\s*(.*)", re.IGNORECASE)


class Named(NamedTuple):
    """An attribute: its tag, and for a private one the creator of its block ("" where it isn't said)."""

    tag: int
    creator: str

    @property
    def private(self) -> bool:
        """Whether the group is odd."""
        return bool(self.tag >> 16 & 1)

    def __str__(self) -> str:
        group, element = self.tag >> 16, self.tag & 0xFFFF
        if self.private and element > 0xFF:
            return f"({group:04X},xx{element & 0xFF:02X})" + (f" {self.creator}" if self.creator else "")
        return f"({group:04X},{element:04X})"


def named(text: str, where: str) -> Named:
    """The attribute that `text` names; raises `ConfigurationError`, beginning with `where`, where it names none."""
    text = text.strip()
    found = _NUMBER.fullmatch(text)
    if found is None:
        tag = tag_for_keyword(text) or _repeating().get(text)
        if tag is None or not text:
            raise ConfigurationError(f"{where}: unknown keyword `{text}`{_hint(text)}")
        return Named(tag, "")
    group, block, element, creator = int(found[1], 16), found[2].lower(), found[3], found[4].strip().strip('"').strip()
    if "x" in block and (block != "xx" or not group & 1):
        raise ConfigurationError(f"{where}: `{text}` is no tag; xx stands for the block of a private one: (0019,xx0C)")
    if creator and not group & 1:
        raise ConfigurationError(f"{where}: `{text}` is not private, so no creator goes with it")
    number = 0x10 if block == "xx" else int(block, 16)
    return Named(group << 16 | number << 8 | int(element, 16), creator)


def nearest(tag: int) -> str:
    """The known attribute whose number is nearest, as `(gggg,eeee) Keyword`; for hints about unknown tags."""
    known = min(_tags(), key=lambda one: (abs(one - tag), one))
    return f"{Named(known, '')} {tables.name_of(known)}"


def _hint(text: str) -> str:
    near = difflib.get_close_matches(text, _keywords(), n=1, cutoff=0.6)
    if not near:
        folded = {keyword.lower(): keyword for keyword in _keywords()}
        near = [folded[one] for one in difflib.get_close_matches(text.lower(), folded, n=1, cutoff=0.6)]
    return f"; did you mean `{near[0]}`?" if near else ": use the keyword of PS3.6, e.g. StudyDescription"


@cache
def _keywords() -> list[str]:
    return [entry[4] for entry in vars(datadict)["DicomDictionary"].values() if entry[4]] + list(_repeating())


@cache
def _repeating() -> dict[str, int]:
    """Attributes of repeating groups (overlays, curves) by keyword, as that of the first group."""
    entries: dict[str, tuple[str, ...]] = vars(datadict)["RepeatersDictionary"]
    return {entry[4]: int(mask.replace("x", "0"), 16) for mask, entry in entries.items() if entry[4]}


@cache
def _tags() -> tuple[int, ...]:
    entries: dict[int, tuple[str, ...]] = vars(datadict)["DicomDictionary"]
    return tuple(tag for tag, entry in entries.items() if entry[4])
