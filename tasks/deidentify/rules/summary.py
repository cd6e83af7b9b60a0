"""A profile in figures: which options it has, how many rows get which action, what its edition lacks.

What belongs here: counting over the whole table for `sluice profile show` and `check`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydicom import datadict

from tasks.deidentify.rules import editions, listed, private, tables
from tasks.deidentify.rules.actions import Action
from tasks.deidentify.rules.profile import Profile

BY_TYPE = "by Type"
HEADINGS = {
    Action.REMOVE.value: "removed",
    Action.EMPTY.value: "emptied",
    Action.DUMMY.value: "replaced by a dummy",
    BY_TYPE: "removed, emptied or replaced by its Type",
    Action.UID.value: "new UID",
    Action.SHIFT.value: "date moved",
    Action.PSEUDONYM.value: "pseudonym",
    Action.CLEAN.value: "cleaned",
    Action.KEEP.value: "kept",
}


def of_table(profile: Profile) -> Counter[str]:
    """{action: number of rows of E.1-1}; compound actions that the Type resolves count as BY_TYPE."""
    found: Counter[str] = Counter()
    for tag, row in tables.rows().items():
        known = tables.value_representations(tag)
        action = profile.decide(tag, known[0] if known else "UN").action
        by_type = "/" in row.action and action is listed.basic(row, None, known)
        found[BY_TYPE if by_type and row.keyword not in profile.chosen.by_name else action.value] += 1
    return found


def of_beyond(profile: Profile) -> Counter[str]:
    """{action: number of attributes of PS3.6 that E.1-1 does not list}, retired ones included."""
    return Counter(profile.decide(tag, vr).action.value for tag, vr in _unlisted())


def of_private(profile: Profile) -> Counter[str]:
    """{action: number of private elements that are known to be safe}."""
    found: Counter[str] = Counter()
    for block in tables.load("private.json")["creators"].values():
        creator = block["spellings"][0]
        for group, elements in block["groups"].items():
            for element in elements:
                tag = int(f"{group}10{element}", 16)
                entry = private.entry_of(creator, tag)
                vr = entry.vrs[0] if entry and entry.vrs else "DS"
                found[profile.decide_private(creator, tag, vr).action.value] += 1
    return found


def lacking(name: str) -> list[str]:
    """Keywords of the rows that an edition lacks, by tag; the tag itself where PS3.6 has no keyword for it here."""
    return [tables.rows()[tag].keyword or f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in sorted(_lacks(name))]


def _lacks(name: str) -> frozenset[int]:
    return editions.edition(name).lacks


def _unlisted() -> Iterable[tuple[int, str]]:
    entries: dict[int, tuple[str, ...]] = vars(datadict)["DicomDictionary"]
    for tag, entry in entries.items():
        if entry[4] and tag >> 16 not in (0, 2, 4) and tag & 0xFFFF and tables.row_of(tag) is None:
            yield tag, entry[0].split(" or ")[0]
