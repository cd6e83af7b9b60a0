"""Texts of devices and code strings: what a maker or the standard wrote stays, names and long unknown words go."""

from __future__ import annotations

import pytest

from tasks.core.pseudonyms import Pseudonymiser
from tasks.deidentify.headers import texts
from tasks.deidentify.headers.change import Identity, changed
from tasks.deidentify.known import Known
from tasks.deidentify.rules import tables
from tasks.deidentify.rules.profile import Action
from tasks.deidentify.words import descriptors, technical

NOBODY = Known()
SOMEBODY = Known(patient=("Wieczorek^Halina",), ids=("KL-4471-0938",))
OWNER = Identity("p1", -3, Pseudonymiser(bytes(32)), SOMEBODY)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "FILTER BACK PROJ",
            "*tfl3d1_ns",
            "B31f",
            "Br40d\\3",
            "ALUMINUM",
            "SCINTILLATOR",
            "DTIM",
            "SLSENS",
            "LIN",
            "UIDREF",
        ),
        *(
            "CSA MANIPULATED",
            "WHOLE BODY",
            "ISO_10918_1",
            "MANU",
            "X_CARE_Z_EC",
            "Algo1",
            "000000",
            "ORAL",
            "LUNG",
            "SAT2",
        ),
        *("*epfid2d1_64", "*se2d1r3", "XYZ_EC", "PROPCPS", "3.1.62", "SHARP ++", "CONST POTENTIAL", " LEADING SPACE "),
    ],
)
def test_what_devices_and_the_standard_write_stays_to_the_byte(text: str) -> None:
    assert technical.clean(text, NOBODY) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("LUNG Wieczorek", "LUNG"),
        ("SOFT 8100001", "SOFT"),
        ("QZAABCKW 8100001", ""),
        ("B31f 2021-03-04", "B31f"),
        ("lung halina@clinic.example", "lung"),
        ("山田", ""),
    ],
)
def test_names_long_unknown_words_numbers_and_dates_go(text: str, left: str) -> None:
    assert technical.clean(text, NOBODY) == left


def test_the_patients_own_name_goes_even_where_it_is_short_or_a_term() -> None:
    assert technical.clean("KING LUNG", Known(patient=("King^Ann",))) == "LUNG"
    assert "SCINTILLATOR" in technical.terms()
    assert technical.clean("SCINTILLATOR", Known(patient=("Scintillator^Ann",))) == ""


@pytest.mark.parametrize(
    "text",
    [
        *("W i e c z o r e k", "w_i_e_c_z_o_r_e_k", "H-A-L-I-N-A", "W1ecz0rek", "Wie\u00adczorek", "W\u200bieczorek"),
        *("%57%69%65%63%7A", "&#87;&#105;&#101;", "4471-0938", "44710938", "4471 0938"),
    ],
)
def test_a_known_name_or_number_is_found_in_disguise(text: str) -> None:
    assert descriptors.clean(f"Chest {text} axial", SOMEBODY) == "Chest axial"


@pytest.mark.parametrize(
    "code",
    [
        *(
            "121322",
            "113076",
            "T-A0100",
            "85756007",
            "718499004",
            "18748-4",
            "RID1301",
            "C0030705",
            "mm[Hg]",
            "{SUVbw}g/ml",
        ),
        *("G-A100", "7088", "10*3/uL", "CT01", "F-61FDB"),
    ],
)
def test_codes_of_public_schemes_stay(code: str) -> None:
    tag = tables.tag_of("CodeValue")
    assert changed(tag, "SH", code.encode(), Action.CLEAN, OWNER, ("ISO_IR 192",), "<") == code.encode()


@pytest.mark.parametrize("code", ["8100001", "85756008", "Qzaabckw", "WIECZOREK1", "20210304", "KL-4471-0938"])
def test_a_local_code_with_a_word_or_a_long_number_becomes_one_of_the_workspace(code: str) -> None:
    new = texts.clean(tables.tag_of("CodeValue"), "SH", code, OWNER)
    assert new != code
    assert new.startswith("L")
    assert len(new) <= 16
    assert new == texts.clean(tables.tag_of("CodeValue"), "SH", code, OWNER)
    assert len(texts.clean(tables.tag_of("LongCodeValue"), "UC", code, OWNER)) > 16


def test_a_concept_of_snomed_is_told_by_its_check_digit() -> None:
    assert all(map(texts.is_concept, ("85756007", "21793004", "718499004", "433466003", "39607008")))
    assert not any(map(texts.is_concept, ("85756008", "21793014", "8100001", "12345", "433466030")))


def test_numbers_that_are_words_are_no_numbers() -> None:
    tag = tables.tag_of("SingleCollimationWidth")
    assert changed(tag, "FD", b"Halina W", Action.KEEP, OWNER, (), "<") is None
    assert changed(tag, "FD", b"\x00\x00\x00\x00\x00\x00\xe4\x3f", Action.KEEP, OWNER, (), "<")
