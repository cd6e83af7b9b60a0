"""Whatever the encoding, the depth and the order: the same header comes out, pixels untouched, nothing slips past."""

from __future__ import annotations

from io import BytesIO

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tests.support.identified import (
    CT,
    PIXELS,
    PSEUDONYMISER,
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


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_the_transfer_syntax_and_the_pixel_bytes_stay(syntax: str) -> None:
    content = part10(make_ct(), syntax)
    outcome = deidentify(content)
    assert outcome.reason is None
    cleaned = pydicom.dcmread(BytesIO(outcome.content))
    assert cleaned.file_meta.TransferSyntaxUID == syntax
    assert cleaned.PixelData == PIXELS
    assert cleaned.PatientID == PSEUDONYMISER.patient("MRN-44871")


def test_a_file_without_preamble_and_meta_becomes_a_proper_one() -> None:
    for syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian, "1.2.840.10008.1.2.1"):
        outcome = deidentify(encode(make_ct(), syntax))
        assert outcome.reason is None
        assert pydicom.dcmread(BytesIO(outcome.content)).file_meta.TransferSyntaxUID == syntax


def test_text_stays_readable_in_its_character_set_or_goes() -> None:
    ds = make_ct()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.Manufacturer = "Gerätebau"
    assert clean(ds).Manufacturer == "Gerätebau"
    ds.SpecificCharacterSet = "CANARY SET"
    cleaned = deidentify(part10(ds))
    assert cleaned.reason is None
    assert b"CANARY" not in cleaned.content
    assert b"tebau" not in cleaned.content


def test_names_in_multi_byte_sets_are_replaced() -> None:
    ds = make_ct()
    ds.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    ds.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    cleaned = clean(ds)
    assert cleaned.PatientName == PSEUDONYMISER.patient("MRN-44871")


def test_sequences_nested_deeper_than_the_limit_are_refused() -> None:
    ds = make_ct()
    inner = Dataset()
    inner.CodeMeaning = "x"
    path = [ANATOMY, *[MODIFIER] * 11]
    ds.add(nest(inner, *path)[ANATOMY])
    assert deidentify(part10(ds)).reason is None
    assert deidentify(part10(ds), DeidentifySettings(max_depth=5)).reason is Reason.DEIDENTIFY_FAILED


def test_a_sequence_hidden_in_an_unknown_vr_does_not_pass() -> None:
    ds = make_ct()
    inner = Dataset()
    inner.PatientName = "Canary^Hidden"
    ds[ANATOMY] = raw(ANATOMY, "UN", encode(nest(inner, ANATOMY), ImplicitVRLittleEndian)[8:])
    outcome = deidentify(part10(ds))
    assert outcome.reason is None
    assert b"Canary" not in outcome.content


def test_a_sequence_under_an_attribute_that_is_none_does_not_pass() -> None:
    ds = make_ct()
    inner = Dataset()
    inner.PatientName = "Canary^Hidden"
    body = encode(nest(inner, ANATOMY), ImplicitVRLittleEndian)[8:]
    kernel = b"\x18\x00\x10\x12UN\0\0\xff\xff\xff\xff" + body + b"\xfe\xff\xdd\xe0\0\0\0\0"
    content = part10(ds)
    at = content.index(b"\x20\x00\x0d\x00UI")
    outcome = deidentify(content[:at] + kernel + content[at:])
    assert outcome.reason is None
    assert b"Canary" not in outcome.content


UIDS = st.from_regex(r"1\.[23]\.[1-9][0-9]{0,6}(\.[1-9][0-9]{0,8}){1,5}", fullmatch=True)


@settings(max_examples=25, deadline=None)
@given(uid=UIDS, path=st.lists(st.sampled_from([ANATOMY, MODIFIER, 0x00081115]), max_size=5))
def test_a_uid_becomes_the_same_wherever_it_stands(uid: str, path: list[int]) -> None:
    inner = Dataset()
    inner.add(element(0x00081155, "UI", uid))
    inner.add(element(0x0020000E, "UI", uid))
    inner.add(element(0x00081150, "UI", CT))
    cleaned = engine(nest(inner, *path), RESEARCH)
    for tag in path:
        cleaned = cleaned[tag].value[0]
    assert cleaned.ReferencedSOPInstanceUID == cleaned.SeriesInstanceUID == PSEUDONYMISER.uid(uid)
    assert cleaned.ReferencedSOPClassUID == CT


@settings(max_examples=25, deadline=None)
@given(
    data=st.lists(
        st.tuples(
            st.sampled_from(
                ["PatientName", "OtherPatientNames", "PatientComments", "InstitutionName", "OperatorsName"]
            ),
            st.from_regex(r"[A-Z][a-z]{4,9}\^[A-Z][a-z]{4,9}", fullmatch=True),
        ),
        min_size=1,
        max_size=6,
    ),
    path=st.lists(st.sampled_from([ANATOMY, MODIFIER]), max_size=6),
)
def test_names_do_not_survive_at_any_depth(data: list[tuple[str, str]], path: list[int]) -> None:
    inner = Dataset()
    for keyword, value in data:
        setattr(inner, keyword, value)
    content = encode(engine(nest(inner, *path), RESEARCH))
    for _, value in data:
        assert value.encode() not in content


def test_the_order_of_elements_and_of_runs_changes_nothing() -> None:
    ds = make_ct()
    backwards = Dataset()
    for tag in sorted(ds.keys(), reverse=True):
        backwards.add(ds[tag])
    first, second = deidentify(part10(ds)).content, deidentify(part10(backwards)).content
    assert first == second == deidentify(part10(ds)).content
