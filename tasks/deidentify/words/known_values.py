"""Ids and places of the header as they may stand in a text. The names of people are in identifiers.py."""

from __future__ import annotations

import re
from itertools import pairwise

from tasks.deidentify.words import vocabulary
from tasks.deidentify.words.lexicon import PARTICLES
from tasks.deidentify.words.tokens import NUMBER, RUN, WORD, tokenize

_ALNUM = re.compile(r"[^\W_]+")
_SEPARATORS = r"[ ()._/\-]{0,2}+"
_TELLING = 6  # digits of an id that tell whose it is without its letters
_LINKS = PARTICLES - {"st"}


def id_pattern(ids: tuple[str, ...]) -> re.Pattern[str] | None:
    """One pattern for all ids: in any case, with separators or without, leading zeros too, not in a longer number."""
    found = set()
    for core in sorted({core for value in ids for core in _cores(value)}):
        between = _SEPARATORS if len(core) >= 6 else ""
        left = r"(?<!\d)0*+" if core[0].isdigit() else r"(?<![^\W_])"
        right = r"(?!\d)" if core[-1].isdigit() else r"(?![^\W_])"
        found.add(left + between.join(map(re.escape, core)) + right)
    return (
        re.compile("|".join(sorted(found, key=lambda pattern: (-len(pattern), pattern))), re.IGNORECASE)
        if found
        else None
    )


def _cores(value: str) -> list[str]:
    """What of an id is looked for: its letters and digits, and its digits alone where they are six and more."""
    plain = "".join(_ALNUM.findall(value)).casefold()
    digits = "".join(char for char in plain if char.isdigit())
    cores = [plain.lstrip("0")] if digits else []
    if len(digits.lstrip("0")) >= _TELLING and plain.strip(digits):
        cores.append(digits.lstrip("0"))
    return [core for core in cores if len(core) >= 4 and any(char.isdigit() for char in core)]


def place_words(places: tuple[str, ...]) -> tuple[frozenset[tuple[str, str]], frozenset[str]]:
    """Of all places: neighbouring words, and words that are no words otherwise."""
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
