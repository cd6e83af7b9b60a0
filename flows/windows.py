"""Cutting a span of study dates into windows: days, weeks, months or years that cover each day exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal

Step = Literal["day", "week", "month", "year"]
Window = tuple[date, date]


def windows(start: date, end: date, step: Step) -> Iterator[Window]:
    """The windows from `start` to `end`, first and last day of each included."""
    first = start
    while first <= end:
        last = min(_last_day(first, step), end)
        yield first, last
        first = last + timedelta(days=1)


def _last_day(first: date, step: Step) -> date:
    if step == "day":
        return first
    if step == "week":
        return first + timedelta(days=6)
    if step == "year":
        return date(first.year, 12, 31)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return following - timedelta(days=1)
