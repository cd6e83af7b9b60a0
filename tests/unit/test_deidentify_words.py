"""Descriptions: clinical words stay as they are written, whatever may name somebody goes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.deidentify.known import Known
from tasks.deidentify.words import shapes, vocabulary
from tasks.deidentify.words.descriptors import clean
from tasks.deidentify.words.tokens import fold, spellings, tokenize

NOTHING = Known()
DATA = Path(vocabulary.__file__).parent.parent / "data"


@pytest.mark.parametrize(
    "text",
    [
        "T2W_TSE_ax",
        "t1_mprage_sag_p2_iso 1.0mm",
        "ep2d_diff_3scan_trace_p2_ADC",
        "AX T2 FLAIR FS",
        "SAG STIR L-SPINE",
        "CT CHEST W/O +C",
        "CT, HEAD/BRAIN WO CONTRAST",
        "Thorax  5.0  B30f",
        "Head^Routine",
        "AAHead_Scout",
        "HRCT PRONE INSP/EXP",
        "CAP 1.25 mm 3D MIP",
        "eADC mDIXON FatSat",
        "STIR_SAGc",
        "Lossless JPEG compression, selection value 1, compression ratio 2.8324",
        "Circle of Willis TOF",
        "Hodgkin lymphoma",
        "Baker cyst",
        "Swan-Ganz catheter",
        "Crohn's disease",
        "Penicillin allergy, shellfish",
    ],
)
def test_a_clinical_description_stays_as_it_is_written(text: str) -> None:
    assert clean(text, NOTHING) == text


@pytest.mark.parametrize(
    "text",
    [
        "Schädel nativ",
        "MRT LWS sag",
        "Halswirbelsäule seitlich",
        "crâne sans injection",
        "IRM genou droit",
        "radiografía de tórax",
        "RM rodilla izquierda",
        "ecografia addome superiore",
        "CT schedel blanco",
        "胸部CT 単純",
        "грудная клетка",
    ],
)
def test_descriptions_of_other_languages_stay(text: str) -> None:
    assert clean(text, NOTHING) == text


@pytest.mark.parametrize(
    ("planted", "left"),
    [
        ("XR CHEST AP PORTABLE for Douglas Davidson", "XR CHEST AP PORTABLE"),
        ("CT chest abdomen pelvis - 55F Dr. Smith", "CT chest abdomen pelvis - 55F"),
        ("KOWALSKI^JAN CT HEAD", "CT HEAD"),
        ("MRI (Jones, Mary) BRAIN", "MRI BRAIN"),
        ("T2_Petrov_tse", "T2_tse"),
        ("CT HEAD, 12-Mar-1957", "CT HEAD"),
        ("CT HEAD 20190412", "CT HEAD"),
        ("MRN: A1234567 CT HEAD", "CT HEAD"),
        ("US THYROID, call 501-555-0123 x45", "US THYROID"),
        ("Echo at Riverside Methodist Hospital", "Echo"),
        ("NM BONE SCAN, 1261 Leawood Street, Little Rock AR 72223", "NM BONE SCAN"),
        ("PET j.doe@example.org", "PET"),
        ("PET see https://example.org/a?b=1", "PET see"),
        ("CT 1.2.840.113619.2.55.3.604688119", "CT"),
        ("Tomoscintigrafia, Dott. Bianchi", "Tomoscintigrafia"),
    ],
)
def test_what_is_planted_goes_and_nothing_hangs_in_the_air(planted: str, left: str) -> None:
    assert clean(planted, NOTHING) == left


def test_names_that_are_words_stay_but_behind_a_cue() -> None:
    for text in ("XR HAND", "white matter", "Long axis", "Young adult hip", "brown fat", "rose thorn"):
        assert clean(text, NOTHING) == text
    assert clean("CT for Brown", NOTHING) == "CT"
    assert clean("CT, Dr. Hand", NOTHING) == "CT"
    assert clean("CT by Young", NOTHING) == "CT"
    assert clean("MRI, Mr. Long", NOTHING) == "MRI"
    assert clean("M. Genou", NOTHING) == ""
    assert clean("CT White, Deborah", NOTHING) == "CT"


def test_the_patients_own_names_go_even_where_they_are_clinical_words() -> None:
    known = Known(patient=("Hand^Rose^Q",))
    assert clean("XR HAND left", known) == "XR left"
    assert clean("rose thorn", known) == "thorn"
    assert clean("MRI ROSE HAND knee", known) == "MRI knee"


@pytest.mark.parametrize(
    "written",
    [
        "Fernandez Lopez",
        "LOPEZ, MARIA",
        "M. Lopez",
        "mlopez",
        "LopezMaria",
        "María López",
        "LÓPEZ^MARÍA",
        "Lopez_M",
        "Lopez's",
    ],
)
def test_the_patients_name_goes_in_every_form(written: str) -> None:
    assert clean(f"CT HEAD {written}", Known(patient=("Fernández López^María^^",))) == "CT HEAD"


def test_umlauts_are_found_in_both_spellings() -> None:
    for written in ("Müller", "Mueller", "MULLER"):
        assert clean(f"CT {written}", Known(patient=("Müller^Jörg",))) == "CT"


def test_a_placeholder_is_no_name() -> None:
    known = Known(patient=("Brain^Phantom", "Anonymous", "CT^Test"))
    assert clean("CT Brain Phantom Test", known) == "CT Brain Phantom Test"


def test_ids_go_with_and_without_separators() -> None:
    known = Known(ids=("A-12/34.567", "0004711"))
    for written in ("A1234567", "a-12-34-567", "A 12 34 567"):
        assert clean(f"CT HEAD {written}", known) == "CT HEAD", written
    assert clean("CT HEAD 4711", known) == "CT HEAD"
    assert clean("CT HEAD 4711", NOTHING) == "CT HEAD 4711"


def test_places_go_but_their_clinical_words_stay() -> None:
    known = Known(places=("Lakeside General Hospital", "Radiology", "CT 1"))
    assert clean("CT chest Lakeside General", known) == "CT chest"
    assert clean("Radiology CT 1 general", known) == "Radiology CT 1 general"


def test_names_in_other_scripts_go() -> None:
    known = Known(patient=("Yamada^Tarou=山田^太郎=やまだ^たろう", "Παπαδόπουλος^Γιάννης", "Иванов^Иван", "김^희중"))
    assert clean("山田太郎 胸部CT", known) == "胸部CT"
    assert clean("胸部CT山田 太郎", known) == "胸部CT"
    assert clean("CT Παπαδόπουλος", known) == "CT"
    assert clean("КТ Иванову", known) == "КТ"
    assert clean("김희중 흉부 CT", known) == "흉부 CT"


def test_ages_from_ninety_on_go_and_younger_ones_stay() -> None:
    assert clean("93 yo hip", NOTHING) == "yo hip"
    assert clean("55 yo hip", NOTHING) == "55 yo hip"


@pytest.mark.parametrize("text", ["", "   ", "\0", "Kowalski", "^Kowalski^^"])
def test_nothing_left_is_an_empty_text(text: str) -> None:
    assert clean(text, NOTHING) == ""


words = st.one_of(
    st.text(),
    st.lists(st.sampled_from(["CT", "Smith", "Dr.", "12", "(", ")", "_", "^", " ", ",", "山田", "é"])).map("".join),
)


@settings(max_examples=150, deadline=None)
@given(words, st.lists(st.text(), max_size=3), st.text())
def test_any_text_is_cleaned_and_loses_only_characters(text: str, names: list[str], place: str) -> None:
    known = Known(patient=tuple(names), others=(place,), ids=tuple(names), places=(place,), dates=tuple(names))
    cleaned = clean(text, known)
    kept = iter(text)
    assert all(char in kept for char in cleaned if char.isalnum())
    assert clean(text, known) == cleaned


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_tokens_joined_again_are_the_text(text: str) -> None:
    tokens = tokenize(text)
    assert "".join(tokens.words) == text
    assert [text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)] == tokens.words


def test_folding_takes_case_and_accents_but_tells_short_words_apart() -> None:
    assert fold("MÜLLER") == fold("muller")
    assert spellings("Müller") == ("muller", "mueller")
    assert fold("Lê") != fold("le")


def test_words_are_told_from_their_parts_and_names_are_not() -> None:
    for word in ("nondisplaced", "hepatosplenic", "headneck", "beinvenenthrombose", "fibroadenolipoma", "perihepatic"):
        assert vocabulary.is_known(word), word
    for name in ("kowalski", "braintree", "nguyen", "hernandez", "okonkwo", "fitzgerald", "smith"):
        assert not vocabulary.is_known(name), name
    assert shapes.is_medical("cholecystectomy")


def test_the_lists_name_their_sources_and_are_small() -> None:
    for name in ("words.json.gz", "names.json.gz"):
        lists = json.loads(gzip.decompress((DATA / name).read_bytes()))
        assert "SCOWL" in lists["source"]
    assert sum((DATA / name).stat().st_size for name in ("words.json.gz", "names.json.gz")) < 400_000
