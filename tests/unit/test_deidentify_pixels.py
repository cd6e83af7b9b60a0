"""Which pixels may carry text, by the header; and which objects are text."""

from __future__ import annotations

import pytest
from pydicom.uid import UID

from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings, PixelSettings
from tasks.deidentify.pixels.risk import risk_of
from tasks.deidentify.rules.tables import load
from tests.support.identified import clean, deidentify, element, make_ct, part10

US, SC, DX, SEG = (f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in ("6.1", "7", "1.1", "66.4"))


def risk(settings: PixelSettings | None = None, **attributes: object) -> str | None:
    ds = make_ct()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    found = risk_of(ds, settings or PixelSettings())
    return found.name if found else None


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, None),
        ({"Modality": "MR"}, None),
        ({"Modality": "NM", "BitsStored": 8}, None),
        ({"Modality": "SEG", "SOPClassUID": UID(SEG), "BitsStored": 1}, None),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, None),
        ({"BurnedInAnnotation": "YES"}, "declared"),
        ({"Modality": "US", "SOPClassUID": UID(US)}, "annotated-class"),
        ({"Modality": "CT", "SOPClassUID": UID(SC)}, "secondary-capture"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen-or-report"),
        ({"ImageType": ["DERIVED", "SECONDARY", "OTHER", "CSA DOSE_INFO"]}, "screen-or-report"),
        ({"ConversionType": "WSD"}, "converted"),
        ({"SamplesPerPixel": 3}, "colour"),
        ({"BitsStored": 8}, "eight-bit"),
        ({"Modality": "DX", "SOPClassUID": UID(DX)}, "projection"),
        ({"Modality": "DX", "SOPClassUID": UID(DX), "BurnedInAnnotation": "NO"}, None),
        ({"Modality": "XA", "BurnedInAnnotation": "NO"}, "projection"),
        ({"Modality": "US", "BurnedInAnnotation": "NO"}, "not-known-clean"),
        ({"Modality": "OT"}, "not-known-clean"),
        ({"Modality": ""}, "not-known-clean"),
        ({"Modality": "SM", "SpecimenLabelInImage": "YES"}, "slide-label"),
    ],
)
def test_rules(attributes: dict[str, object], expected: str | None) -> None:
    assert risk(**attributes) == expected


def test_an_overlay_in_the_unused_bits_of_the_pixels_is_a_risk() -> None:
    ds = make_ct()
    ds.add(element(0x60000010, "US", 8))
    found = risk_of(ds, PixelSettings())
    assert found is not None
    assert found.name == "overlay-in-pixels"
    ds.add(element(0x60003000, "OW", bytes(8)))
    assert risk_of(ds, PixelSettings()) is None


def test_every_rule_says_why() -> None:
    assert all(len(rule["why"].split()) >= 3 for rule in load("pixel_risk.json")["rules"])


def test_accepted_modalities_pass_and_say_so() -> None:
    ds = make_ct()
    ds.Modality, ds.SOPClassUID = "US", UID(US)
    blind = DeidentifySettings(pixels=PixelSettings(look=False))
    assert deidentify(part10(ds), blind).reason is Reason.BURNED_IN_RISK
    assert clean(ds, DeidentifySettings(pixels=PixelSettings(accept=("US",)))).BurnedInAnnotation == "NO"


@pytest.mark.parametrize("tail", ["88.11", "88.59", "104.1", "11.1", "66"])
def test_objects_of_text_are_refused(tail: str) -> None:
    ds = make_ct()
    ds.SOPClassUID = UID(f"1.2.840.10008.5.1.4.1.1.{tail}")
    assert deidentify(part10(ds), DeidentifySettings(profile="basic")).reason is Reason.UNCLEANED_TEXT


def test_a_private_object_is_refused() -> None:
    ds = make_ct()
    ds.SOPClassUID = UID("1.3.12.2.1107.5.9.1")
    assert deidentify(part10(ds)).reason is Reason.UNKNOWN_CLASS
