"""Changing one value: dates shifted by days, ages capped, dummies by VR. Pure functions of text.

A value that cannot be changed safely gives None; the caller then removes, empties or replaces the attribute.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

MAX_AGE = 90
CAPPED_AGE = "090Y"
_DA = re.compile(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})", re.ASCII)
_DT = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?([+-]\d{4})?", re.ASCII)
_TM = re.compile(r"\d{2}:?(?:\d{2}:?(?:\d{2}(?:\.\d{1,6})?)?)?", re.ASCII)
_AGE = re.compile(r"(\d{1,3})([DWMY]?)", re.ASCII)
_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25, "": 365.25}

DUMMIES: dict[str, str | int | float | bytes] = {
    "AE": "REMOVED",
    "AS": "000Y",
    "CS": "REMOVED",
    "DA": "19000101",
    "DS": "0",
    "DT": "19000101000000",
    "IS": "0",
    "LO": "REMOVED",
    "LT": "REMOVED",
    "PN": "REMOVED",
    "SH": "REMOVED",
    "ST": "REMOVED",
    "TM": "000000",
    "UC": "REMOVED",
    "UR": "urn:removed",
    "UT": "REMOVED",
    "FD": 0.0,
    "FL": 0.0,
    "AT": 0,
    "SL": 0,
    "SS": 0,
    "SV": 0,
    "UL": 0,
    "US": 0,
    "UV": 0,
    "OB": b"\0\0",
    "OW": b"\0\0",
    "UN": b"\0\0",
    "OF": bytes(4),
    "OL": bytes(4),
    "OD": bytes(8),
    "OV": bytes(8),
}


def shift_date(value: str, days: int) -> str | None:
    """A DA value (PS3.5 6.2), single, multi-valued or a range, moved by `days`; None where it holds no date.

    ACR-NEMA's `2004.01.19` and ISO's `2004-01-19` are understood and written as DA.
    """
    return _each(value, lambda part: _range(part, lambda one: _shift_day(one, days)))


def shift_datetime(value: str, days: int) -> str | None:
    """A DT value moved by `days`; time of day, fraction, zone and a lesser precision (`2004`, `200401`) stay."""
    return _each(value, lambda part: _range_of_datetimes(part, days))


def is_time(value: str) -> bool:
    """Whether `value` is a TM, single, multi-valued or a range."""
    return all(
        _TM.fullmatch(end.strip()) or not end.strip()
        for part in value.split("\\")
        for end in (part.split("-") if "-" in part else [part])
    )


def cap_age(value: str) -> str | None:
    """An AS value with every age of 90 years and more told as `090Y`; None where it is no age."""
    found = _AGE.fullmatch(value.strip().upper())
    if not found:
        return None
    number, unit = int(found[1]), found[2]
    if number * _DAYS[unit] >= MAX_AGE * _DAYS["Y"] - 0.5:
        return CAPPED_AGE
    return f"{number:03d}{unit or 'Y'}"


def _each(value: str, change: Callable[[str], str | None]) -> str | None:
    parts = [part.strip() for part in value.strip(" \0").split("\\")]
    changed = [change(part) if part else "" for part in parts]
    if not any(changed) or None in changed:
        return None
    return "\\".join(part or "" for part in changed)


def _range(part: str, change: Callable[[str], str | None]) -> str | None:
    single = change(part)
    if single is not None or part.count("-") != 1:
        return single
    ends = [change(end.strip()) if end.strip() else "" for end in part.split("-")]
    return None if None in ends else "-".join(end or "" for end in ends)


def _range_of_datetimes(part: str, days: int) -> str | None:
    single = _shift_moment(part, days)
    if single is not None:
        return single
    # A hyphen also starts a western zone: the split is where both sides read as moments.
    for at in (place for place, sign in enumerate(part) if sign == "-"):
        ends = [_shift_moment(end, days) if end else "" for end in (part[:at], part[at + 1 :])]
        if None not in ends and any(ends):
            return f"{ends[0]}-{ends[1]}"
    return None


def _shift_day(text: str, days: int) -> str | None:
    found = _DA.fullmatch(text)
    return _moved(found[1], found[2], found[3], days) if found else None


def _shift_moment(text: str, days: int) -> str | None:
    found = _DT.fullmatch(text.strip())
    if not found or (found[4] and not found[3]):
        return None
    year, month, day, clock, zone = found.groups()
    moved = _moved(year, month or "01", day or "01", days)
    if moved is None:
        return None
    return moved[: 4 + 2 * bool(month) + 2 * bool(day)] + (clock or "") + (zone or "")


def _moved(year: str, month: str, day: str, days: int) -> str | None:
    try:
        moved = date(int(year), int(month), int(day)) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"
