"""Editions of E.1-1: which rows each has (`data/editions.json`), and what becomes of those that an older one lacks.

What belongs here: the subset that an edition is, and its description. A profile of an older edition has that edition's
rows. A row that only newer editions have is not forgotten: it was added because such attributes did identify. It is
treated as if the options of GIVEN_BACK were on for it, so text is kept as far as it can be cleaned, and what describes
the patient's state is kept; names, numbers of people and orders, dates, places and UIDs stay protected.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from tasks.deidentify.rules import tables

NEWEST = "2026c"
OLDER = ("2021b", "2017c", "2008")  # each is part of the one before
GIVEN_BACK = frozenset(
    {"clean-descriptors", "clean-graphics", "clean-structured-content", "retain-patient-characteristics"}
)


@dataclass(frozen=True)
class Edition:
    """An edition: its name, what it is, how many rows it has, and the tags of today's table that it lacks."""

    name: str
    about: str
    rows: int
    lacks: frozenset[int]


@cache
def edition(name: str) -> Edition:
    """The edition called `name`: 2008, 2017c, 2021b or 2026c."""
    about = str(tables.load("editions.json")["about"][name])
    today = tables.rows()
    if name == NEWEST:
        return Edition(name, about, len(today), frozenset())
    added: dict[str, list[str]] = tables.load("editions.json")["added_in"]
    has = {int(tag, 16) for older in OLDER[OLDER.index(name) :] for tag in added[older]}
    has -= {int(tag, 16) for tag, row in _dropped().items() if name not in row["editions"]}
    return Edition(name, about, len(has), frozenset(today) - has)


def row_in(name: str, tag: int) -> tables.Row | None:
    """The row that an edition has for `tag`, today's where it lacks it; rows that were dropped since are found too."""
    row = tables.row_of(tag)
    if row is None and name != NEWEST:
        old = _dropped().get(f"{tag:08X}")
        if old and name in old["editions"]:
            return tables.Row(*old["row"])
    return row


@cache
def added_in(tag: int) -> str:
    """The first edition that is known to have a row for `tag`; `after 2021b` where it is not known better."""
    if tag >> 24 in (0x50, 0x60):
        return "2017c"  # curves and overlays, which are no rows of one tag
    text = f"{tag:08X}"
    added: dict[str, list[str]] = tables.load("editions.json")["added_in"]
    for name in reversed(OLDER):
        if text in added[name]:
            return name
    return NEWEST if text in tables.load("e1_1.json")["added_in_2026c"] else "after 2021b"


def _dropped() -> dict[str, dict[str, Any]]:
    dropped: dict[str, dict[str, Any]] = tables.load("editions.json")["dropped"]
    return dropped
