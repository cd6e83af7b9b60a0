"""Hours, pace, the cohort's CSV and the book of a pull, without a PACS."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from tasks.core.errors import ConfigurationError
from tasks.core.settings import check_settings
from tasks.core.workspace import Workspace
from tasks.extract.pacs import expected_by_pacs, shortfalls
from tasks.extract.pacs.book import Book, Entry, Shortfall
from tasks.extract.pacs.rate import Hours, Pace
from tasks.extract.pacs.wanted import Ids, Wanted, read_ids
from tasks.extract.tables import Table


@pytest.mark.parametrize(
    ("hours", "clock", "seconds"),
    [
        ("", "12:00", 0),
        ("19:00-06:00", "19:00", 0),
        ("19:00-06:00", "23:59", 0),
        ("19:00-06:00", "05:59", 0),
        ("19:00-06:00", "06:00", 13 * 3600),
        ("19:00-06:00", "18:30", 1800),
        ("01:00-05:00", "04:59", 0),
        ("01:00-05:00", "05:00", 20 * 3600),
        ("01:00-05:00", "00:15", 2700),
    ],
)
def test_hours_open_and_close_over_midnight_too(hours: str, clock: str, seconds: float) -> None:
    now = datetime.combine(date(2026, 3, 2), datetime.strptime(clock, "%H:%M").time())
    assert Hours(hours).opens_in(now) == seconds


@pytest.mark.parametrize("hours", ["19-6", "25:00-06:00", "19:00", "7:00-8:00", "06:00-06:00"])
def test_hours_that_mean_nothing_are_refused(hours: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^params.yaml: pull.hours: hours must be like"):
        check_settings({"pull": {"hours": hours}}, "params.yaml")


def test_pace_holds_back_by_the_instances_asked_for() -> None:
    clock = [100.0]
    pace = Pace(60, lambda: clock[0])
    assert pace.delay() == 0
    pace.take(30)
    assert pace.delay() == pytest.approx(30)
    clock[0] += 30
    assert pace.delay() == 0
    clock[0] += 1000  # idle time is no credit
    pace.take(10)
    assert pace.delay() == pytest.approx(10)
    free = Pace(0, lambda: clock[0])
    free.take(10_000)
    assert free.delay() == 0


def rows(*lines: dict[str, str]) -> Table:
    return Table(tuple(lines[0]), lines)


def test_cohort_csv_is_read_by_any_spelling_of_its_columns() -> None:
    table = rows(
        {"accession number": "A1", "Patient_ID": " P1 ", "note": "x"},
        {"accession number": "", "Patient_ID": "P2", "note": ""},
        {"accession number": "A1", "Patient_ID": "P1", "note": "again"},
        {"accession number": "", "Patient_ID": "", "note": ""},
    )
    ids, told = read_ids(table, "cohort.csv")
    assert ids == (Ids(accession="A1", patient_id="P1"), Ids(patient_id="P2"))
    assert told == ""
    assert ids[0].query() == {"AccessionNumber": "A1", "PatientID": "P1"}


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("PatientID", "*", "a wildcard or backslash"),
        ("PatientID", "P?", "a wildcard or backslash"),
        ("AccessionNumber", "A1\\A2", "a wildcard or backslash"),
        ("AccessionNumber", "1,23457E+11", "a number that a spreadsheet rounded"),
        ("AccessionNumber", "A" * 17, "longer than DICOM allows"),
        ("StudyInstanceUID", "study 1", "no valid UID"),
        ("PatientID", "P\x07", "a control character"),
        ("PatientID", "", "no id"),
    ],
)
def test_rows_that_would_match_what_is_not_meant_are_told_by_number(column: str, value: str, why: str) -> None:
    table = rows({column: "1.2", "note": "n"}, {column: value, "note": "n"})
    ids, told = read_ids(table, "cohort.csv")
    assert len(ids) == 1
    assert told == f"1 rows of cohort.csv cannot be asked for ({why} 1): correct rows 3"
    with pytest.raises(ConfigurationError, match="cannot be asked for"):
        read_ids(rows({column: value, "note": "n"}), "cohort.csv")


def test_a_whole_pacs_is_not_pulled_by_accident() -> None:
    for modalities in (None, ["CT"]):
        with pytest.raises(ConfigurationError, match="a whole PACS is not pulled"):
            Wanted.of(None, None, modalities, None)
    with pytest.raises(ConfigurationError, match="end is before its start"):
        Wanted.of(date(2020, 2, 1), date(2020, 1, 1), None, None)
    with pytest.raises(ConfigurationError, match="--modalities"):
        Wanted.of(date(2020, 2, 1), None, ["C*"], None)
    wanted = Wanted.of(date(2020, 2, 1), date(2020, 2, 28), ["mr", "CT"], None)
    assert wanted.modalities == ("CT", "MR")
    assert [wanted.accept_day(day) for day in ("20200131", "20200201", "20200228", "20200229", "", "x")] == [
        False, True, True, False, False, False,
    ]  # fmt: skip


def test_book_says_what_the_pacs_has_and_what_is_short(workspace: Workspace) -> None:
    assert expected_by_pacs(workspace) == {}
    assert shortfalls(workspace) == ()
    with Book.of(workspace) as book:
        whole = Entry("x1", "u1", "CT", 10, 10, 10)
        book.write(
            [whole, Entry("x2", "u2", "MR", 5, 5, 3, 3, Shortfall.NOT_SENT), Entry("x3", "u3", "US", None, None, 1)]
        )
        book.start("x2", "job")
        assert book.jobs() == ["job"]
    assert expected_by_pacs(workspace) == {"u1": 10, "u2": 5}
    assert [(entry.unit, entry.missing, entry.reason) for entry in shortfalls(workspace)] == [
        ("u2", 2, "not-sent"),
        ("u3", 0, ""),
    ]
    with Book.of(workspace) as book:
        book.write([Entry("x2", "u2", "MR", 5, 5, 5)])  # settled: no job, nothing short
        assert book.jobs() == []
    assert [entry.unit for entry in shortfalls(workspace)] == ["u3"]


def test_book_lies_beside_the_register_and_not_in_quarantine(workspace: Workspace, tmp_path: Path) -> None:
    Book.of(workspace).close()
    assert (workspace.register.parent / "pacs.db").is_file()
