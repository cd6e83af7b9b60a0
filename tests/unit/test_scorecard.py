"""The scorecard's own rules: what counts as kept and as gone, what the judge sees, and when a score fell."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from tests.scorecard import answers, claims, history, judge, judge_pixels, lettering, phrases
from tests.scorecard.answers import Check, Instance
from tests.scorecard.compare import is_gone, is_kept
from tests.scorecard.images import Form, make_image, save
from tests.scorecard.judge import Facts
from tests.scorecard.lettering import Letters
from tests.scorecard.people import make_person, make_visit
from tests.scorecard.pictures import picture
from tests.scorecard.place import at, find, label, private
from tests.scorecard.run import Result, Verdict
from tests.scorecard.stray import strays

FACTS = Facts({"1.2.3.4.5.6": "2.25.1"}, {"MRN1": "pabc"}, -100, "research")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("CT CHEST", "ct chest routine"),
        ("CHEST CT", "CT of the chest"),
        ("12.0", "12"),
        ("0.5\\0.25", "0.50\\.25"),
    ],
)
def test_a_text_is_kept_as_a_whole_word_by_word_or_as_a_number(text: str, value: str) -> None:
    assert is_kept(text, value)


@pytest.mark.parametrize(("text", "value"), [("CT CHEST", "CT"), ("12", "12.5"), ("1\\2", "1")])
def test_a_text_that_lost_a_word_or_changed_its_number_is_not_kept(text: str, value: str) -> None:
    assert not is_kept(text, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Okafor^Leopold", "Leopold"),
        ("Okafor, L.", "seen by DR. OKAFOR"),
        ("555-300-4417", "call 4417"),
        ("Li", "Dr Li"),
        ("鈴木花子", "CT 鈴木花子"),
    ],
)
def test_an_identifier_is_not_gone_while_one_of_its_words_is_left(text: str, value: str) -> None:
    assert not is_gone(text, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Okafor^Leopold", ""),
        ("Li", "liver"),
        ("Dr. Okafor", "Dr. [NAME]"),
        ("93", "90"),
        ("12", "13"),
        ("MRN-4711123", "MRN [ID]"),
    ],
)
def test_an_identifier_is_gone_where_neither_it_nor_a_word_of_it_is_left(text: str, value: str) -> None:
    assert is_gone(text, value)


def test_a_date_in_words_counts_as_a_whole_because_a_moved_one_shares_its_year() -> None:
    assert is_gone("March 12, 2014", "on March 2, 2014", whole=True)
    assert not is_gone("March 12, 2014", "on March 12, 2014", whole=True)


def header(**values: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def passes(check: Check, dataset: Dataset) -> bool:
    return judge.passes(check, dataset, FACTS)[0]


@pytest.mark.parametrize(
    ("category", "when_absent"),
    [
        ("tag_retained", False),
        ("text_notnull", False),
        ("text_retained", False),
        ("text_removed", True),
        ("date_shifted", True),
        ("uid_changed", True),
        ("uid_consistent", True),
        ("patid_consistent", True),
    ],
)
def test_an_absent_attribute_fails_where_something_must_stay_and_passes_elsewhere(
    category: str, when_absent: bool
) -> None:
    assert passes(Check(category, at("StudyDescription"), "x"), Dataset()) is when_absent


def test_an_empty_value_is_there_but_null() -> None:
    dataset = header(AccessionNumber="")
    assert passes(Check("tag_retained", at("AccessionNumber")), dataset)
    assert not passes(Check("text_notnull", at("AccessionNumber")), dataset)


@pytest.mark.parametrize(
    ("after", "expected"),
    [("20200101", False), ("20190923", True), ("20190924", False), ("REMOVED", False), ("", True)],
)
def test_a_date_must_move_by_the_days_of_its_patient(after: str, expected: bool) -> None:
    check = Check("date_shifted", at("StudyDescription"), "20200101", why="E.1-1")
    assert passes(check, header(StudyDescription=after)) is expected


def test_a_uid_must_be_what_the_mapping_says_in_each_of_several_values() -> None:
    check = Check("uid_consistent", at("IrradiationEventUID"), "1.2.3.4.5.6\\1.2.840.10008.1.2")
    assert passes(check, header(IrradiationEventUID=["2.25.1", "1.2.840.10008.1.2"]))
    assert not passes(check, header(IrradiationEventUID=["2.25.2", "1.2.840.10008.1.2"]))
    assert not passes(Check("uid_consistent", at("StudyInstanceUID"), "9.9.9"), header(StudyInstanceUID="9.9.9"))


def test_a_patient_id_must_be_what_the_mapping_says() -> None:
    check = Check("patid_consistent", at("PatientID"), "MRN1")
    assert passes(check, header(PatientID="pabc"))
    assert not passes(check, header(PatientID="pxyz"))


def test_a_private_attribute_is_found_by_its_creator_wherever_its_block_stands() -> None:
    dataset = Dataset()
    dataset.private_block(0x0019, "OTHER", create=True).add_new(0x0C, "IS", "7")
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", "1000")
    place = private(0x0019, "SIEMENS MR HEADER", 0x0C)
    found = find(dataset, place)
    assert found is not None
    assert found.value == 1000
    assert label(place) == "(0019,SIEMENS MR HEADER,0c)"


def test_a_private_number_is_read_also_where_its_vr_was_lost() -> None:
    dataset = Dataset()
    dataset.private_block(0x0903, "GEIIS PACS", create=True).add_new(0x11, "UN", b"\x01\x00")
    check = Check("text_retained", private(0x0903, "GEIIS PACS", 0x11), "1", detail={"vr": "US"})
    assert passes(check, dataset)


def test_a_name_in_bytes_is_seen_in_several_encodings() -> None:
    check = Check("text_removed", private(0x0029, "SIEMENS CSA HEADER", 0x10), "Okafor^Leopold")
    for content in (b"..okafor^leopold..", "Okafor^Leopold".encode("utf-16-le")):
        dataset = Dataset()
        dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", content)
        assert not passes(check, dataset)


def test_an_identifier_is_found_anywhere_in_a_file_in_the_encodings_of_dicom() -> None:
    for text in ("鈴木".encode("iso2022_jp"), "鈴木".encode(), b"12345678"):
        assert strays(b"\0\0" + text + b"\0", ("鈴木", "12345678"))
    assert strays(b"A123456789", ("12345678",)) == []


def burned(form: Form, letters: Letters) -> tuple[Dataset, Check]:
    frame = picture(np.random.default_rng(1), "CR", 96, 160)
    lettering.burn(frame, letters)
    dataset = make_image("CR", frame[np.newaxis], form, ("1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"))
    return dataset, Check("pixels_hidden", (), letters.text, detail={"letters": asdict(letters), "frames": [0]})


@pytest.mark.parametrize("syntax", ["explicit", "rle"])
def test_text_is_hidden_by_a_plain_box_and_shown_by_half_of_one(syntax: str) -> None:
    letters = Letters("OKAFOR, L", 16, 120, "DejaVuSans", 60, 20)
    dataset, check = burned(Form("MONOCHROME2", syntax, (16, 12)), letters)
    source = save(dataset)
    top, left, bottom, right = letters.box
    retained = Check("pixels_retained", (), detail={"boxes": [[*letters.box, 16]]})
    shown: list[bool] = []
    for end in (right, (left + right) // 2, left):
        values = dataset.pixel_array.copy()
        values[top:bottom, left:end] = 0
        masked = pydicom.dcmread(BytesIO(source))
        masked.decompress() if masked.file_meta.TransferSyntaxUID.is_compressed else None
        masked.PixelData = values.tobytes()
        pair = judge_pixels.Pair(source, save(masked))
        shown.append(not judge_pixels.passes(check, pair)[0])
        assert judge_pixels.passes(retained, pair)[0]
    assert shown == [False, True, True]


def test_a_pixel_that_changed_far_from_the_text_is_seen() -> None:
    letters = Letters("OKAFOR", 12, 120, "DejaVuSans", 60, 20)
    dataset, _ = burned(Form(bits=(8, 8)), letters)
    source = save(dataset)
    values = dataset.pixel_array.copy()
    values[5, 150] ^= 1
    dataset.PixelData = values.tobytes()
    check = Check("pixels_retained", (), detail={"boxes": [[*letters.box, 12]]})
    assert judge_pixels.passes(check, judge_pixels.Pair(source, save(dataset))) == (False, "1 pixels changed")


def test_a_phrase_says_which_of_its_words_stay_and_which_go() -> None:
    rng = random.Random(0)
    visit = make_visit(rng, make_person(rng, 0), 0)
    phrase = phrases.fill("[CT CHEST] for {name}, {phone}", visit)
    assert phrase.stay == ("CT CHEST",)
    assert [text for text, _ in phrase.go] == [visit.person.spoken, visit.person.phone]
    assert phrase.text == f"CT CHEST for {visit.person.spoken}, {visit.person.phone}"


def test_the_answer_key_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    check = Check("text_removed", at("RequestAttributesSequence", 0, "StudyID"), "Núñez", True, "planted")
    instances = [Instance("a.dcm", "1.2.3", "MRN1", "CT", "real", (check,), "may", "20200101", ("Núñez",))]
    answers.write(tmp_path / "key", instances)
    assert answers.read(tmp_path / "key") == instances


def result(**passed: tuple[int, int]) -> Result:
    verdicts = [
        Verdict("a.dcm", "real", "CT", Check(category, ()), number < good, "")
        for category, (good, asked) in passed.items()
        for number in range(asked)
    ]
    return Result("research", "quick", 0, verdicts)


def test_every_row_counts_the_same() -> None:
    tally = history.Tally.of(result(text_removed=(9, 10), uid_changed=(90, 90)))
    assert tally.overall == 0.99
    assert tally.share("text_removed") == 0.9


def test_a_category_that_falls_or_lies_below_its_floor_is_told(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    history.append(path, history.entry(result(text_removed=(1000, 1000)), "2024-01-01", "0.1", "abc"))
    history.append(path, history.entry(result(text_removed=(1, 1000)), "2024-01-02", "0.1", "abc") | {"size": "full"})
    earlier = history.last(path, "quick", "research")
    assert earlier is not None
    assert json.loads(path.read_text().splitlines()[0])["categories"] == {"text_removed": [1000, 1000]}
    assert history.falls(history.Tally.of(result(text_removed=(1000, 1000))), earlier) == []
    assert len(history.falls(history.Tally.of(result(text_removed=(9999, 10000))), earlier)) == 1
    assert len(history.falls(history.Tally.of(result(text_removed=(990, 1000))), None)) == 2


def test_the_pixels_of_images_that_give_no_hint_are_told_apart_from_the_score() -> None:
    hidden, header_row = Check("pixels_hidden", ()), Check("text_removed", ())
    verdicts = [Verdict("a", "unflagged", "CT", check, False, "") for check in (hidden, header_row)]
    assert [one.check.category for one in Result("research", "quick", 0, verdicts).scored] == ["text_removed"]


def pictures(kind: str, category: str, passed: bool, count: int, **detail: Any) -> list[Verdict]:
    """So many verdicts on images."""
    return [Verdict("a", kind, "CR", Check(category, (), detail=detail), passed, "")] * count


def test_text_that_can_still_be_seen_and_masks_without_text_break_the_promises() -> None:
    small, large = {"size": 8, "contrast": 200}, {"size": 10, "contrast": 80}
    seen = Result("research", "full", 0)
    seen.verdicts += pictures("text", "pixels_hidden", False, 3, letters=small)
    seen.verdicts += pictures("text", "pixels_hidden", True, 3, letters=large)
    seen.verdicts += pictures("clean", "pixels_retained", True, 199, exact=True)
    seen.verdicts += pictures("clean", "pixels_retained", False, 1, exact=True)
    assert claims.broken(seen) == []
    seen.verdicts += pictures("clean", "pixels_retained", False, 2, exact=True)
    assert len(claims.broken(seen)) == 1
    seen.verdicts += pictures("text", "pixels_hidden", False, 1, letters=large)
    assert len(claims.broken(seen)) == 2


def test_nothing_is_planted_that_must_both_stay_and_go() -> None:
    person = make_person(random.Random(1), 1)
    visit = make_visit(random.Random(1), replace(person, family="Bell", native=("Bell",)), 1)
    for number in range(200):
        phrase = phrases.write(random.Random(number), "long", visit, "UT")
        for text, whole in phrase.go:
            assert is_gone(text, " ".join(phrase.stay), whole=whole)
