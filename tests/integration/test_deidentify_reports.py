"""How well text is cleaned, held to numbers; and that no text makes it slow."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tasks.core.pseudonyms import Pseudonymiser
from tasks.deidentify.known import Known
from tasks.deidentify.text import Surrogates, clean_report
from tasks.deidentify.words.descriptors import clean
from tests.textscore import descriptions, notes, reports, synthetic
from tests.textscore.measure import Tally, score

KNOWN = Known(
    patient=("Davidson^Douglas^M=山田^太郎", "O'Brien-Smith^Mary Jane"),
    others=("House^Gregory",),
    ids=("A-12/34.567", "998877", "(501) 555-1234"),
    places=("Princeton Plainsboro Teaching Hospital", "1 Main St"),
    dates=("19570312",),
)
SURROGATES = Surrogates(Pseudonymiser(b"k" * 32), "p1", -40)
SIZE = 250_000


def synthetic_tally(half: str, known: bool) -> Tally:
    found = Tally()
    for note in synthetic.notes(half):
        score(found, note.text, note.planted, Known(patient=(note.patient.pn,), ids=note.ids) if known else Known())
    return found


@pytest.mark.parametrize("half", ["tuning", "held out"])
def test_planted_identifiers_are_found_without_knowing_the_patient(half: str) -> None:
    found = synthetic_tally(half, known=False)
    assert found.recall > 0.99, found.missed[:10]
    assert found.precision > 0.97, found.wrong[:10]
    assert all(found.found[category] / found.planted[category] > 0.95 for category in found.planted)


@pytest.mark.parametrize("half", ["tuning", "held out"])
def test_a_known_patients_identifiers_are_all_found(half: str) -> None:
    found = synthetic_tally(half, known=True)
    for category in ("PATIENT", "ID"):
        assert found.found[category] == found.planted[category], found.missed


@pytest.mark.parametrize("half", ["tuning", "held out"])
@pytest.mark.parametrize("known", [False, True])
def test_descriptions_lose_what_was_planted_and_keep_the_phrase(half: str, known: bool) -> None:
    outcome = descriptions.planted(half, known)
    for category, checks in outcome.checks.items():
        least = 0.997 if known and "removed" in category else 0.98
        assert outcome.held[category] / checks > least, outcome.failures


@pytest.mark.shared
def test_the_annotated_notes_reach_their_recall(shared_data: Path) -> None:
    loaded = list(notes.load(shared_data / "reports" / "phi_notes_obi"))
    found = notes.tally(loaded)
    assert found.recall > 0.95, found.missed
    assert found.precision > 0.9, found.wrong
    known = notes.tally(loaded, with_known=True)
    assert known.found["PATIENT"] == known.planted["PATIENT"]


@pytest.mark.shared
@pytest.mark.parametrize("odd", [False, True])
def test_reports_without_identifiers_stay_as_they_are(shared_data: Path, odd: bool) -> None:
    found = reports.tally(shared_data / "reports" / "openi_iu_cxr", odd)
    assert found.tokens > 80_000
    assert found.false_removals < 0.002, found.wrong[:20]


@pytest.mark.shared
def test_real_descriptions_stay_nearly_whole(shared_data: Path) -> None:
    total, kept, changes = descriptions.retained(shared_data / "dicom")
    assert total > 1_000
    assert kept / total > 0.985, changes


ADVERSARIAL = {
    "one letter": "a",
    "capitals": "A",
    "digits": "1",
    "spaces": " ",
    "dots": ".",
    "versions": "1.",
    "fractions": "1/1/",
    "hyphens": "1-",
    "initials": "A. ",
    "names": "Smith ",
    "titles": "Dr. ",
    "addresses of mail": "x@x.",
    "brackets": "(1",
    "months": "Jan 1 ",
    "markup": "<b>",
    "surrogates": "[ID-",
    "houses": "123 Main ",
    "hospitals": "Mercy Hospital ",
    "connected": "University of ",
    "cities": "City CA 12345 ",
    "ideographs": "山田太郎",
    "apostrophes": "a'",
    "codes": "A1B2",
    "joined codes": "-a1",
    "marks": "e\u0301",
    "lines": "\n",
    "labels": "MRN: ",
    "addresses of the web": "https://",
    "near misses": "9-9-8-8-7-",
    "families": "SMITH, JOHN ",
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_repeated_pieces_take_no_longer_than_a_text(name: str) -> None:
    piece = ADVERSARIAL[name]
    text = piece * (SIZE // len(piece))
    start = time.process_time()
    clean_report(text, KNOWN, SURROGATES)
    clean(text[: SIZE // 10], KNOWN)
    assert time.process_time() - start < 8


def test_a_megabyte_of_report_is_cleaned_in_seconds() -> None:
    text = "\n".join(note.text for note in synthetic.notes("tuning", copies=400))[:1_000_000]
    start = time.process_time()
    clean_report(text, KNOWN, SURROGATES)
    assert time.process_time() - start < 20


def test_time_grows_with_the_text_and_no_faster() -> None:
    rng = random.Random(3)
    pieces = [
        "Smith, ",
        "Dr. ",
        "12/03/2019 ",
        "the ",
        "MRN 123456 ",
        "lesion ",
        "123 Main Street ",
        "\n",
        "Hospital ",
        "A. ",
    ]
    texts = ["".join(rng.choices(pieces, k=size)) for size in (20_000, 80_000)]
    times = []
    for text in texts:
        start = time.process_time()
        clean_report(text, KNOWN, SURROGATES)
        times.append(time.process_time() - start)
    assert times[1] < 8 * times[0] + 1
