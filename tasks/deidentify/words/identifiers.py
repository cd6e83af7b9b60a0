"""What is looked for of one patient, worked out once from `Known`: parts of names, ids as patterns, places.

How it is found in a text is in patient.py. Holds identified values, so its repr is silent.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from tasks.deidentify.known import Known
from tasks.deidentify.words import vocabulary
from tasks.deidentify.words.dates import KnownDays
from tasks.deidentify.words.tokens import NUMBER, RUN, RUN_ON, WORD, fold, spellings, tokenize, words_of

OWN, OTHER, JOINED = 1, 2, 4  # whose part of a name a word is, and whether it is several written together
PARTICLES = words_of(
    """van von vom zu zur zum der den de del della di da do dos das du la le les el al ibn bin ben ter ten te y e i
    af av bint mac mc st san"""
)
_LINKS = PARTICLES - {"st"}
TITLES = words_of(
    """dr mr mrs ms miss prof sir dame rev fr sr jr ii iii iv md phd do rn np pa dds esq herr frau mme mlle m"""
)
# Names that stand for none. Such a name is no person's, and its words stay in a description.
PLACEHOLDERS = words_of(
    """anonymous anonymized anonymised anonym anon patient test tester testing unknown none null nobody noname name
    subject case sample example demo phantom dummy default volunteer control qa qc quality service technician
    operator physician doctor user admin administrator system import deidentified removed redacted blank empty
    emergency trauma xxx xxxx xx research study trial training"""
)
_SPLIT = re.compile(r"[\s,;.^=/\\_\-–'’()\d]+")
_RUNS = re.compile(f"[{RUN_ON}]+")
_ALNUM = re.compile(r"[^\W_]+")
_SEPARATORS = r"[ ()._/\-]{0,2}+"


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
    patient = _person((*known.patient, *(word for word in words if not _all_known(word))))
    pairs, places = _places(known.places)
    others = _person(known.others)
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
        _pattern(known.ids),
        pairs,
        places,
        KnownDays.of(known.dates),
        parts,
    )


def _all_known(text: str) -> bool:
    parts = [fold(part) for part in _SPLIT.split(text) if part]
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
                if part not in PARTICLES and part not in TITLES:
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
    return tuple([fold(part) for part in _SPLIT.split(text) if part] for text in (family, rest))  # type: ignore[return-value]


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


def _pattern(ids: tuple[str, ...]) -> re.Pattern[str] | None:
    """One pattern for all ids: in any case, with separators or without, leading zeros too, not in a longer number."""
    found = set()
    for value in ids:
        plain = "".join(_ALNUM.findall(value)).casefold()
        core = plain.lstrip("0")
        if not any(char.isdigit() for char in core) or len(core) < 4:
            continue
        between = _SEPARATORS if len(core) >= 6 else ""
        left = r"(?<!\d)0*+" if core[0].isdigit() else r"(?<![^\W_])"
        right = r"(?!\d)" if core[-1].isdigit() else r"(?![^\W_])"
        found.add(left + between.join(map(re.escape, core)) + right)
    return (
        re.compile("|".join(sorted(found, key=lambda pattern: (-len(pattern), pattern))), re.IGNORECASE)
        if found
        else None
    )


def _places(places: tuple[str, ...]) -> tuple[frozenset[tuple[str, str]], frozenset[str]]:
    pairs: set[tuple[str, str]] = set()
    single: set[str] = set()
    for place in places:
        tokens = tokenize(place)
        words = [
            folded for folded, kind in zip(tokens.folded, tokens.kinds, strict=True) if kind in (WORD, RUN, NUMBER)
        ]
        telling = [word for word in words if not _says_nothing(word)]
        single.update(
            word for word in telling if len(word) > 2 and not word.isdigit() and not vocabulary.is_known(word)
        )
        if telling:
            pairs.update(
                (one, two)
                for one, two in pairwise(words)
                if not (_says_nothing(one) and _says_nothing(two)) and one not in _LINKS and two not in PARTICLES
            )
    return frozenset(pairs), frozenset(single)


def _says_nothing(word: str) -> bool:
    """A number, or a word of medicine: `CT 1`, `Radiology`. Alone it names no place."""
    return word.isdigit() or bool(vocabulary.flags_of(word) & vocabulary.CLINICAL) or len(word) < 2
