"""How likely it is that pixels carry text, judged from the header alone by the rules of data/pixel_risk.json.

Also says which objects are made of text. Pixels are not looked at here, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID

from tasks.core.settings import PixelSettings
from tasks.deidentify.headers.read import number_of, text_of
from tasks.deidentify.rules import tables as rules

_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)


@dataclass(frozen=True)
class Risk:
    """A rule that applies, with its reason in words."""

    name: str
    why: str


@dataclass(frozen=True)
class Facts:
    """What the rules ask of a header."""

    modality: str
    sop_class: str
    image_type: tuple[str, ...]
    burned_in: str
    conversion: str
    samples: int
    bits_stored: int
    specimen_label: bool
    embedded_overlay: bool

    @classmethod
    def of(cls, dataset: Dataset) -> Facts:
        """Read the facts; a value that cannot be read counts as absent."""
        return cls(
            modality=text_of(dataset, "Modality").upper(),
            sop_class=class_name(text_of(dataset, "SOPClassUID")),
            image_type=tuple(value.strip().upper() for value in text_of(dataset, "ImageType").split("\\")),
            burned_in=text_of(dataset, "BurnedInAnnotation").upper(),
            conversion=text_of(dataset, "ConversionType").upper(),
            samples=number_of(dataset, "SamplesPerPixel", 1),
            bits_stored=number_of(dataset, "BitsStored", 16),
            specimen_label=text_of(dataset, "SpecimenLabelInImage").upper() == "YES",
            embedded_overlay=_overlay_in_pixels(dataset),
        )


def class_name(sop_class: str) -> str:
    """The keyword of a registered SOP class, e.g. `CTImageStorage`; "" where it isn't registered."""
    newer: dict[str, str] = rules.load("pixel_risk.json")["newer_classes"]
    if sop_class in newer:
        return newer[sop_class]
    uid = UID(sop_class)
    return uid.keyword or (uid.name if uid.name != sop_class else "")


def is_text_object(dataset: Dataset) -> bool:
    """Whether the object's content is text that a header profile cannot clean: SR, KO, PR, documents, raw data."""
    table = rules.load("pixel_risk.json")["text_objects"]
    name = class_name(text_of(dataset, "SOPClassUID"))
    return (
        any(word in name for word in table["sop_class_words"])
        or text_of(dataset, "Modality").upper() in table["modalities"]
        or "EncapsulatedDocument" in dataset
        or ("ContentSequence" in dataset and "ValueType" in dataset)
    )


def has_pixels(dataset: Dataset) -> bool:
    """Whether there is pixel data of any kind."""
    return any(tag in dataset for tag in _PIXEL_TAGS)


def risk_of(dataset: Dataset, settings: PixelSettings) -> Risk | None:
    """The first rule by which the pixels may carry text; None where they pass, have been accepted, or aren't there."""
    if not has_pixels(dataset):
        return None
    facts = Facts.of(dataset)
    if facts.modality in settings.accept:
        return None
    trusted = facts.burned_in == "NO" and facts.modality in settings.trust_burned_in_annotation
    for rule in rules.load("pixel_risk.json")["rules"]:
        if _applies(rule, facts, trusted):
            return Risk(rule["name"], rule["why"])
    return None


def _applies(rule: dict[str, Any], facts: Facts, trusted: bool) -> bool:
    """Whether every condition of the rule holds."""
    holds: dict[str, Callable[[Any], bool]] = {
        "burned_in": lambda values: facts.burned_in in values,
        "embedded_overlay": lambda wanted: facts.embedded_overlay is wanted,
        "specimen_label": lambda wanted: facts.specimen_label is wanted,
        "modalities": lambda values: facts.modality in values,
        "not_modalities": lambda values: facts.modality not in values,
        "sop_class_words": lambda words: any(word in facts.sop_class for word in words),
        "not_sop_class_words": lambda words: not any(word in facts.sop_class for word in words),
        "image_type_words": lambda words: any(word in value for value in facts.image_type for word in words),
        "conversion_types": lambda values: facts.conversion in values,
        "samples_over": lambda limit: facts.samples > limit,
        "bits_stored_up_to": lambda limit: facts.bits_stored <= limit,
        "unless_trusted_no": lambda _: not trusted,
    }
    return all(holds[key](value) for key, value in rule.items() if key not in ("name", "why"))


def _overlay_in_pixels(dataset: Dataset) -> bool:
    """An overlay group without OverlayData keeps its bits in PixelData (PS3.3 C.9.2, retired)."""
    for group in range(0x6000, 0x6020, 2):
        geometry, data = (group << 16) | 0x0010, (group << 16) | 0x3000
        if geometry in dataset and data not in dataset:
            return True
    return False
