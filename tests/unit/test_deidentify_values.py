"""Dates move by days and keep their form, ages are capped, and what is no date is never passed on."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.deidentify.headers.values import cap_age, is_time, shift_date, shift_datetime

DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))
SHIFTS = st.integers(-3652, -1)


@given(first=DAYS, second=DAYS, shift=SHIFTS)
def test_the_time_between_two_dates_stays(first: date, second: date, shift: int) -> None:
    moved = [shift_date(f"{day:%Y%m%d}", shift) for day in (first, second)]
    assert moved == [f"{day + timedelta(days=shift):%Y%m%d}" for day in (first, second)]


@given(day=DAYS, shift=SHIFTS, rest=st.sampled_from(["", "10", "1011", "101112", "101112.5", "101112.123456"]))
def test_a_datetime_keeps_time_fraction_and_zone(day: date, shift: int, rest: str) -> None:
    for zone in ("", "+0100", "-0500"):
        assert shift_datetime(f"{day:%Y%m%d}{rest}{zone}", shift) == f"{day + timedelta(days=shift):%Y%m%d}{rest}{zone}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2020.03.10", "20200309"),
        ("2020-03-10", "20200309"),
        (" 20200310 ", "20200309"),
        ("20200310\\20200311", "20200309\\20200310"),
        ("20200310-20200311", "20200309-20200310"),
        ("20200310-", "20200309-"),
        ("20200301", "20200229"),
        ("20200230", None),
        ("00010101", None),
        ("2020031", None),
        ("Smith", None),
        ("20200310\\Smith", None),
        ("", None),
    ],
)
def test_odd_dates_are_understood_or_refused(value: str, expected: str | None) -> None:
    assert shift_date(value, -1) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2020", "2019"),
        ("202001", "201912"),
        ("20200101", "20191231"),
        ("20200101-20200201", "20191231-20200131"),
        ("20200101101112-0500-20200102101112-0500", "20191231101112-0500-20200101101112-0500"),
        ("20200101101112.1234567", None),
        ("2020 John", None),
    ],
)
def test_partial_and_ranged_datetimes(value: str, expected: str | None) -> None:
    assert shift_datetime(value, -1) == expected


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ("089Y", "089Y"),
        ("090Y", "090Y"),
        ("091Y", "090Y"),
        ("120Y", "090Y"),
        ("95", "090Y"),
        ("7", "007Y"),
        ("999M", "999M"),
        ("003D", "003D"),
        ("old", None),
        ("1000Y", None),
    ],
)
def test_ages(age: str, expected: str | None) -> None:
    assert cap_age(age) == expected


def test_times() -> None:
    assert is_time("101112.5")
    assert is_time("10:11:12")
    assert is_time("1011-1213")
    assert not is_time("John")
    assert not is_time("20200101")
