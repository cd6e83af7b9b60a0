"""Objects that are made of text: which of them a profile can clean, and which are refused.

Judged by the SOP class alone; an attribute of a document that has strayed into an image is just taken away.
"""

from __future__ import annotations

from functools import lru_cache

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.headers.opened import Opened
from tasks.deidentify.pixels.risk import class_name
from tasks.deidentify.rules import tables
from tasks.deidentify.rules.profile import Profile

_MODALITY = 0x00080060
# EncapsulatedDocument, its length and its types; the offset tables, without which the fragments of frames are counted.
_ALWAYS = frozenset({0x00420011, 0x00420014, 0x00420015, 0x7FE00001, 0x7FE00002})
_BULK_OF = {
    0x54000100: ("Waveform", "Electrocardio", "ECG", "Audio", "Electro", "Polysomno", "Respiratory", "BodyPosition"),
    0x56000020: ("Spectroscopy",),  # SpectroscopyData
    0x00660016: ("Surface", "Annotation"),  # PointCoordinatesData
}
_STRUCTURED = ("SRStorage", "SRTrial", "StructuredReport", "KeyObject", "TextSR", "ComprehensiveSR", "DetailSR")


def admit(opened: Opened, profile: Profile) -> frozenset[int]:
    """Attributes that go whatever the profile says. Raises `QuarantineUnit` for an object that it cannot clean."""
    _check(opened.sop_class, opened.plain(_MODALITY).upper(), profile)
    return _strays(opened.sop_class)


@lru_cache(maxsize=512)
def _strays(sop_class: str) -> frozenset[int]:
    """Large attributes that objects of this class don't have: nobody misses them, and anything may be in them."""
    name = class_name(sop_class)
    return _ALWAYS | {tag for tag, words in _BULK_OF.items() if not any(word in name for word in words)}


@lru_cache(maxsize=512)
def is_text_class(sop_class: str, modality: str) -> bool:
    """Whether the object's content is text: a report, a selection, a presentation state, a document, raw data."""
    table = tables.load("pixel_risk.json")["text_objects"]
    name = class_name(sop_class)
    return any(word in name for word in table["sop_class_words"]) or modality in table["modalities"]


def _check(sop_class: str, modality: str, profile: Profile) -> None:
    name = class_name(sop_class)
    if not name:
        raise QuarantineUnit(Reason.UNKNOWN_CLASS)
    if not is_text_class(sop_class, modality):
        return
    structured = "clean-structured-content" in profile.options and any(word in name for word in _STRUCTURED)
    graphics = "clean-graphics" in profile.options and "PresentationState" in name
    if not structured and not graphics:
        raise QuarantineUnit(Reason.UNCLEANED_TEXT)
