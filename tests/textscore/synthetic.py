"""Notes and reports with planted identifiers, written for this measure: a template, and what its slots hold.

The templates (planted.json) are in two halves: the rules are tuned on `tuning`; `held out` says how
well they do on others.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import date, timedelta

from tests.textscore.people import DATES, Person, people, phone, planted

_SLOT = re.compile(r"\{([A-Z]+)\}")


@dataclass(frozen=True)
class Note:
    """A text, the stretches of it that identify, by category, and whose it is."""

    text: str
    planted: tuple[tuple[int, int, str], ...]
    patient: Person
    ids: tuple[str, ...]


def notes(half: str, copies: int = 30, seed: int = 20) -> list[Note]:
    """Each template of `half` filled so many times."""
    rng = random.Random(f"{seed}{half}")
    return [_fill(template, rng) for template in planted()["templates"][half] for _ in range(copies)]


def _fill(template: str, rng: random.Random) -> Note:
    patient, *others = people(rng, 8)
    own = f"{rng.choice(['', 'A', 'MR', 'H-'])}{rng.randint(100000, 99999999)}"
    written, marks, at = "", [], 0
    for slot in _SLOT.finditer(template):
        written += template[at : slot.start()]
        value, category = _value(slot[1], patient, others, own, rng)
        if category:
            marks.append((len(written), len(written) + len(value), category))
        written += value
        at = slot.end()
    return Note(written + template[at:], tuple(marks), patient, (own,))


def _value(slot: str, patient: Person, others: list[Person], own: str, rng: random.Random) -> tuple[str, str]:
    someone = rng.choice(others)
    if slot == "AGE":
        age = rng.choice([rng.randint(20, 89), rng.randint(90, 103)])
        return str(age), "AGE" if age > 89 else ""
    values = {
        "PATIENT": (rng.choice(patient.forms()[:5]), "PATIENT"),
        "STAFF": (
            rng.choice(someone.forms()[:5]) if rng.random() < 0.7 else f"{someone.given} {someone.family}",
            "STAFF",
        ),
        "FAMILY": (someone.family, "STAFF"),
        "GIVEN": (someone.given, "RELATIVE"),
        "DATE": ((date(1950, 1, 1) + timedelta(days=rng.randint(0, 26000))).strftime(rng.choice(DATES)), "DATE"),
        "ID": (own, "ID"),
        "PHONE": (phone(rng), "PHONE"),
        "EMAIL": (f"{someone.given.lower()}.{rng.randint(1, 99)}@example.org".replace(" ", ""), "EMAIL"),
        "HOSP": (rng.choice(planted()["hospitals"]), "HOSPITAL"),
        "ADDRESS": (rng.choice(planted()["addresses"]), "ADDRESS"),
        "CITY": (rng.choice(planted()["cities"]), "CITY"),
    }
    return values[slot]
