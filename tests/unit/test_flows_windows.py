"""Windows of a backfill cover each day exactly once."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.windows import Step, windows

DAYS = st.dates(date(1999, 12, 1), date(2030, 1, 31))


@given(start=DAYS, days=st.integers(0, 900), step=st.sampled_from(["day", "week", "month", "year"]))
def test_every_day_is_in_exactly_one_window(start: date, days: int, step: Step) -> None:
    end = start + timedelta(days=days)
    found = list(windows(start, end, step))
    assert found[0][0] == start
    assert found[-1][1] == end
    for (first, last), (following, _) in itertools.pairwise(found):
        assert first <= last
        assert following == last + timedelta(days=1)


@pytest.mark.parametrize(
    ("step", "lasts"),
    [
        ("day", [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]),
        ("week", [date(2024, 3, 1)]),
        ("month", [date(2024, 2, 29), date(2024, 3, 1)]),
        ("year", [date(2024, 3, 1)]),
    ],
)
def test_a_window_ends_where_its_step_does(step: Step, lasts: list[date]) -> None:
    assert [last for _, last in windows(date(2024, 2, 28), date(2024, 3, 1), step)] == lasts


def test_a_span_that_ends_before_it_starts_has_no_window() -> None:
    assert list(windows(date(2024, 2, 2), date(2024, 2, 1), "day")) == []
