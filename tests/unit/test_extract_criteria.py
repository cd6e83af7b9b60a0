"""Which series are wanted: window, modality, description and ids, and how a run's own window narrows them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.errors import ConfigurationError
from tasks.core.workspace import Workspace
from tasks.extract.criteria import Criteria, Header, criteria_digest
from tests.support.places import with_params

CT = Header("P1", "1.1", "1.1.1", "CT", "20200102", "Thorax routine", "A1")
DAYS = st.dates(date(2000, 1, 1), date(2030, 12, 31))


def test_the_window_holds_its_first_and_its_last_day() -> None:
    for first, last, expected in [(1, 3, True), (2, 2, True), (3, 9, False), (1, 1, False)]:
        assert Criteria(date(2020, 1, first), date(2020, 1, last)).accept(CT) is expected


@pytest.mark.parametrize("day", ["", "2020", "2020.01.02", "20201301", "20200102 ", "２０２００１０２"])
def test_a_study_without_a_valid_date_is_in_no_window(day: str) -> None:
    header = Header(study_date=day)
    assert not Criteria(start=date(1900, 1, 1)).accept(header)
    assert Criteria().accept(header)


def test_modality_and_description_select() -> None:
    assert Criteria(modalities=("MR", "CT")).accept(CT)
    assert not Criteria(modalities=("MR",)).accept(CT)
    assert Criteria(study_description="thorax|chest").accept(CT)
    assert not Criteria(study_description="^routine").accept(CT)


def test_ids_select_by_accession_by_patient_or_by_both_together() -> None:
    def accepted(*ids: tuple[str, str]) -> bool:
        return Criteria(ids=frozenset(ids)).accept(CT)

    assert accepted(("A1", ""))
    assert accepted(("", "P1"))
    assert accepted(("A1", "P1"))
    assert not accepted(("A1", "P2"))
    assert not accepted(("A2", "P1"))
    assert not Criteria(ids=frozenset({("", "P1")})).accept(Header())


@given(DAYS, DAYS, DAYS, DAYS, DAYS)
def test_narrowing_takes_what_both_windows_hold(a: date, b: date, c: date, d: date, day: date) -> None:
    mine, theirs = Criteria(min(a, b), max(a, b)), Criteria(min(c, d), max(c, d))
    header = Header(study_date=f"{day:%Y%m%d}")
    both = mine.accept(header) and theirs.accept(header)
    try:
        assert mine.narrowed(theirs.start, theirs.end, None).accept(header) is both
    except ConfigurationError:
        assert not both


def test_a_modality_outside_params_is_refused_rather_than_widened() -> None:
    assert Criteria(modalities=("CT", "MR")).narrowed(None, None, ["MR", "US"]).modalities == ("MR",)
    with pytest.raises(ConfigurationError, match="modalities"):
        Criteria(modalities=("CT",)).narrowed(None, None, ["US"])


@pytest.mark.parametrize(
    "text",
    [
        "AccessionNumber\nA1\n",
        "﻿PatientID;Name\nP1;Müller, M.\n",
        "PatientID\tAccessionNumber\nP1\tA1\n",
        "PatientID\r\nP1\r\n",
    ],
)
def test_the_cohort_csv_is_read_as_spreadsheets_write_it(workspace: Workspace, text: str) -> None:
    (workspace.root / "cohort.csv").write_bytes(text.encode())
    criteria = Criteria.of(with_params(workspace, extract={"cohort_csv": "cohort.csv"}))
    assert criteria.accept(CT)
    assert not criteria.accept(Header("P9", accession="A9"))


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "no file"), ("Name\nRoe\n", "no column"), ("PatientID\n\n", "lists no id")],
)
def test_a_cohort_csv_that_selects_nothing_is_told_in_one_line(
    workspace: Workspace, content: str | None, told: str
) -> None:
    if content is not None:
        (workspace.root / "cohort.csv").write_text(content)
    changed = with_params(workspace, extract={"cohort_csv": "cohort.csv"})
    with pytest.raises(ConfigurationError, match=told) as error:
        Criteria.of(changed)
    assert "\n" not in str(error.value)
    assert "Roe" not in str(error.value)


def test_a_pattern_that_is_no_pattern_is_told(workspace: Workspace) -> None:
    with pytest.raises(ConfigurationError, match="regular expression"):
        Criteria.of(with_params(workspace, extract={"study_description": "(["}))


def test_the_digest_follows_what_is_selected_and_nothing_else(workspace: Workspace, tmp_path: Path) -> None:
    def digest(**extract: object) -> str:
        changed = with_params(workspace, extract=extract)
        return criteria_digest(changed.settings.extract, Criteria.of(changed), workspace.pseudonymiser)

    first = digest(modalities=["CT", "MR"])
    assert digest(modalities=["MR", "CT"], connections=9, folder="elsewhere") == first
    (workspace.root / "cohort.csv").write_text("PatientID\nP1\nP2\n")
    with_ids = digest(cohort_csv="cohort.csv")
    (workspace.root / "cohort.csv").write_text("PatientID\nP2\nP1\n")
    assert digest(cohort_csv="cohort.csv") == with_ids
    (workspace.root / "cohort.csv").write_text("PatientID\nP1\n")
    assert len({first, with_ids, digest(cohort_csv="cohort.csv"), digest(modalities=["CT"])}) == 4
