"""A small scorecard of the engine: no category falls below the last recorded one or its floor. And the judge is fair.

Run with -s to see its tables; `python -m tests.scorecard` makes the full one.
"""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from tests.scorecard import answers, claims, history, judge, tables
from tests.scorecard.judge import Facts
from tests.scorecard.run import PIXELS, score
from tests.scorecard.synthetic import File, make_patients
from tests.support.places import SHARED_DATA

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (SHARED_DATA / "dicom").is_dir(), reason="the shared corpus is not beside the checkout"),
]
STAYS = ("tag_retained", "text_notnull", "text_retained")
GOES = ("text_removed", "date_shifted", "uid_changed")


@pytest.mark.parametrize("profile", ["research", "basic"])
def test_no_category_of_the_scorecard_falls(tmp_path: Path, profile: str) -> None:
    size = "quick" if profile == "research" else "quick basic"
    result = score(tmp_path, profile, size, seed=0)
    print(tables.report(result))
    tally = history.Tally.of(result)
    assert history.falls(tally, history.last(history.PATH, size, profile)) + claims.broken(result) == []
    assert result.strays == []
    if profile == "research":
        assert tuple(tally.counts) == answers.CATEGORIES


@pytest.fixture(scope="module")
def planted() -> list[File]:
    return list(make_patients(5, 1, "research"))


def shares(planted: list[File], outputs: list[Dataset]) -> dict[str, float]:
    """The share of rows that pass, by category, had the engine made `outputs`."""
    passed: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    facts = Facts({}, {}, -100, "research")
    for (instance, _), output in zip(planted, outputs, strict=True):
        for check in instance.checks:
            if check.category not in PIXELS:
                asked[check.category] += 1
                passed[check.category] += judge.passes(check, output, facts)[0]
    assert set(asked) == set(answers.CATEGORIES) - set(PIXELS)
    return {category: passed[category] / asked[category] for category in asked}


def test_a_copy_keeps_all_that_must_stay_and_fails_wherever_something_must_go(planted: list[File]) -> None:
    copies = [pydicom.dcmread(io.BytesIO(content)) for _, content in planted]
    found = shares(planted, copies)
    assert [found[category] for category in STAYS] == [1, 1, 1]
    assert [found[category] for category in GOES] == [0, 0, 0]
    assert found["uid_consistent"] == found["patid_consistent"] == 0


def test_an_empty_object_leaks_nothing_and_fails_wherever_something_must_stay(planted: list[File]) -> None:
    found = shares(planted, [Dataset() for _ in planted])
    assert [found[category] for category in STAYS] == [0, 0, 0]
    assert [found[category] for category in GOES] == [1, 1, 1]


def test_the_same_seed_plants_the_same_bytes_and_the_same_answers(planted: list[File]) -> None:
    assert list(make_patients(5, 1, "research")) == planted
    assert list(make_patients(6, 1, "research")) != planted


def test_two_presets_plant_the_same_kinds_of_rows_but_ask_for_other_things(planted: list[File]) -> None:
    basic = list(make_patients(5, 1, "basic"))
    stays = [sum(check.category in STAYS for file, _ in files for check in file.checks) for files in (planted, basic)]
    assert stays[0] > stays[1]
    retained = {check.label for file, _ in basic for check in file.checks if check.category == "text_retained"}
    assert not retained & {"StudyDescription", "PatientAge", "StationName"}
