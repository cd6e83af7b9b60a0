"""What is looked for of one patient, worked out once from `Known`: parts of names, ids as patterns, places.

How it is found in a text is in patient.py. Holds identified values, so its repr is silent.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from tasks.deidentify.known import Known
from tasks.deidentify.words import vocabulary
from tasks.deidentify.words.dates import KnownDays
from tasks.deidentify.words.known_values import id_pattern, place_words
from tasks.deidentify.words.lexicon import PARTICLES, PLACEHOLDERS, SUFFIXES
from tasks.deidentify.words.tokens import RUN_ON, fold, spellings

OWN, OTHER, JOINED = 1, 2, 4  # whose part of a name a word is, and whether it is several written together
_SPLIT = re.compile(r"[\s,;.^=/\\_\-–'’()\d]+")
_RUNS = re.compile(f"[{RUN_ON}]+")


@dataclass(frozen=True, repr=False)
class Person:
    """The parts of one person's names, folded, and how they are written together."""

    parts: frozenset[str] = frozenset()
    initials: frozenset[str] = frozenset()
    joined: frozenset[str] = frozenset()  # jdoe, doejane
    runs: tuple[str, ...] = ()  # in scripts without spaces, longest first


@dataclass(frozen=True, repr=False)
class Identifiers:
    """All of one patient that a text is searched for."""

    patient: Person
    others: Person
    long_parts: tuple[str, ...]  # parts that may be misspelt
    ids: re.Pattern[str] | None
    pairs: frozenset[tuple[str, str]]  # neighbouring words of places
    places: frozenset[str]  # words of places that are no words otherwise
    days: KnownDays
    parts: dict[str, int]  # every part of a name → whose it is

    @property
    def empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not (
            self.patient.parts
            or self.others.parts
            or self.ids
            or self.pairs
            or self.places
            or self.patient.runs
            or self.others.runs
        )


@lru_cache(maxsize=512)
def identifiers(known: Known) -> Identifiers:
    """What to look for, given what is known."""
    words = [value for value in known.ids if value.strip() and not any(char.isdigit() for char in value)]
    patient = _person(known.patient)
    pairs, places = place_words(known.places)
    # Of an id made of words (`RMR_KOPF`) the words that are everyday ones say nothing alone, as with other people.
    others = _person((*known.others, *(word for word in words if not _all_known(word))))
    parts: dict[str, int] = {}
    for person, flag in ((patient, OWN), (others, OTHER)):
        for part in person.parts:
            parts[part] = parts.get(part, 0) | flag
        for word in person.joined:
            parts[word] = parts.get(word, 0) | flag | JOINED
    return Identifiers(
        patient,
        others,
        tuple(sorted(part for part in patient.parts if len(part) >= 5)),
        id_pattern(known.ids),
        pairs,
        places,
        KnownDays.of(known.dates),
        parts,
    )


def _all_known(text: str) -> bool:
    parts = _parts(text)
    return all(part in PLACEHOLDERS or len(part) < 3 or vocabulary.is_known(part) for part in parts)


def _person(names: tuple[str, ...]) -> Person:
    parts: set[str] = set()
    initials: set[str] = set()
    joined: set[str] = set()
    runs: set[str] = set()
    for name in names:
        for group in name.split("="):
            runs |= _runs(group)
            family, given = _components(group)
            if _is_placeholder((*family, *given)):
                continue
            for part in (*family, *given):
                initials.add(part[0])
                if part not in PARTICLES and part not in SUFFIXES:
                    parts.update(spellings(part))
            joined |= _joined(family, given)
    parts = {part for part in parts if len(part) > 1}
    return Person(
        frozenset(parts), frozenset(initials), frozenset(joined), tuple(sorted(runs, key=lambda run: (-len(run), run)))
    )


def _components(group: str) -> tuple[list[str], list[str]]:
    """The parts of the family name and of the others, folded, of `Doe^Jane^Q`, `Doe, Jane` or `Jane Doe`."""
    group = unicodedata.normalize("NFC", _RUNS.sub(" ", group))
    if "^" in group:
        family, _, rest = group.partition("^")
        rest = "^".join(rest.split("^")[:2])  # what follows are titles
    elif "," in group:
        family, _, rest = group.partition(",")
    else:
        rest, _, family = group.strip().rpartition(" ")
    return _parts(family), _parts(rest)


def _parts(text: str) -> list[str]:
    return [part for part in map(fold, _SPLIT.split(text)) if part]


def _is_placeholder(parts: tuple[str, ...]) -> bool:
    real = [part for part in parts if len(part) > 1]
    if any(part in PLACEHOLDERS for part in real):
        return all(part in PLACEHOLDERS or vocabulary.flags_of(part) & vocabulary.CLINICAL for part in real)
    return all(
        part in PLACEHOLDERS
        or (vocabulary.flags_of(part) & vocabulary.CLINICAL and not vocabulary.flags_of(part) & vocabulary.NAME)
        for part in real
    )


def _joined(family: list[str], given: list[str]) -> set[str]:
    found = set()
    whole = "".join(family)
    if len(family) > 1:
        found.add(whole)
    if len(whole) >= 3:
        for part in given:
            for first in {part, part[0]}:
                found |= {first + whole, whole + first}
        if len(given) > 1:
            middle = "".join(part[0] for part in given)
            found |= {middle + whole, whole + middle, "".join(given) + whole, whole + "".join(given)}
    letters = [part[0] for part in (*given, *family)]
    if len(letters) > 2:
        found |= {"".join(letters), "".join(letters[-1:] + letters[:-1])}
    return {word for word in found if len(word) >= 3 and not vocabulary.is_known(word)}


def _runs(group: str) -> set[str]:
    """Names in ideographs or kana: each component of two characters and more, and all together in both orders."""
    components = [run for component in group.split("^") for run in _RUNS.findall(component)]
    if not components:
        return set()
    whole = {"".join(components), "".join(reversed(components)), " ".join(components)}
    return {run for run in (*components, *whole) if len(run) > 1 and not vocabulary.is_known(fold(run))}
