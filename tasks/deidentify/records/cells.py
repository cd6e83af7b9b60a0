"""One cell of a source table: what it may say after de-identification. Free text never survives, names never pass.

Kept are numbers, dates (shifted), codes and the category words of data/category_words.json; anything else is None.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache

from tasks.deidentify.headers.values import MAX_AGE
from tasks.deidentify.rules.tables import load

_NUMBER = re.compile(r"[-+]?\d{1,7}(?:[.,]\d{1,6})?", re.ASCII)
_CODE = re.compile(r"(?=[A-Za-z.+-]*\d)[A-Za-z0-9.+-]{1,8}|[A-Za-z+-]{1,3}", re.ASCII)
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
_DICOM = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})", re.ASCII)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_AGE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*[Yy]?", re.ASCII)
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})


def is_missing(text: str) -> bool:
    """Whether a cell says that it is empty."""
    return text.strip().lower() in _MISSING


def clean_cell(text: str, *, is_age: bool, shift: int | None, identifiers: frozenset[str]) -> str | None:
    """What may stay of a cell, or None. `shift` is in days; None removes dates. `identifiers` never pass.

    Dates are understood as ISO, DICOM or day.month.year and told as ISO days; 03/04/2020 is ambiguous and removed.
    """
    bare = text.strip()
    if is_missing(bare) or bare.lower() in identifiers:
        return None
    if is_age:
        return capped_age(bare)
    day = read_day(bare)
    if day is not None:
        return shifted(day, shift)
    if _NUMBER.fullmatch(bare):
        return bare.replace(",", ".").lstrip("+")
    parts = [part.strip() for part in bare.split(";") if part.strip()]
    if parts and all(is_code(part) and part.lower() not in identifiers for part in parts):
        return ";".join(parts)
    return None


def capped_age(text: str) -> str | None:
    """An age in years, 90 and above told as 90; None where it is none."""
    found = _AGE.fullmatch(text)
    if not found:
        return None
    years = float(found[1])
    return str(MAX_AGE) if years >= MAX_AGE else f"{years:g}"


def read_day(text: str) -> date | None:
    """The day that a cell names, or None."""
    for pattern, order in ((_ISO, (1, 2, 3)), (_DICOM, (1, 2, 3)), (_DOTTED, (3, 2, 1))):
        found = pattern.fullmatch(text)
        if found:
            try:
                return date(*(int(found[place]) for place in order))
            except ValueError:
                return None
    return None


def shifted(day: date, shift: int | None) -> str | None:
    """The day moved by `shift` days, as ISO; None where dates are removed or the calendar ends."""
    if shift is None:
        return None
    try:
        return (day + timedelta(days=shift)).isoformat()
    except OverflowError:
        return None


def is_code(token: str) -> bool:
    """Whether a token is a code (short, with a digit, or of up to three letters) or a known category."""
    return bool(_CODE.fullmatch(token)) or token.lower() in _categories()


@cache
def _categories() -> frozenset[str]:
    return frozenset(load("category_words.json")["words"])
