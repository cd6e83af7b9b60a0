"""Dates with a month's name (`March 3rd`, `3. März 2019`, `03-MAR-19`, `in May`) and days of the week."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.deidentify.words import calendar
from tasks.deidentify.words.calendar import full_year, moved, number_like, rewrite, year_like
from tasks.deidentify.words.spans import DATE, Span
from tasks.deidentify.words.tokens import fold


def _either(*lists: tuple[str, ...]) -> str:
    return "|".join(sorted({form for names in lists for name in names for form in (name, fold(name))}, key=lambda name: (-len(name), name)))


_MONTH = rf"(?P<month>{_either(*calendar.MONTHS)})(?![^\W\d_])"
_ORDINAL = r"(?P<ordinal>st|nd|rd|th|er|º|ª|°)?"
_YEAR = r"(?P<year>(?:19|20)\d\d(?!\d)|(?<=[\-/'’])\d\d(?!\d))"
_AMOUNT = r"(?!\s?(?:mm|cm|mg|ml|%|[/x]\s?\d))"
_DAY_FIRST = re.compile(
    rf"(?<![\d./])(?<!\d-)(?P<day>\d{{1,2}}){_ORDINAL}\.?[\s\-/]{{0,2}}(?:(?:of|de|do|di)\s)?{_MONTH}"
    rf"(?:\.?,?[\s\-/]{{0,2}}(?:(?:de|del|do)\s)?['’]?{_YEAR})?",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    rf"(?<![^\W_]){_MONTH}\.?[\s\-/]{{0,2}}(?:the\s)?(?P<day>\d{{1,2}})(?![\d:]|\.\d){_ORDINAL}(?![^\W\d_]){_AMOUNT}"
    rf"(?:,?[\s\-/]{{1,2}}['’]?{_YEAR})?",
    re.IGNORECASE,
)
_MONTH_YEAR = re.compile(rf"(?<![^\W_]){_MONTH}\.?,?[\s\-/]{{0,2}}(?:(?:of|de|del|do)\s)?['’]?{_YEAR}", re.IGNORECASE)
_ALONE = re.compile(
    rf"(?<![^\W_])(?:in|since|from|until|till|by|during|of|on|last|next|this|early|mid|late|to|through|around|before|after|seit|im|en|depuis|nel|desde|sinds)"
    rf"[\s\-]{{1,2}}{_MONTH}(?!\s?\d)",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(rf"(?<![^\W_])(?P<weekday>{_either(*calendar.WEEKDAYS)})(?=s?(?![^\W_]))", re.IGNORECASE)
_SHORT_DAY = re.compile(
    rf"(?<![^\W_])(?P<weekday>{'|'.join((*calendar.SHORT_DAYS, 'Tues', 'Thurs', 'Thur'))})"
    rf"(?=\.?,?\s{{0,2}}(?:\d{{1,2}}[./\-\s]|(?:{_either(*calendar.MONTHS[:3])})[\s.]))"
)
_PLAIN_YEAR = 2001  # stands for the year of a date that has none: not a leap year


def find(text: str, days: int) -> Iterator[Span]:
    """All dates of `text` that name a month or a day of the week, moved by `days`."""
    if any(char.isdigit() for char in text):
        for pattern in (_DAY_FIRST, _MONTH_FIRST, _MONTH_YEAR):
            for found in pattern.finditer(text):
                if (span := _named(found, days)) is not None:
                    yield span
        for found in _SHORT_DAY.finditer(text):
            yield rewrite(found, {"weekday": calendar.weekday_like(found["weekday"], days)})
    for found in _WEEKDAY.finditer(text):
        yield rewrite(found, {"weekday": calendar.weekday_like(found["weekday"], days)})
    for found in _ALONE.finditer(text):
        name = fold(found["month"])
        if found["month"][0].isupper() and (name not in calendar.WORDS or name in ("march", "may")):
            month = moved(_PLAIN_YEAR, calendar.months()[name][1], 15, days)
            written = calendar.month_like(found["month"], month.month) if month else None
            yield Span(found.start("month"), found.end("month"), DATE, written)


def _named(found: re.Match[str], days: int) -> Span | None:
    parts = found.groupdict()
    month, day, year = parts["month"], parts.get("day"), parts.get("year")
    if not year and not _is_month(month):
        return None
    if day is not None and not 1 <= int(day) <= 31:
        return None
    new = moved(full_year(year) if year else _PLAIN_YEAR, calendar.months()[fold(month)][1], int(day or 15), days)
    if new is None:
        return Span(found.start(), found.end(), DATE)
    news = {"month": calendar.month_like(month, new.month)}
    if day is not None:
        news["day"] = number_like(day, new.day)
        if parts["ordinal"]:
            news["ordinal"] = calendar.ordinal(new.day, parts["ordinal"])
    if year:
        news["year"] = year_like(year, new.year)
    return rewrite(found, news)


def _is_month(written: str) -> bool:
    """Whether a month's name without a year is one and no other word: `Mar 3`, but not `mar 3` nor `out 3`."""
    name = fold(written)
    if name in calendar.WORDS:
        return written[0].isupper() and name in ("may", "march", "mar", "jan", "dec", "mars")
    return written[0].isupper() or len(name) > 3
