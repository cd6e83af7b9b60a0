"""The rule tables as they were shipped (`data/`, made by scripts/build_rule_tables.py), loaded once a process.

What belongs here: looking up what PS3.15 Table E.1-1 and PS3.3 say of an attribute. What a profile makes of it is in
profile.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydicom import uid
from pydicom.datadict import dictionary_is_retired, dictionary_keyword, dictionary_VR, tag_for_keyword

UNIVERSAL = frozenset({"1", "1C"})


@dataclass(frozen=True)
class Row:
    """One row of E.1-1: the Basic Profile's action (`X/Z/D`) and that of each option (`K` or `C`)."""

    keyword: str
    action: str
    options: dict[str, str]


@cache
def load(name: str) -> dict[str, Any]:
    """A table of `data/` by its file name."""
    table: dict[str, Any] = json.loads((files("tasks.deidentify") / "data" / name).read_text(encoding="utf-8"))
    return table


@cache
def rows() -> dict[int, Row]:
    """E.1-1 by tag, without its repeating groups."""
    return {int(tag, 16): Row(*row) for tag, row in load("e1_1.json")["rows"].items()}


@cache
def row_of(tag: int) -> Row | None:
    """The row that holds for `tag`, repeating groups and private attributes included; None where E.1-1 is silent."""
    group = tag >> 16
    patterns = load("e1_1.json")["patterns"]
    if group % 2:
        return Row(*patterns["private"])
    if group & 0xFF00 == 0x5000:
        return Row(*patterns["50......"])
    if group & 0xFF00 == 0x6000:
        # Without the overlay's data its geometry describes nothing, so the group goes as a whole.
        return Row(*patterns["60..3000"])
    return rows().get(tag)


@cache
def tag_set(section: str) -> frozenset[str]:
    """Keywords of a section of beyond_table.json: `kept`, `removed`, `technical`, `labels` and so on."""
    return frozenset(load("beyond_table.json")[section]["keywords"])


@cache
def coding_schemes() -> frozenset[str]:
    """Designators of coding schemes of PS3.16 Table 8-1 that look like words."""
    return frozenset(load("beyond_table.json")["coding_schemes"]["designators"])


@cache
def registered_uids() -> frozenset[str]:
    """UIDs that name no instance: those of PS3.6 Annex A, and registered OIDs of terminologies."""
    known: dict[str, Any] = vars(uid)["UID_dictionary"]
    return frozenset(known) | frozenset(load("beyond_table.json")["coding_schemes"]["uids"])


@cache
def iod_of(sop_class: str) -> int | None:
    """The number of the IOD of a SOP class in attribute_types.json; None for retired and unknown ones."""
    number: int | None = load("attribute_types.json")["sop_classes"].get(sop_class)
    return number


@cache
def type_of(keyword: str, iod: int | None, parent: str) -> str | None:
    """The strictest Type (`1`, `1C`, `2`, `2C`, `3`) of an attribute; None where it isn't known.

    At the top it is that of the IOD; inside a sequence that of any IOD with this `parent` sequence (PS3.3).
    """
    types = load("attribute_types.json")
    if parent:
        nested: str | None = types["nested"].get(f"{parent}.{keyword}")
        return nested
    if iod is None:
        return None
    for kind, iods in types["top"].get(keyword, {}).items():
        if iod in iods:
            return str(kind)
    return "3"


def resolve(action: str, kind: str | None) -> str:
    """One of X, Z, D, U for a compound action such as `X/Z/D` (PS3.15 E.1.1): what the Type needs, and no more.

    Without a Type the last of the choices is taken: it keeps the object valid and tells nothing either.
    """
    choices = action.replace("*", "").split("/")
    need = {None: choices[-1], "3": "X", "2": "Z", "2C": "Z"}.get(kind, "D")
    order = "XZDU"
    fitting = [choice for choice in choices if order.index(choice) >= order.index(need)]
    choice = fitting[0] if fitting else choices[-1]
    return "D" if choice == "Z" and kind in UNIVERSAL else choice


@cache
def name_of(tag: int) -> str:
    """The keyword of `tag`, or "" where PS3.6 does not know it (repeating groups are known)."""
    try:
        return dictionary_keyword(tag)
    except KeyError:
        return ""


@cache
def tag_of(keyword: str) -> int:
    """The tag of a keyword of PS3.6; raises KeyError for one that it does not have."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag


@cache
def has_one_tag(keyword: str) -> bool:
    """Whether the keyword is one tag's; those of repeating groups (PS3.6, e.g. 1000) have none of their own."""
    return tag_for_keyword(keyword) is not None


@cache
def is_retired(keyword: str) -> bool:
    """Whether PS3.6 has retired the attribute."""
    return dictionary_is_retired(keyword)


@cache
def value_representations(tag: int) -> tuple[str, ...]:
    """The VRs that PS3.6 gives `tag`, e.g. ("US", "SS"); none where it is unknown."""
    try:
        return tuple(dictionary_VR(tag).split(" or "))
    except KeyError:
        return ()
