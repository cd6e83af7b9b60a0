"""Dates in a text, and what they become when they are moved by days: the same form, another day.

A span's `value` is the moved date; None where there is no such day, so that a fixed word replaces it. Times stay.
Dates with a month's or a weekday's name are in named_dates.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from tasks.deidentify.words import named_dates
from tasks.deidentify.words.calendar import full_year, moved, number_like, rewrite, year_like
from tasks.deidentify.words.spans import DATE, Span
from tasks.deidentify.words.tokens import NUMBER, Tokens

_NO_SIZE = r"(?!\s?(?:mm|cm|mg|ml|mcg|%|x\s?\d))"
_NUMERIC = re.compile(
    rf"(?<![\d.])(?<!\d[/\-])(?P<one>\d{{1,4}})(?P<separator>[./\-])(?P<two>\d{{1,2}})(?P=separator)(?P<three>\d{{4}}|\d{{1,2}})"
    rf"(?!\d)(?!(?P=separator)\d)(?!\.\d){_NO_SIZE}(?:T\d\d[\d:.]{{0,13}}(?:Z|[+\-]\d\d:?\d\d)?)?",
    re.IGNORECASE,
)
_COMPACT = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<month>[01]\d)(?P<day>[0-3]\d)(?=(?:[0-2]\d[0-5]\d(?:[0-5]\d)?(?:\.\d{1,6})?)?(?!\d))"
)
_YEAR_MONTH = re.compile(r"(?<![\d./\-])(?P<year>(?:19|20)\d\d)[/\-](?P<month>[01]?\d)(?![\d/\-])")
_MONTH_YEAR = re.compile(r"(?<![\d./\-])(?P<month>[01]?\d)[/\-](?P<year>(?:19|20)\d\d)(?![\d/\-])")
_DAY_MONTH = re.compile(
    r"(?<![\d./\-])(?P<one>\d{1,2})(?P<separator>[/.])(?P<two>\d{1,2})\.?"
    r"(?![\d/%\-]|\.\d|\s?(?:mm|cm|mg|ml|x\s?\d|strength|views?|systolic|murmur))",
    re.IGNORECASE,
)
_CUE = re.compile(
    r"(?<![^\W_])(?:on|dated?|since|until|exam|study|d\.?o\.?b\.?|born|performed|seen|obtained|scan|prior|compar\w{2,5}|from|through)[\s:=(]{1,3}$",
    re.IGNORECASE,
)
_YEAR = re.compile(
    r"(?<![^\W_])(?:in|since|from|until|till|by|during|of|dated?|early|mid|late|circa|year|seit|en|depuis|dal|nel|desde|sinds|born)"
    r"[\s:\-]{1,3}(?P<year>(?:19|20)\d\d)(?:\s?(?:-|–|to|and|or|/)\s?(?P<other>(?:19|20)\d\d))?"
    r"(?![\w%]|[.,/\-]\d|\s?(?:mm|cm|mg|ml|mcg|units?|cells|kcal|cc|iu|steps))",
    re.IGNORECASE,
)
_IDEOGRAPHIC = re.compile(r"(?P<year>\d{4})\s?[年년]\s?(?P<month>\d{1,2})\s?[月월](?:\s?(?P<day>\d{1,2})\s?[日일])?")
_PLAIN_YEAR = 2001  # stands for the year of a date that has none: not a leap year
_DIGITS = re.compile(r"(?<!\d)(?:\d{6}|\d{8}|\d\d \d\d \d\d(?:\d\d)?|\d{4} \d\d \d\d)(?!\d)")
# Without one of these no date has digits: it costs little to find out.
_LIKELY = re.compile(r"\d[./\-]\d|\d\d \d|\d{4}|[年년]")
_ORDERS = ("%d%m%Y", "%m%d%Y", "%d%m%y", "%m%d%y", "%y%m%d", "%d %m %Y", "%m %d %Y", "%Y %m %d", "%d %m %y", "%m %d %y")


@dataclass(frozen=True, repr=False)
class KnownDays:
    """Days of a patient that are known (YYYYMMDD), and each of them as it may be written without separators."""

    days: frozenset[str] = frozenset()
    written: dict[str, tuple[date, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Iterable[str]) -> KnownDays:
        """From YYYYMMDD; what is no day is left out."""
        days, written = set(), {}
        for value in sorted(values):
            if len(value) != 8 or not (value.isascii() and value.isdigit()):
                continue
            day = moved(int(value[:4]), int(value[4:6]), int(value[6:]), 0)
            if day is not None and day.year > 1000:
                days.add(value)
                written.update({day.strftime(order): (day, order) for order in _ORDERS})
        return cls(frozenset(days), written)


def find(tokens: Tokens, days: int, known: KnownDays) -> list[Span]:
    """All dates of a text, moved by `days`. What is `known` settles what may be read in two ways."""
    spans = list(named_dates.find(tokens, days))
    if NUMBER in tokens.kinds:
        spans.extend(_with_digits(tokens.text, days, known))
    return spans


def _with_digits(text: str, days: int, known: KnownDays) -> Iterator[Span]:
    if not _LIKELY.search(text):
        return
    day_first = _day_first(text, known.days)
    for pattern in (_IDEOGRAPHIC, _COMPACT):
        for found in pattern.finditer(text):
            if (span := _plain(found, days)) is not None:
                yield span
    for found in _NUMERIC.finditer(text):
        if (span := _numeric(found, days, day_first, known.days)) is not None:
            yield span
    if known.days:
        yield from _known_days(text, days, known)
    for pattern in (_YEAR_MONTH, _MONTH_YEAR):
        for found in pattern.finditer(text):
            if (span := _plain(found, days)) is not None:
                yield span
    for found in _DAY_MONTH.finditer(text):
        cue = text[max(0, found.start() - 16) : found.start()]
        if _CUE.search(cue) and (span := _day_and_month(found, days, day_first)) is not None:
            yield span
    for found in _YEAR.finditer(text):
        for group in ("year", "other"):
            if found[group]:
                new = moved(int(found[group]), 7, 1, days)
                yield Span(found.start(group), found.end(group), DATE, f"{new.year:04d}" if new else None)


def _day_first(text: str, known: frozenset[str]) -> dict[str, bool]:
    """For each separator whether the day stands before the month, by the dates that can be read in one way only."""
    votes = {"/": 0, "-": 0, ".": 1}
    for found in _NUMERIC.finditer(text):
        one, other = int(found["one"]), int(found["two"])
        if one <= 31 and len(found["three"]) in (2, 4):
            settled = _settled(found, known)
            votes[found["separator"]] += 8 * settled or 4 * (one > 12) - 4 * (other > 12)
    return {separator: vote > 0 for separator, vote in votes.items()}


def _settled(found: re.Match[str], known: frozenset[str]) -> int:
    """1 where a date is a known day with the day first, -1 with the month first, 0 where it is neither or both."""
    if len(found["three"]) not in (2, 4):
        return 0
    one, other, year = int(found["one"]), int(found["two"]), full_year(found["three"])
    return (f"{year:04d}{other:02d}{one:02d}" in known) - (f"{year:04d}{one:02d}{other:02d}" in known)


def _numeric(found: re.Match[str], days: int, day_first: dict[str, bool], known: frozenset[str]) -> Span | None:
    one, two, three = (int(found[group]) for group in ("one", "two", "three"))
    if len(found["one"]) == 4:
        names = ("one", "two", "three")
    elif len(found["one"]) > 2 or len(found["three"]) not in (2, 4):
        return None
    else:
        settled = _settled(found, known)
        first = settled > 0 or (not settled and ((day_first[found["separator"]] and two <= 12) or one > 12))
        names = ("three", "two", "one") if first else ("three", "one", "two")
    year, month, day = full_year(found[names[0]]), int(found[names[1]]), int(found[names[2]])
    if len(found["one"]) == 4 and month > 12:  # year, day, month: seen in the wild
        names, month, day = (names[0], names[2], names[1]), three, two
    if not (1 <= month <= 12 and 1 <= day <= 31 and 1800 <= year <= 2150):
        return None
    new = moved(year, month, day, days)
    if new is None:
        return Span(found.start(), found.end(), DATE)
    padded = len(found[names[1]]) == len(found[names[2]]) == 2
    return rewrite(
        found,
        {
            names[0]: year_like(found[names[0]], new.year),
            names[1]: number_like(found[names[1]], new.month, padded),
            names[2]: number_like(found[names[2]], new.day, padded),
        },
    )


def _plain(found: re.Match[str], days: int) -> Span | None:
    """A date whose parts the pattern itself tells apart; without a day the middle of the month stands for it."""
    parts = found.groupdict()
    day = parts.get("day")
    new = moved(int(parts["year"]), int(parts["month"]), int(day or 15), days)
    if new is None:
        return None
    compact = found.end() - found.start() == 8
    news = {
        "year": f"{new.year:04d}",
        "month": number_like(parts["month"], new.month, compact or len(parts["month"]) == 2),
    }
    return rewrite(found, news | ({"day": number_like(day, new.day, compact)} if day else {}))


def _day_and_month(found: re.Match[str], days: int, day_first: dict[str, bool]) -> Span | None:
    one, two = int(found["one"]), int(found["two"])
    names = ("one", "two") if (day_first[found["separator"]] and two <= 12) or one > 12 else ("two", "one")
    new = moved(_PLAIN_YEAR, int(found[names[1]]), int(found[names[0]]), days)
    if new is None:
        return None
    padded = len(found["one"]) == len(found["two"]) == 2
    return rewrite(
        found,
        {
            name: number_like(found[name], number, padded)
            for name, number in zip(names, (new.day, new.month), strict=True)
        },
    )


def _known_days(text: str, days: int, known: KnownDays) -> Iterator[Span]:
    """Days that are known, where they stand without separators or with spaces."""
    for found in _DIGITS.finditer(text):
        day, order = known.written.get(found[0], (None, ""))
        if day is not None:
            new = moved(day.year, day.month, day.day, days)
            yield Span(found.start(), found.end(), DATE, new.strftime(order) if new else None)
