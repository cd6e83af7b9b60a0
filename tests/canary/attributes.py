"""A canary in each attribute of E.1-1: at the top of the CT, and two sequences deep in several kinds of sequences.

The tags are those of the project's own table, which has the rows of all editions; groups 0000, 0002 and 0004 cannot
stand in a CT and are channels instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files

from pydicom.datadict import dictionary_VR

from tests.canary.base import tag_of
from tests.canary.tokens import Mint, Place
from tests.canary.writing import Element, File

TOP = "top"
# (group, outer sequence, its VR, inner sequence, undefined lengths)
CARRIERS = (
    ("nested, kept sequence", 0x00082218, "SQ", 0x00082220, False),  # AnatomicRegion-, AnatomicRegionModifierSequence
    ("nested, undefined length", 0x00189346, "SQ", 0x00082218, True),  # CTDIPhantomTypeCodeSequence
    ("nested, removed sequence", 0x00400275, "SQ", 0x00400008, False),  # RequestAttributes-, ScheduledProtocolCode…
    ("nested, reference", 0x00081140, "SQ", 0x0040A170, False),  # ReferencedImage-, PurposeOfReferenceCodeSequence
    ("nested, private sequence", 0x00291020, "SQ", 0x00082218, False),
    ("nested, sequence as UN", 0x00082228, "UN", 0x00082230, True),  # PrimaryAnatomicStructure-, …ModifierSequence
    ("nested, unknown sequence", 0x00189B99, "SQ", 0x00082220, True),
)
_TOP_OF_THEIR_OWN = frozenset({0x00081140, 0x00400275})
# Newer than the dictionary of pydicom 3.0: the VRs of PS3.6 2026c.
_NEWER = {0x00081304: "UT", 0x00100012: "LT", 0x00100013: "UT", 0x00100016: "UT", 0x00100045: "UT", 0x00102162: "UC"}
_NEWER |= dict.fromkeys((0x00081301, 0x00100011, 0x00100014, 0x00100015, 0x00100041, 0x00100043, 0x00100044), "SQ")
_PATTERNS = {
    "CurveData": (0x50003000, "OW"),
    "CurveDescription": (0x50000022, "LO"),
    "OverlayData": (0x60003000, "OW"),
    "OverlayComments": (0x60004000, "LT"),
    "PrivateAttribute": (0x00311001, "LO"),
    "PrivateCreator": (0x00310010, "LO"),
}


def attributes() -> Iterator[tuple[int, str, str]]:
    """(tag, keyword, VR) of each attribute of E.1-1 that can stand in a data set, in the order of their tags."""
    listed = json.loads((files("tasks.deidentify") / "data" / "e1_1.json").read_text(encoding="utf-8"))["rows"]
    found = {int(tag, 16): row[0] or f"({tag[:4]},{tag[4:]})" for tag, row in listed.items()}
    for tag, keyword in sorted(found.items()):
        if tag >> 16 not in (0, 2, 4, 0xFFFC):
            yield tag, keyword, _vr(tag)
    for keyword, (tag, vr) in _PATTERNS.items():
        yield tag, keyword, vr


def put_at_top(file: File, mint: Mint) -> None:
    """A canary in each attribute, at the top of the data set."""
    file.body.update(canaries(mint, TOP))
    file.meta[0x00020003] = file.body[tag_of("SOPInstanceUID")]


def put_nested(file: File, mint: Mint, *groups: str, every: int = 1) -> None:
    """The same two sequences deep, in each carrier or in those of `groups`; one attribute of `every` so many."""
    for group, outer, vr, inner, undefined in CARRIERS:
        if groups and group not in groups:
            continue
        deepest = canaries(mint, group, every)
        item = {inner: Element("SQ", (deepest,), undefined)}
        if outer >> 16 & 1:
            file.body[outer & 0xFFFF0000 | outer >> 8 & 0xFF] = Element("LO", b"ACME 1.0")
        before = file.body.get(outer)
        items = before.value if before is not None and isinstance(before.value, tuple) else ()
        file.body[outer] = Element(vr, (*items, item), undefined)


def canaries(mint: Mint, group: str, every: int = 1) -> dict[int, Element]:
    """One element for each attribute, or for one of `every` so many."""
    rows = list(attributes())[::every]
    return {tag: _canary(mint, Place(group, keyword), tag, vr) for tag, keyword, vr in rows}


def _canary(mint: Mint, place: Place, tag: int, vr: str) -> Element:
    if vr != "SQ":
        return Element(vr, mint.value(place, vr, tag))
    item = {
        0x00080080: Element("LO", mint.value(place, "LO")),  # InstitutionName
        0x00080100: Element("SH", mint.value(place, "SH")),  # CodeValue
        0x00080102: Element("SH", b"99LOCAL"),  # CodingSchemeDesignator
        0x00080104: Element("LO", mint.value(place, "LO")),  # CodeMeaning
        0x00081155: Element("UI", mint.value(place, "UI")),  # ReferencedSOPInstanceUID
        0x0040A121: Element("DA", mint.value(place, "DA")),  # Date
        0x0040A123: Element("PN", mint.value(place, "PN")),  # PersonName
        0x0040A160: Element("UT", mint.value(place, "UT")),  # TextValue
    }
    return Element("SQ", (item,))


def _vr(tag: int) -> str:
    try:
        return dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        return _NEWER.get(tag, "LO")
