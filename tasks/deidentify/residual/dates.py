"""Dates in a text, in the usual ways to write them; times of day and numbers that only look like one are none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

from tasks.deidentify.residual.identifying import is_day
from tasks.deidentify.residual.vocabulary import months

_YEAR = r"(?:18|19|20)\d\d"
_TOGETHER = re.compile(rf"(?<![\d.])({_YEAR})(\d\d)(\d\d)")
_YEAR_FIRST = re.compile(rf"(?<![\d.])({_YEAR})([-./: ])(\d\d?)\2(\d\d?)(?!\d)")
_YEAR_LAST = re.compile(rf"(?<![\d.])(\d\d?)([-./ ])(\d\d?)\2({_YEAR})(?!\d)")
_YEAR_LAST_TOGETHER = re.compile(rf"(?<!\d)(\d\d)(\d\d)({_YEAR})(?!\d)")
_EASTERN = re.compile(rf"({_YEAR})\s?[年년]\s?(\d\d?)\s?[月월]\s?(\d\d?)\s?[日일]")
_SHORT = re.compile(r"(?<![\d./-])(\d\d?)([-./])(\d\d?)\2(\d\d)(?![\d/-]|\.\d)")
_ORDINAL = r"(?:st|nd|rd|th|er|º|\.)?"


@cache
def _written() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Patterns with the month's name: `3 Mar 2019`, `March 3rd, 2019`, `2019-Mar-03`."""
    names = "|".join(sorted(months(), key=len, reverse=True))
    month = rf"(?<![^\W\d_])({names})(?![^\W\d_])"
    gap = r"[\s\-/.,]{0,3}(?:(?:of|de|del)\s)?"
    return (
        re.compile(rf"(?<!\d)(\d\d?){_ORDINAL}{gap}{month}\.?{gap}({_YEAR})(?!\d)"),
        re.compile(rf"{month}\.?{gap}(\d\d?){_ORDINAL}{gap}({_YEAR})(?!\d)"),
        re.compile(rf"(?<!\d)({_YEAR}){gap}{month}\.?{gap}(\d\d?)(?!\d)"),
    )


def days(text: str) -> Iterator[str]:
    """Every date in `text` as YYYYMMDD; one that reads in two ways gives both."""
    text = text.lower()
    for year, month, day in _TOGETHER.findall(text):
        yield from _day(year, month, day)
    for year, _, month, day in _YEAR_FIRST.findall(text):
        yield from _day(year, month, day)
    for first, _, second, year in _YEAR_LAST.findall(text):
        yield from _day(year, first, second)
        yield from _day(year, second, first)
    for first, second, year in _YEAR_LAST_TOGETHER.findall(text):
        yield from _day(year, first, second)
        yield from _day(year, second, first)
    for year, month, day in _EASTERN.findall(text):
        yield from _day(year, month, day)
    if any(character.isalpha() for character in text):
        day_first, month_first, year_first = _written()
        for day, month, year in day_first.findall(text):
            yield from _day(year, str(months()[month]), day)
        for month, day, year in month_first.findall(text):
            yield from _day(year, str(months()[month]), day)
        for year, month, day in year_first.findall(text):
            yield from _day(year, str(months()[month]), day)


def short_days(text: str) -> Iterator[str]:
    """Every date with two digits of the year, as MMDD and those digits."""
    for first, _, second, year in _SHORT.findall(text):
        yield f"{first:>02}{second:>02}{year}"
        yield f"{second:>02}{first:>02}{year}"


def moved(day: str, days: int) -> str:
    """The day so many days later, "" where there is none."""
    try:
        later = date(int(day[:4]), int(day[4:6]), int(day[6:])) + timedelta(days=days)
    except (ValueError, OverflowError):
        return ""
    return f"{later:%Y%m%d}"


def _day(year: str, month: str, day: str) -> Iterator[str]:
    digits = f"{year}{month:>02}{day:>02}"
    if is_day(digits.encode()):
        yield digits
