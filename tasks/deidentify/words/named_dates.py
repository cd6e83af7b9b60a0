"""Dates with a month's name (`March 3rd`, `3. März 2019`, `03-MAR-19`, `in May`) and days of the week."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.deidentify.words import calendar
from tasks.deidentify.words.calendar import full_year, moved, number_like, rewrite, year_like
from tasks.deidentify.words.spans import DATE, Span
from tasks.deidentify.words.tokens import NUMBER, SPACE, WORD, Tokens, fold, words_of

# The patterns are tried around a word that is known to be a month, so that they need not list the months.
_MONTH = r"(?P<month>[^\W\d_]{3,10})(?![^\W\d_])"
_ORDINAL = r"(?P<ordinal>st|nd|rd|th|er|º|ª|°)?"
_YEAR = r"(?P<year>(?:19|20)\d\d(?!\d)|(?<=[\-/'’])\d\d(?!\d))"
_AMOUNT = r"(?!\s?(?:mm|cm|mg|ml|%|[/x]\s?\d))"
_DAY_FIRST = re.compile(
    rf"(?<!\d)(?<!\d[./\-])(?P<day>\d{{1,2}}){_ORDINAL}\.?[\s\-/]{{0,2}}(?:(?:of|de|do|di)\s)?{_MONTH}"
    rf"(?:\.?,?[\s\-/]{{0,2}}(?:(?:de|del|do)\s)?['’]?{_YEAR})?",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    rf"{_MONTH}\.?[\s\-/]{{0,2}}(?:the\s)?(?P<day>\d{{1,2}})(?!\d|[:.]\d){_ORDINAL}(?![^\W\d_]){_AMOUNT}(?:,?[\s\-/]{{1,2}}['’]?{_YEAR})?",
    re.IGNORECASE,
)
_MONTH_YEAR = re.compile(rf"{_MONTH}\.?,?[\s\-/]{{0,2}}(?:(?:of|de|del|do)\s)?['’]?{_YEAR}", re.IGNORECASE)
_BEFORE_ALONE = words_of(
    """in since from until till by during of on last next this early mid late to through around before after seit
    im en depuis nel desde sinds"""
)
_BACK = 10  # characters before a month in which its day may stand
_PLAIN_YEAR = 2001  # stands for the year of a date that has none: not a leap year


def find(tokens: Tokens, days: int) -> Iterator[Span]:
    """All dates that name a month or a day of the week, moved by `days`."""
    months, weekdays = calendar.months(), calendar.weekdays()
    if months.keys().isdisjoint(tokens.folded) and weekdays.keys().isdisjoint(tokens.folded):
        return
    for index, folded in enumerate(tokens.folded):
        if folded in months and tokens.kinds[index] == WORD:
            yield from _around_month(tokens, index, days)
        elif folded in weekdays and tokens.kinds[index] == WORD and (len(folded) > 5 or _before_date(tokens, index)):
            yield Span(tokens.starts[index], tokens.ends[index], DATE, calendar.weekday_like(tokens.words[index], days))


def _around_month(tokens: Tokens, index: int, days: int) -> Iterator[Span]:
    text, start = tokens.text, tokens.starts[index]
    for found in _DAY_FIRST.finditer(text, max(0, start - _BACK), min(len(text), start + 40)):
        if found.start("month") == start and (span := _named(found, days)) is not None:
            yield span
            return
    for pattern in (_MONTH_FIRST, _MONTH_YEAR):
        at = pattern.match(text, start)
        if at is not None and (span := _named(at, days)) is not None:
            yield span
            return
    if (
        index > 1
        and tokens.folded[index - 2] in _BEFORE_ALONE
        and tokens.kinds[index - 1] == SPACE
        and _is_alone(tokens, index)
    ):
        new = moved(_PLAIN_YEAR, calendar.months()[tokens.folded[index]][1], 15, days)
        yield Span(
            start, tokens.ends[index], DATE, calendar.month_like(tokens.words[index], new.month) if new else None
        )


def _is_alone(tokens: Tokens, index: int) -> bool:
    name, word = tokens.folded[index], tokens.words[index]
    follows = index + 2 < len(tokens.words) and tokens.kinds[index + 2] == NUMBER
    return word[0].isupper() and not follows and (name not in calendar.WORDS or name in ("march", "may"))


def _before_date(tokens: Tokens, index: int) -> bool:
    """Whether a short form such as `Sat` stands before a day: alone it is a word or another abbreviation."""
    if not tokens.words[index][0].isupper():
        return False
    after = index + 1
    while after < len(tokens.words) and after - index < 4 and tokens.words[after] in (".", ",", " "):
        after += 1
    if after >= len(tokens.words):
        return False
    return (tokens.kinds[after] == NUMBER and len(tokens.words[after]) < 3) or tokens.folded[after] in calendar.months()


def _named(found: re.Match[str], days: int) -> Span | None:
    parts = found.groupdict()
    month, day, year = parts["month"], parts.get("day"), parts.get("year")
    if fold(month) not in calendar.months() or (not year and not _is_month(month)):
        return None
    if day is not None and not 1 <= int(day) <= 31:
        return None
    new = moved(full_year(year) if year else _PLAIN_YEAR, calendar.months()[fold(month)][1], int(day or 15), days)
    if new is None:
        return Span(found.start(), found.end(), DATE)
    short = "-" in found[0] or len(year or "year") == 2
    news = {"month": calendar.month_like(month, new.month, short)}
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
