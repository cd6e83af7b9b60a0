"""Every row of E.1-1 gets its action at every depth, nothing private or unknown stays, references stay consistent."""

from __future__ import annotations

from io import BytesIO

import pydicom
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tasks.core.settings import DeidentifySettings
from tasks.deidentify.rules import tables as rules
from tasks.deidentify.rules.profile import Profile
from tests.support.identified import (
    CANARIES,
    CT,
    FRAME,
    PSEUDONYMISER,
    STUDY,
    clean,
    deidentify,
    element,
    encode,
    engine,
    make_ct,
    nest,
    part10,
    raw,
)

BASIC = DeidentifySettings(profile="basic")
RESEARCH = DeidentifySettings()
ANATOMY = 0x00082218  # AnatomicRegionSequence: kept, and not of E.1-1
MODIFIER = 0x00082220
OUR_OWN = rules.tag_set("together") | {"PatientID", "PatientName", "PatientIdentityRemoved", "DeidentificationMethod"}
ROWS = [
    (tag, row) for tag, row in rules.rows().items() if tag >> 16 not in (0, 2, 4) and rules.value_representations(tag)
]


def canary(tag: int) -> DataElement:
    vr = rules.value_representations(tag)[0]
    if vr == "SQ":
        inner = Dataset()
        inner.add(element(0x00080104, "LO", "QanaryMeaning"))
        inner.add(element(0x00091001, "LO", "QanaryPrivate"))
        return DataElement(tag, "SQ", Sequence([inner]))
    return element(tag, vr, CANARIES[vr])


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("profile", [BASIC, RESEARCH], ids=["basic", "research"])
def test_no_row_of_the_table_keeps_its_value_unless_the_profile_keeps_it(
    profile: DeidentifySettings, depth: int
) -> None:
    ds = Dataset()
    for tag, _ in ROWS:
        ds.add(canary(tag))
    path = (ANATOMY, MODIFIER)[:depth]
    cleaned = engine(nest(ds, *path) if path else ds, profile)
    for tag in path:
        cleaned = cleaned[tag].value[0]
    options = Profile.of(profile).options
    for tag, row in ROWS:
        vr = rules.value_representations(tag)[0]
        kept = {row.options.get(option) for option in options} & {"K", "C"}
        if tag not in cleaned or row.keyword in OUR_OWN or vr == "SQ":
            continue
        value = cleaned[tag].value
        text = "\\".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        same = text == canary(tag).value
        if vr in ("DA", "DT", "UI") or not kept:
            assert not same, row
    content = encode(cleaned)
    for spelling in (b"QanaryPrivate", b"Qanary^Name", b"QanaryLt", b"QanaryOb", b"19870612"):
        assert spelling not in content, spelling


@pytest.mark.parametrize("depth", [0, 1])
def test_each_plain_action_of_the_table_is_what_happens(depth: int) -> None:
    ds = Dataset()
    for tag, _ in ROWS:
        ds.add(canary(tag))
    cleaned = engine(nest(ds, ANATOMY) if depth else ds, BASIC)
    cleaned = cleaned[ANATOMY].value[0] if depth else cleaned
    for tag, row in ROWS:
        vr = rules.value_representations(tag)[0]
        if row.keyword in OUR_OWN:
            continue
        if row.action == "X":
            assert tag not in cleaned, row
        elif row.action == "D" and vr != "SQ":
            assert cleaned[tag].value not in (None, "", b"", canary(tag).value), row
        elif row.action == "U" and vr == "UI":
            assert cleaned[tag].value == PSEUDONYMISER.uid(CANARIES["UI"]), row
        elif row.action == "Z":
            assert tag in cleaned, row
            assert cleaned[tag].value != canary(tag).value, row


def test_a_compound_action_follows_the_type_in_the_iod() -> None:
    assert rules.resolve("X/Z/D", "3") == "X"
    assert rules.resolve("X/Z/D", "2") == "Z"
    assert rules.resolve("X/Z/D", "1C") == "D"
    assert rules.resolve("X/Z/U*", "1") == "U"
    assert rules.resolve("X/D", "2") == "D"
    assert rules.resolve("Z", "1") == "D"
    assert [rules.resolve(action, None) for action in ("X/Z", "X/D", "X/Z/D", "X/Z/U*")] == ["Z", "D", "D", "U"]
    assert rules.type_of("InstitutionName", rules.iod_of(CT), "") == "3"
    assert rules.type_of("StudyInstanceUID", None, "") is None


