"""What a researcher needs stays: private numbers without a VR, text of no declared set, words of ids and of people."""

from __future__ import annotations

import struct

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from tasks.core.settings import DeidentifySettings
from tasks.deidentify.headers import binary, charset
from tasks.deidentify.known import Known
from tasks.deidentify.words.descriptors import clean as described
from tests.support.identified import clean, make_ct, raw

RESEARCH = DeidentifySettings(profile="research")
COUNTS = 0x00331010  # of SIEMENS MED NM: floats, TCIA's knowledge base doesn't say how many


def with_private(value: bytes) -> Dataset:
    """A CT with a private element that should hold floats."""
    ds = make_ct()
    ds[0x00330010] = raw(0x00330010, "LO", b"SIEMENS MED NM")
    ds[COUNTS] = raw(COUNTS, "UN", value)
    return clean(ds, RESEARCH, ImplicitVRLittleEndian)


@pytest.mark.parametrize("numbers", [(2.5,), (0.1, -3e-5, 1e6), tuple(number * 0.37 for number in range(200))])
def test_safe_private_numbers_stay_where_the_file_tells_no_vr(numbers: tuple[float, ...]) -> None:
    value = struct.pack(f"<{len(numbers)}f", *numbers)
    assert with_private(value).get_item(COUNTS).value == value


@pytest.mark.parametrize("text", [b"Jane Doe", b"44871234", b"Jonathan Fitzgerald and more of that. " * 4])
def test_words_where_safe_private_numbers_should_be_go(text: bytes) -> None:
    assert COUNTS not in with_private(text)


def test_noise_is_no_text_and_a_line_among_numbers_is() -> None:
    noise = bytes(number * 73 % 251 for number in range(4096))
    assert not binary.shows_text(noise)
    assert binary.shows_text(noise[:2048] + b"Jonathan Fitzgerald" + noise[2048:])


@pytest.mark.parametrize("codec", ["utf-8", "latin-1"])
def test_text_of_no_declared_set_is_cleaned_and_keeps_its_bytes(codec: str) -> None:
    ds = make_ct()
    del ds.SpecificCharacterSet
    ds[0x00081030] = raw(0x00081030, "LO", "CT des Schädels Öztürkmen".encode(codec))
    assert clean(ds, RESEARCH).get_item(0x00081030).value.rstrip() == "CT des Schädels".encode(codec)


def test_a_patient_named_in_no_declared_set_is_found_in_it() -> None:
    ds = make_ct()
    del ds.SpecificCharacterSet
    ds[0x00100010] = raw(0x00100010, "PN", "Schädel^Käthe ".encode())
    ds[0x00081030] = raw(0x00081030, "LO", "CT Schädel".encode())
    assert clean(ds, RESEARCH).StudyDescription == "CT"


@pytest.mark.parametrize("value", ["山田太郎".encode("gbk"), "Иванов".encode("iso8859-5"), b"\x1b$B;3ED\x1b(B"])
def test_text_of_another_set_is_not_taken_for_latin(value: bytes) -> None:
    assert charset.undeclared(value, ()) == ()
    assert charset.undeclared("Schädel".encode(), ("ISO_IR 144",)) == ()


def test_a_word_of_an_id_stays_alone_and_goes_with_the_others() -> None:
    known = Known(ids=("RMR_KOPF",))
    assert described("MRT-Kopf nativ", known) == "MRT-Kopf nativ"
    assert described("MRT RMR KOPF", known) == "MRT"


def test_another_persons_everyday_name_goes_from_a_description_unless_it_is_a_medical_word() -> None:
    known = Known(others=("Wainwright^Rose", "Stone^Rex"))
    assert described("Cardiac cine Wainwright", known) == "Cardiac cine"
    assert described("Renal stone protocol", known) == "Renal stone protocol"
