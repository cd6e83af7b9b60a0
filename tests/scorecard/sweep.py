"""Rows for what a header holds already: what a researcher needs must stay, every date and UID must change alike.

A file has hundreds of such attributes; a seeded sample of each kind keeps one big header from outweighing the planted
identifiers. Reads the planted file, changes nothing.
"""

from __future__ import annotations

import random
import re
from functools import cache

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

from tests.scorecard import table
from tests.scorecard.people import data
from tests.scorecard.place import Place, Step, walk
from tests.scorecard.rows import Rows
from tests.scorecard.vendors import plain

MOST = {"coded": 14, "type": 10, "private": 8, "date": 12, "uid": 12, "text": 8, "identifier": 10}
NUMBERS = frozenset({"DS", "IS", "US", "SS", "UL", "SL", "FL", "FD"})
# Text beyond E.1-1 that tells of the machine, the acquisition or a code, not of a person.
_TECHNICAL = """Manufacturer ManufacturerModelName SoftwareVersions ConvolutionKernel SequenceName ReceiveCoilName
FilterType RescaleType TransmitCoilName CodeValue CodingSchemeDesignator CodeMeaning SegmentLabel Radiopharmaceutical
PositionReferenceIndicator GridAbsorbingMaterial"""
TECHNICAL = frozenset(_TECHNICAL.split())
# What de-identification itself writes, or may write, and what follows from masked or rewritten pixels.
_WRITTEN = """PatientIdentityRemoved DeidentificationMethod LongitudinalTemporalInformationModified BurnedInAnnotation
SpecificCharacterSet LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod PatientOrientation
PhotometricInterpretation PlanarConfiguration SmallestImagePixelValue LargestImagePixelValue
SmallestPixelValueInSeries LargestPixelValueInSeries"""
WRITTEN = frozenset(_WRITTEN.split())
FREE_LABELS = frozenset({"ContentLabel"})  # code strings that people make up
CODE_VERSIONS = frozenset(f"{what}{kind}Version" for what in ("ContextGroup", "Template") for kind in ("", "Local"))
_EARLIER_METHOD = 0x00120064  # DeidentificationMethodCodeSequence
_NOBODY = re.compile(r"(?i)remov|anonym|unknown|none|deident|xxx")  # what is left where somebody was before
_DAY = r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_TIME = r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?"
_FORMS = {
    "CS": re.compile(r"[A-Z0-9 _]{1,16}"),
    "DS": re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"),
    "IS": re.compile(r"[-+]?\d{1,11}"),
    "AS": re.compile(r"0[0-8]\d[DWMY]"),
    "DA": re.compile(_DAY),
    "DT": re.compile(rf"{_DAY}({_TIME})?([+-]\d{{4}})?"),
    "TM": re.compile(_TIME),
}
_WHY_DATE = {"shift": "E.1-1", "gone": "E.1-1, no date option"}
Found = tuple[str, Place, str, str]  # category, place, text, why


def sweep(dataset: Dataset, rng: random.Random, rows: Rows) -> None:
    """Add the rows that the header of `dataset` as it now stands asks for."""
    kinds: dict[str, list[Found]] = {kind: [] for kind in MOST}
    types = table.types(str(dataset.get("SOPClassUID", "")))
    for place, element in walk(dataset, items=2):
        if any(place[: len(done)] == done for done in rows.taken):
            continue
        _judge(rows, place, element, kinds)
        if len(place) == 1 and element.keyword in types and not _is_empty(element):
            _typed(rows, place, element, types[element.keyword], kinds)
    for kind, found in kinds.items():
        groups: dict[Place, list[Found]] = {}
        for row in found:
            groups.setdefault(row[1], []).append(row)
        for place in sorted(rng.sample(sorted(groups), min(MOST[kind], len(groups)))):
            for category, where, text, why in groups[place]:
                rows.add(category, where, text, why=why, vr=_vr(kind, where))


def _vr(kind: str, place: Place) -> str:
    key = place[-1].tag, place[-1].creator
    return table.safe_private().get(key) or table.knowledge_base()[key] if kind == "private" else ""


