"""The second look finds what the engine might have left, in any encoding, and stays quiet about everyday values."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.residual.identifiers import Identifiers
from tasks.deidentify.residual.search import residue, split_pixels
from tests.support.identified import PIXELS, STUDY, deidentify, element, make_ct, nest, part10, raw

ANATOMY = 0x00082218


def look(
    text: bytes, ds: Dataset | None = None, name: str = "2.25.1.dcm", allowed: frozenset[str] = frozenset()
) -> object:
    """The residue of a file that holds `text` in a kept attribute, against the identifiers of `ds`."""
    output = Dataset()
    output[0x00081090] = raw(0x00081090, "LO", text + b" " * (len(text) % 2))
    return residue(part10(output), name, Identifiers.of(ds or make_ct()), allowed)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"seen by WIECZOREK today", "PatientName"),
        (b"halina wieczorek", "PatientName"),
        ("Wieczorek".encode("utf-16-le"), "PatientName"),
        ("Wieczorek".encode("utf-16-be"), "PatientName"),
        (b"id MRN-44871.", "PatientID"),
        (b"ACC77123", "AccessionNumber"),
        (b"at Saint Barnabas General", "InstitutionName"),
        (b"for Dr. Okonkwo", "ReferringPhysicianName"),
        (b"born 19411102", "date"),
        (b"born 1941-11-02", "date"),
        (b"born 02.11.1941", "date"),
        (b"20210304101112", "date"),
        (STUDY.encode(), "uid"),
    ],
)
def test_an_identifier_of_the_source_is_found(text: bytes, kind: str) -> None:
    assert kind in look(text)  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    [
        b"Wieczorekia",
        b"CT",
        b"3",
        b"119411102",
        b"1.19411102",
        b"2.25.19411102993",
        b"Hal",
        b"1.2.840.10008.5.1.4.1.1.2",
    ],
)
def test_what_only_resembles_one_is_left_in_peace(text: bytes) -> None:
    assert look(text) == ()


def test_short_and_common_values_do_not_drown_the_report() -> None:
    ds = make_ct(patient="1")
    ds.PatientName, ds.AccessionNumber, ds.StudyID, ds.InstitutionName = "CT^Head", "0", "111111", "ACME"
    ds.ReferringPhysicianName = "Anonymous"
    assert look(b"CT of HEAD 1 0 111111 ACME anonymous 123", ds) == ()
    assert look(b"CT^Head", ds) == ("PatientName",)


def test_names_of_other_scripts_are_found_in_their_encodings() -> None:
    ds = make_ct()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = "Yamada^Tarou=山田^太郎"
    for encoding in ("utf-8", "shift_jis", "euc_jp", "utf-16-le"):
        assert look("山田".encode(encoding), ds) == ("PatientName",), encoding
    ds.PatientName = "Müller^Jürgen"
    for encoding in ("utf-8", "latin-1"):
        assert look("MÜLLER".encode(encoding), ds) == ("PatientName",), encoding


def test_identifiers_are_collected_at_every_depth() -> None:
    inner = Dataset()
    inner.OperatorsName, inner.PatientID = "Castellanos^Ruy", "ZX-99123"
    ds = nest(inner, ANATOMY, ANATOMY, ANATOMY)
    assert look(b"castellanos", ds) == ("OperatorsName",)
    assert look(b"ZX-99123", ds) == ("PatientID",)


def test_a_shifted_date_may_equal_another_date_of_the_source() -> None:
    assert look(b"20210304") == ("date",)
    assert look(b"20210304", allowed=frozenset({"20210304"})) == ()


def test_the_name_of_the_file_is_looked_at() -> None:
    assert look(b"x", name="Wieczorek.dcm") == ("PatientName",)


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2.1", ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_pixels_are_set_apart_in_every_encoding(syntax: str) -> None:
    ds = make_ct()
    ds.add(nest(nest(make_ct(), ANATOMY), ANATOMY)[ANATOMY])
    ds[ANATOMY].is_undefined_length = True
    header, pixels = split_pixels(part10(ds, syntax))
    assert pixels == PIXELS
    assert b"Wieczorek" in header


def test_text_behind_the_pixels_is_found() -> None:
    ds = make_ct()
    ds.add(element(0x7FE00010, "OW", PIXELS + b"MRN-44871-9 Wieczorek, Halina "))
    assert deidentify(part10(ds)).reason is Reason.RESIDUAL_IDENTIFIER


def test_a_file_that_still_names_the_patient_is_refused_and_not_passed_on() -> None:
    ds = make_ct()
    ds.ManufacturerModelName = "Room of Wieczorek"
    outcome = deidentify(part10(ds))
    assert outcome.reason is Reason.RESIDUAL_IDENTIFIER
    assert outcome.content == b""


def test_what_the_profile_keeps_on_purpose_is_no_residue() -> None:
    settings = DeidentifySettings(overrides={"InstitutionName": "K"})
    assert deidentify(part10(make_ct()), settings).reason is None


def test_a_broken_file_is_an_error_and_not_clean() -> None:
    with pytest.raises(ValueError, match="beyond"):
        split_pixels(part10(make_ct())[:-20])
