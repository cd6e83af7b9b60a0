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
ENCAPSULATED_DOCUMENT, DOCUMENT_LENGTH = 0x00420011, 0x00420015
_STRUCTURED = ("SRStorage", "SRTrial", "StructuredReport", "KeyObject", "TextSR", "ComprehensiveSR", "DetailSR")


def admit(opened: Opened, profile: Profile) -> frozenset[int]:
    """Attributes that go whatever the profile says. Raises `QuarantineUnit` for an object that it cannot clean."""
    _check(opened.sop_class, opened.plain(_MODALITY).upper(), profile)
    return frozenset({ENCAPSULATED_DOCUMENT, DOCUMENT_LENGTH})


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