def _judge(rows: Rows, place: Place, element: DataElement, kinds: dict[str, list[Found]]) -> None:
    tag, vr, keyword = place[-1].tag, element.VR, element.keyword
    if tag >> 16 & 1:
        _private(rows, place, element, kinds["private"])
        return
    if vr == "SQ" or _is_empty(element) or keyword in WRITTEN or not _can_be_read(element) or _is_no_matter(place):
        return
    text, wanted, kept = plain_value(element), rows.demand(place), rows.is_kept(place[:-1])
    if wanted == "uid" and vr == "UI":
        for uid in text.split("\\"):
            if _is_instance(uid):
                kinds["uid"] += [("uid_changed", place, uid, "E.1-1"), ("uid_consistent", place, text, "E.1-1")]
        if kept and len(place) == 1:
            kinds["uid"].append(("tag_retained", place, "", "E.1-1"))
    elif vr in ("DA", "DT") and keyword not in CODE_VERSIONS and wanted != "either":
        if _has_form(vr, text):
            kinds["date"].append(("date_shifted", place, text, _WHY_DATE.get(wanted, "beyond E.1-1")))
            if wanted == "shift" and kept:
                kinds["date"].append(("tag_retained", place, "", "E.1-1"))
    elif vr == "TM":
        if wanted == "shift" and kept and _has_form(vr, text):
            kinds["date"].append(("tag_retained", place, "", "E.1-1"))
    elif wanted == "gone":
        if (
            len(text) > 3
            and not _NOBODY.search(text)
            and vr in ("LO", "SH", "PN", "ST", "LT", "UT", "AE")
            and text.strip("^ \\")
        ):
            kinds["identifier"].append(("text_removed", place, text, "E.1-1"))
    elif wanted == "keep":
        if kept and (vr not in _FORMS or _has_form(vr, text)):
            kinds["text"].append(("text_retained", place, text, "E.1-1"))
    elif wanted == "clean":
        if kept and vr in ("LO", "SH", "ST", "LT") and _names_nobody(text):
            kinds["text"].append(("text_retained", place, text, "clean"))
    elif wanted == "" and kept and table.is_current(tag) and _is_technical(element, text):
        kinds["coded"].append(("text_retained", place, text, "beyond E.1-1"))


def _is_technical(element: DataElement, text: str) -> bool:
    """Whether a value beyond E.1-1 is a well-formed number or code, or names a thing of the acquisition."""
    if element.keyword in FREE_LABELS:
        return False
    return (
        (element.VR in NUMBERS or element.VR == "CS") and _has_form(element.VR, text)
    ) or element.keyword in TECHNICAL


def _is_no_matter(place: Place) -> bool:
    """Whether a place tells of an earlier de-identification, which a new one writes anew, or is of an overlay."""
    groups = {step.tag >> 16 & 0xFF00 for step in place}
    return place[0].tag == _EARLIER_METHOD or bool(groups & {0x5000, 0x6000})


def _typed(rows: Rows, place: Place, element: DataElement, kind: str, kinds: dict[str, list[Found]]) -> None:
    if kind in ("1", "2") and element.tag.group != 0x7FE0 and element.keyword not in WRITTEN:
        kinds["type"].append(("text_notnull" if kind == "1" else "tag_retained", place, "", f"Type {kind}"))


def _private(rows: Rows, place: Place, element: DataElement, found: list[Found]) -> None:
    if rows.profile != "research" or len(place) > 1 or _is_empty(element):
        return
    step: Step = place[0]
    key = step.tag, step.creator
    wanted = table.safe_private().get(key) or table.knowledge_base().get(key)
    if wanted is None or wanted != str(element.VR) or not (wanted in NUMBERS or wanted == "CS"):
        return
    if (step.tag >> 16, step.tag & 0xFF) == (0x0009, 0x27):  # GE's dates in seconds
        return
    text = plain_value(element)
    if _has_form(wanted, text):
        found.append(("text_retained", place, text, "E.3.10-1" if key in table.safe_private() else "TCIA"))


def plain_value(element: DataElement) -> str:
    """The value of an element as text, multiple ones with backslashes between."""
    value = element.value
    return plain(list(value)) if element.VM > 1 and not isinstance(value, (str, bytes)) else str(value)


def _is_empty(element: DataElement) -> bool:
    return element.value is None or (element.VR != "SQ" and str(element.value) == "")


def _can_be_read(element: DataElement) -> bool:
    return not isinstance(element.value, bytes) and len(str(element.value)) < 2000


def _has_form(vr: str, text: str) -> bool:
    parts = text.split("\\")
    return vr not in _FORMS or all(_FORMS[vr].fullmatch(part.strip()) for part in parts)


def _is_instance(uid: str) -> bool:
    return bool(uid) and UID(uid).is_valid and not uid.startswith("1.2.840.10008.") and uid.count(".") > 3


@cache
def _vocabulary() -> frozenset[str]:
    lists = data("phrases.json")
    templates = [template for name in lists if isinstance(lists[name], list) for template in lists[name]]
    clean = {word for template in lists["clean"] for word in _words(template)}
    stays = {word for template in templates for kept in re.findall(r"\[([^\]]*)\]", template) for word in _words(kept)}
    return frozenset(data("words.json")["words"].split()) | clean | stays


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]{3,}", text.casefold())


def _names_nobody(text: str) -> bool:
    """Whether each word of three letters and more is of protocols or anatomy, and no number looks like a person's."""
    words = _words(text)
    known = _vocabulary()
    return bool(words) and all(word in known for word in words) and not re.search(r"\d{5,}|\d+[./-]\d+[./-]\d+", text)