def test_what_is_private_unknown_retired_or_out_of_place_is_gone() -> None:
    ds = make_ct()
    inner = Dataset()
    inner.add(element(0x00111001, "LO", "QanaryPrivate"))
    inner.add(element(0x7FE00010, "OW", b"QanaryPixels"))
    inner.add(element(0x00081030, "LO", "QanaryNested"))
    ds.add(DataElement(ANATOMY, "SQ", Sequence([inner])))
    unknown = ((0x00090010, "LO"), (0x00091001, "SQ"), (0x00109999, "LO"), (0x00080000, "UL"), (0xFFFCFFFC, "OB"))
    for tag, vr in unknown:
        ds.add(nest(inner, tag)[tag] if vr == "SQ" else element(tag, vr, CANARIES[vr]))
    for group in (0x6000, 0x601E):
        ds.add(element(group << 16 | 0x0010, "US", 8))
        ds.add(element(group << 16 | 0x3000, "OW", b"QanaryOverlay!"))
        ds.add(element(group << 16 | 0x4000, "LT", "QanaryOverlayText"))
    ds.add(element(0x50003000, "OW", b"QanaryCurve!"))
    content = deidentify(part10(ds, preamble=b"QanaryPreamble".ljust(128, b" "))).content
    assert content
    assert b"anary" not in content
    assert b"CANARY" not in content
    assert b"HOSPITALAE" not in content
    again = pydicom.dcmread(BytesIO(content))
    assert not [tag for tag in again.keys() if tag.group % 2 or tag.group >> 8 in (0x50, 0x60)]  # noqa: SIM118
    assert again.preamble == bytes(128)


def test_beyond_the_table_names_addresses_and_free_text_do_not_stay() -> None:
    ds = make_ct()
    ds.add(element(0x0072006A, "PN", "Qanary^Author"))  # SelectorPNValue, listed
    ds.EvaluatorName = "Qanary^Evaluator"
    ds.SegmentDescription = "wqzlk text"
    ds.ContactURI = "mailto:canary@example.org"
    ds.ExpiryDate = "20210304"
    ds.ReconstructionMethod = "iterative"
    cleaned = clean(ds)
    assert cleaned.EvaluatorName == ""
    assert cleaned.SegmentDescription == "text"
    assert "ContactURI" not in cleaned
    assert cleaned.ExpiryDate not in ("", "20210304")
    assert cleaned.ReconstructionMethod == "iterative"
    assert "ExpiryDate" not in clean(ds, BASIC)


def test_an_element_is_judged_by_the_vr_it_has_and_by_the_one_it_should_have() -> None:
    ds = make_ct()
    ds.add(element(0x00181210, "PN", "Qanary^Kernel"))  # ConvolutionKernel is SH
    ds.add(element(0x00189073, "LT", "canary"))  # AcquisitionDuration is FD
    ds.add(element(0x00280120, "US", [1] * 40))  # PixelPaddingValue has one value
    ds[0x00180050] = raw(0x00180050, "DS", b"Qanary")  # SliceThickness is a number
    ds.add(element(0x00181160, "SH", "x" * 200))  # FilterType has 16 characters
    cleaned = clean(ds)
    assert cleaned.get("ConvolutionKernel", "") == ""
    for keyword in ("AcquisitionDuration", "PixelPaddingValue", "SliceThickness", "FilterType"):
        assert keyword not in cleaned, keyword


def test_the_header_says_what_was_done() -> None:
    cleaned = clean(make_ct())
    assert cleaned.PatientIdentityRemoved == "YES"
    assert cleaned.LongitudinalTemporalInformationModified == "MODIFIED"
    assert [code.CodeValue for code in cleaned.DeidentificationMethodCodeSequence] == [
        *("113100", "113103", "113104", "113105", "113107", "113108", "113109", "113111"),
    ]
    assert "BurnedInAnnotation" not in cleaned
    basic = clean(make_ct(), BASIC)
    assert basic.LongitudinalTemporalInformationModified == "REMOVED"
    assert [code.CodeValue for code in basic.DeidentificationMethodCodeSequence] == ["113100"]


def test_the_patient_gets_one_pseudonym_one_shift_and_new_uids() -> None:
    cleaned = clean(make_ct())
    shift = PSEUDONYMISER.shift_days("MRN-44871", STUDY)
    assert cleaned.PatientID == cleaned.PatientName == PSEUDONYMISER.patient("MRN-44871")
    assert cleaned.StudyInstanceUID == PSEUDONYMISER.uid(STUDY)
    assert cleaned.FrameOfReferenceUID == PSEUDONYMISER.uid(FRAME)
    assert cleaned.SOPClassUID == CT
    assert cleaned.file_meta.MediaStorageSOPInstanceUID == cleaned.SOPInstanceUID
    day = pydicom.valuerep.DA("20210304")
    assert (pydicom.valuerep.DA(cleaned.StudyDate) - day).days == shift  # type: ignore[operator]
    assert cleaned.AcquisitionDateTime == cleaned.StudyDate + "101112.250+0100"
    assert cleaned.PatientBirthDate == ""
    assert cleaned.PatientSex == "F"
    assert cleaned.AccessionNumber == ""


def test_an_object_that_names_no_patient_gets_the_pseudonym_too() -> None:
    ds = make_ct()
    del ds.PatientName
    del ds.PatientID
    assert clean(ds).PatientID == PSEUDONYMISER.patient("", STUDY)


def test_an_age_of_ninety_and_more_is_told_as_ninety() -> None:
    ds = make_ct()
    ds.PatientAge = "097Y"
    assert clean(ds).PatientAge == "090Y"
    assert "PatientAge" not in clean(ds, BASIC)
