"""Who and what is planted: people, places and numbers that are nobody's, drawn with a seed."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATES = (
    "%m/%d/%Y",
    "%m/%d/%y",
    "%d.%m.%Y",
    "%Y-%m-%d",
    "%B %d, %Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%m-%d-%Y",
    "%d-%b-%Y",
    "%Y%m%d",
    "%B %d",
    "%A",
)


@dataclass(frozen=True)
class Person:
    """A name that is nobody's."""

    given: str
    family: str

    @property
    def pn(self) -> str:
        """As DICOM writes it."""
        return f"{self.family}^{self.given}"

    def forms(self) -> tuple[str, ...]:
        """As people write it."""
        g, f = self.given, self.family
        return (
            f"{g} {f}",
            f"{f}, {g}",
            f"{f.upper()}, {g.upper()}",
            f"{g} Q. {f}",
            f"{g[0]}. {f}",
            f"{f}^{g}",
            f"{g.upper()} {f.upper()}",
        )


@cache
def planted() -> dict[str, Any]:
    """Places, phone numbers, templates and phrases by name."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("planted.json").read_text(encoding="utf-8"))
    return found


@cache
def lists() -> dict[str, Any]:
    """Surnames, given names, and those of other languages by locale."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("people.json").read_text(encoding="utf-8"))
    return found


def people(rng: random.Random, number: int, foreign: float = 0.25) -> list[Person]:
    """So many people, a share of them of other languages that are written in Latin letters."""
    data = lists()
    latin = [pair for pair in data["other"].values() if pair[1][0][0] < "ʰ"]
    found = []
    for _ in range(number):
        given, family = rng.choice(latin) if rng.random() < foreign else (data["given"], data["surnames"])
        found.append(Person(rng.choice(given), rng.choice(family)))
    return found


def phone(rng: random.Random) -> str:
    """A phone number in one of several forms."""
    return rng.choice(planted()["phones"]).format(a=rng.randint(0, 9), b=rng.randint(0, 9), c=rng.randint(100, 999))
