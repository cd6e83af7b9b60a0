"""Months and days of the week as seven languages write them, and a date written again in the form it had.

Facts of languages, by hand. Where dates are in a text is in dates.py.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache

from tasks.deidentify.words.spans import DATE, Span
from tasks.deidentify.words.tokens import fold, words_of

# Lists of twelve: full names, then abbreviations. A month is written again from the list that it was found in.
MONTHS = tuple(
    tuple(line.split())
    for line in """January February March April May June July August September October November December
Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec
Jan Feb Mar Apr May June July Aug Sept Oct Nov Dec
Januar Februar März April Mai Juni Juli August September Oktober November Dezember
Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez
Jänner Feber März April Mai Juni Juli August September Oktober November Dezember
janvier février mars avril mai juin juillet août septembre octobre novembre décembre
janv févr mars avr mai juin juil août sept oct nov déc
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
ene feb mar abr may jun jul ago sep oct nov dic
gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
gen feb mar apr mag giu lug ago set ott nov dic
januari februari maart april mei juni juli augustus september oktober november december
jan feb mrt apr mei jun jul aug sep okt nov dec
janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
jan fev mar abr mai jun jul ago set out nov dez""".splitlines()
)
WEEKDAYS = tuple(
    tuple(line.split())
    for line in """Monday Tuesday Wednesday Thursday Friday Saturday Sunday
Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag
lundi mardi mercredi jeudi vendredi samedi dimanche
lunes martes miércoles jueves viernes sábado domingo
lunedì martedì mercoledì giovedì venerdì sabato domenica
maandag dinsdag woensdag donderdag vrijdag zaterdag zondag""".splitlines()
)
# Short forms that are words or abbreviations of other things as well: they count beside a date only.
SHORT_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Months' names that are words of some language: a day or a year must stand with them.
WORDS = words_of("""may mar march set out dec gen mag mai ago mei jan dez dic ene abr avr giu lug ott mars""")


@cache
def months() -> dict[str, tuple[int, int]]:
    """Folded name → (number of its list, month from 1). English comes first."""
    found: dict[str, tuple[int, int]] = {}
    for at, names in enumerate(MONTHS):
        for number, name in enumerate(names, 1):
            found.setdefault(fold(name), (at, number))
    return found


@cache
def weekdays() -> dict[str, tuple[int, int]]:
    """Folded name → (number of its list, day from 0 for Monday); the last list is the short forms."""
    lists = (*WEEKDAYS, SHORT_DAYS)
    found = {fold(name): (at, number) for at, names in enumerate(lists) for number, name in enumerate(names)}
    return found | {fold(name): (len(WEEKDAYS), number) for name, number in (("Tues", 1), ("Thur", 3), ("Thurs", 3))}


def month_like(written: str, month: int, short: bool = False) -> str:
    """The name of `month` in the language, length and case of the month that is `written`.

    `short`: where it may be a full name or an abbreviation (`May`), it is an abbreviation.
    """
    first, old = months()[fold(written)]
    lists = [names for names in (MONTHS[first], *MONTHS) if fold(names[old - 1]) == fold(written)]
    return _cased((min(lists, key=lambda names: len("".join(names))) if short else lists[0])[month - 1], written)


def weekday_like(written: str, days: int) -> str:
    """The day of the week `days` after the one that is `written`, in its language, length and case."""
    at, day = weekdays()[fold(written)]
    return _cased((*WEEKDAYS, SHORT_DAYS)[at][(day + days) % 7], written)


def number_like(written: str, number: int, padded: bool = False) -> str:
    """`number` with a leading zero where `written` has one, or where `padded` says that the date's parts have."""
    return f"{number:02d}" if written.startswith("0") or padded else str(number)


def ordinal(day: int, like: str) -> str:
    """The ending of a day's number in the language of the ending that is `like`: 1st, 22nd, 13th; 1er; 3º."""
    if like.lower() == "er":
        return like if day == 1 else ""
    if like.lower() not in ("st", "nd", "rd", "th"):
        return like
    return "th" if 10 < day % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def full_year(written: str) -> int:
    """The year that `written` means: two digits are 1936 to 2035."""
    year = int(written)
    return year if len(written) > 2 else year + (2000 if year <= 35 else 1900)


def moved(year: int, month: int, day: int, days: int) -> date | None:
    """A day moved by `days`; None for a day that there is not."""
    try:
        return date(year, month, day) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None


def year_like(written: str, year: int) -> str:
    """`year` with as many digits as `written` has."""
    return f"{year:04d}" if len(written) > 2 else f"{year % 100:02d}"


def rewrite(found: re.Match[str], news: dict[str, str]) -> Span:
    """What a pattern found as a date, written again with the groups of `news` in place of the old ones."""
    written, at = [], found.start()
    for group in sorted(news, key=found.start):
        written += [found.string[at : found.start(group)], news[group]]
        at = found.end(group)
    return Span(found.start(), found.end(), DATE, "".join((*written, found.string[at : found.end()])))


def _cased(name: str, like: str) -> str:
    if like.isupper() and len(like) > 1:
        return name.upper()
    return name.lower() if like.islower() else name[:1].upper() + name[1:]
