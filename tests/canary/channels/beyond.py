"""Channels of attributes that E.1-1 does not list: each text, date and UID of PS3.6; and codes.

What another canary file may hold that ours would not think of is somewhere in the dictionary.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files

from pydicom.datadict import DicomDictionary

from tests.canary.base import KEPT, tag_of
from tests.canary.channels import channel
from tests.canary.tokens import Mint, Place
from tests.canary.writing import Element, File, Item

_WORDS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "UR", "PN", "AE", "CS"})
_OTHERS = frozenset({"DA", "DT", "TM", "UI", "OB", "UN"})
# Pixels and tables are channels of their own; what the file is, a de-identifier has to leave; UIDs of classes too.
_LEFT_OUT = frozenset({"EncapsulatedDocument", "IconImageSequence", "RecommendedDisplayCIELabValueList"})
# Makers and products are no person's: they are kept, whatever they are called.
_PRODUCTS = ("Manufacturer", "ModelName", "SoftwareVersion", "ModelGroup", "ProductName", "Version", "VersionNumber")
_PRODUCTS += ("ApplicationName", "ManufacturerName", "SoftwareVersions", "AlgorithmAndVersion")


def _unlisted() -> Iterator[tuple[int, str]]:
    """(tag, VR) of the attributes that E.1-1 has no row for."""
    listed = json.loads((files("tasks.deidentify") / "data" / "e1_1.json").read_text(encoding="utf-8"))["rows"]
    rows = {int(tag, 16) for tag in listed}
    for tag, entry in sorted(DicomDictionary.items()):
        vr, keyword = entry[0], entry[4]
        if tag in rows or tag >> 16 in (0, 2, 4, 0xFFFC, 0x5400) or not keyword or keyword in KEPT:
            continue
        if vr in _WORDS | _OTHERS and keyword not in _LEFT_OUT and not keyword.endswith((*_PRODUCTS, "Data")):
            yield tag, vr


def _put_all(file: File, mint: Mint, place: Place, vrs: frozenset[str], written: str = "") -> None:
    for tag, vr in _unlisted():
        if vr in vrs and tag not in file.body:
            file.body[tag] = Element(written or vr, mint.value(place, vr))


@channel("every text beyond the table", together=False)
def texts(file: File, mint: Mint, place: Place) -> None:
    _put_all(file, mint, place, _WORDS)


@channel("every date, UID and byte string beyond the table", together=False)
def others(file: File, mint: Mint, place: Place) -> None:
    _put_all(file, mint, place, _OTHERS)


@channel("every text beyond the table as UN", together=False)
def unknown_texts(file: File, mint: Mint, place: Place) -> None:
    _put_all(file, mint, place, _WORDS, "UN")


@channel("every text beyond the table in a functional group", together=False)
def functional_groups(file: File, mint: Mint, place: Place) -> None:
    content: dict[int, Element] = {
        tag: Element(vr, mint.value(place, vr)) for tag, vr in _unlisted() if vr in _WORDS and tag not in file.body
    }
    content[tag_of("FrameComments")] = Element("LT", mint.value(place, "LT"))
    group = {tag_of("FrameContentSequence"): Element("SQ", (content,))}
    file.body[tag_of("SharedFunctionalGroupsSequence")] = Element("SQ", (group,))
    file.body[tag_of("PerFrameFunctionalGroupsSequence")] = Element("SQ", (group, group), undefined=True)


def _code(mint: Mint, place: Place, scheme: bytes) -> Item:
    return {
        0x00080100: Element("SH", mint.word(place).encode()),
        0x00080102: Element("SH", scheme),
        0x00080103: Element("SH", mint.number(place).encode()),
        0x00080104: Element("LO", mint.value(place, "LO")),
        0x00080105: Element("CS", mint.value(place, "CS")),
        0x0008010B: Element("CS", b"Y"),
        0x0008010D: Element("UI", mint.value(place, "UI")),
        0x00080119: Element("UC", mint.value(place, "UC")),
        0x00080120: Element("UR", mint.value(place, "UR")),
    }


@channel("codes of a local scheme")
def codes(file: File, mint: Mint, place: Place) -> None:
    for keyword, scheme in (
        ("ViewCodeSequence", b"99LOCAL"),
        ("AcquisitionProtocolElementSpecificationSequence", b"SCT"),
        ("PatientOrientationCodeSequence", b"DCM"),
        ("DerivationCodeSequence", b"L"),
    ):
        file.body[tag_of(keyword)] = Element("SQ", (_code(mint, place, scheme),))
    number = {
        0x00080100: Element("SH", mint.number(place).encode()),
        0x00080102: Element("SH", mint.word(place).encode()),
        0x00080104: Element("LO", b"Chest"),
    }
    file.body[tag_of("PatientGantryRelationshipCodeSequence")] = Element("SQ", (number,))
    scheme = {
        0x00080102: Element("SH", mint.value(place, "SH")),
        0x00080112: Element("LO", mint.value(place, "LO")),
        0x00080115: Element("ST", mint.value(place, "ST")),
        0x00080116: Element("ST", mint.value(place, "ST")),
    }
    file.body[tag_of("CodingSchemeIdentificationSequence")] = Element("SQ", (scheme,))


@channel("annotation groups")
def annotations(file: File, mint: Mint, place: Place) -> None:
    group = {
        tag_of("AnnotationGroupLabel"): Element("LO", mint.value(place, "LO")),
        tag_of("AnnotationGroupDescription"): Element("UT", mint.value(place, "UT")),
        tag_of("AnnotationGroupUID"): Element("UI", mint.value(place, "UI")),
        0x00091001: Element("LO", mint.value(place, "LO")),
        0x00090010: Element("LO", b"ACME HEADER 3.1"),
    }
    file.body[tag_of("AnnotationGroupSequence")] = Element("SQ", (group,))


@channel("private values inside private and public items", together=False)
def nested_private(file: File, mint: Mint, place: Place) -> None:
    inner: dict[int, Element] = {
        0x00100000: Element("UL", mint.value(place, "UL")),
        0x00100010: Element("PN", mint.value(place, "PN")),
        0x00190010: Element("LO", b"SIEMENS MR HEADER"),
        0x0019100C: Element("UN", mint.word(place).encode()),  # B value, an IS
        0x0019100D: Element("CS", mint.value(place, "CS")),
        0x00190011: Element("LO", mint.value(place, "LO")),
        0x00191101: Element("UN", mint.value(place, "LO")),
        0x00210001: Element("LO", mint.value(place, "LO")),  # without a creator
        0x00211001: Element("UN", mint.value(place, "LO")),
    }
    file.body[0x00210010] = Element("LO", b"SIEMENS MR SDS 01")
    file.body[0x002110FE] = Element("SQ", ({**inner, 0x002110FE: Element("SQ", (inner,))},))
    file.body[tag_of("ViewModifierCodeSequence")] = Element("UN", (inner,), undefined=True)
