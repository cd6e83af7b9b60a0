"""The words that are known, read once when they are first asked for, and what each of them is.

The lists are data/words.json.gz and data/names.json.gz (made by scripts/build_word_lists.py) and, written by hand,
data/radiology_words.json. Their keys say what the words are.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import cache, lru_cache
from importlib.resources import files

from tasks.deidentify.words import shapes
from tasks.deidentify.words.tokens import bare, spellings

ORDINARY = 1  # a word of everyday English
CLINICAL = 2  # a word of medicine or of imaging, in any of the languages
TECHNICAL = 4  # of imaging: may also be a part of a longer word
NAME = 8  # a name of people
BOTH = 16  # a name of people that is a word in lower case
FREQUENT = 32  # a frequent name among the words that may stay
EPONYM = 64  # a name that stands for a disease, a structure or a device
IN_CONTEXT = 128  # an eponym that is too frequent a name to stand alone
VETO = 256  # a name that looks like a medical word
CAPITALS = 512  # an abbreviation that is a name as well: written `Tim` it is one
KNOWN = ORDINARY | CLINICAL | EPONYM
_ENDINGS = ("ern", "en", "er", "em", "es", "n", "e", "a", "o", "i", "s")  # Rundherden, humerale, cervicali
_LETTERS = re.compile(r"[^\W\d_]+")
_FLAGS = {
    "ordinary": ORDINARY,
    "clinical": CLINICAL,
    "name": NAME,
    "both": BOTH | NAME,
    "frequent": FREQUENT | NAME,
    "veto": VETO | NAME,
}
_SECTIONS = {
    "technical": TECHNICAL | CLINICAL,
    "eponyms": EPONYM,
    "eponyms in context": IN_CONTEXT | NAME,
    "in capitals": CLINICAL | CAPITALS,
    "demographic": ORDINARY,
}


@cache
def words() -> dict[str, int]:
    """Every known word, folded, with its flags; names that are nothing else are in `names`."""
    found: dict[str, int] = {}
    for key, text in _read("words.json.gz").items():
        flags = 0
        for flag in key.split():
            flags |= _FLAGS[flag]
        found.update(dict.fromkeys(text.split(), flags))
    for word, flags in by_hand().items():
        found[word] = found.get(word, 0) & ~(BOTH | VETO) | flags
    return found


@cache
def names() -> frozenset[str]:
    """Names of people that are no word, folded."""
    return frozenset(_read("names.json.gz")["name"].split())


@cache
def by_hand() -> dict[str, int]:
    """The words of radiology_words.json, folded, with their flags."""
    found: dict[str, int] = {}
    for section, lines in _read("radiology_words.json").items():
        flags = _SECTIONS.get(section.partition(":")[0], CLINICAL)
        for word in _LETTERS.findall(" ".join(lines)):
            for spelling in (word.lower(),) if word.isascii() else spellings(word):
                found[spelling] = found.get(spelling, 0) | flags
    return found


def _read(name: str) -> dict[str, str]:
    raw = (files("tasks.deidentify") / "data" / name).read_bytes()
    lists: dict[str, str] = json.loads(gzip.decompress(raw) if name.endswith(".gz") else raw)
    del lists["source"]
    return lists


@cache
def pieces() -> frozenset[str]:
    """Words that may be parts of a longer one: those of imaging, and those written by hand from four letters on."""
    return frozenset(
        word
        for word, flags in by_hand().items()
        if not flags & (EPONYM | IN_CONTEXT) and (flags & TECHNICAL or len(word) > 3)
    )


@lru_cache(maxsize=65536)
def flags_of(folded: str) -> int:
    """What a folded word is; 0 for one that is not known at all."""
    word = folded
    flags = words().get(word)
    if flags is None and "'" in folded:
        word = bare(folded)
        flags = words().get(word)
    if flags is None:
        flags = NAME if word in names() or folded in names() else _derived(word)
    return flags


def _derived(word: str) -> int:
    if flags := _inflected(word):
        return flags
    if (
        shapes.is_medical(word)
        or shapes.is_beginning(word)
        or any(_plain(rest) or _inflected(rest) for rest in shapes.root(word))
    ):
        return CLINICAL
    if any(
        len(word) - len(end) > 4 and word.endswith(end) and _plain(word[: -len(end)]) & CLINICAL for end in _ENDINGS
    ):
        return CLINICAL
    return CLINICAL if shapes.is_compound(word, pieces()) else 0


def _inflected(word: str) -> int:
    for stem in shapes.stems(word):
        if flags := _plain(stem):
            return flags
        if shapes.is_medical(stem):
            return CLINICAL
    return 0


def _plain(word: str) -> int:
    """What a word is that is no name as well; 0 for a name and for what is not in the lists."""
    flags = words().get(word, 0)
    return 0 if flags & NAME or (not flags and word in names()) else flags & (ORDINARY | CLINICAL)


def is_known(folded: str) -> bool:
    """Whether a word may stay in a text for its own sake."""
    return bool(flags_of(folded) & KNOWN)
