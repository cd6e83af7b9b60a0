"""The words that are known, read once when they are first asked for, and what each of them is.

The lists are data/words.json.gz (made by scripts/build_word_lists.py) and data/radiology_words.json (by hand). A key of
the first and a section of the second say what its words are.
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
_SECTIONS = {"technical": TECHNICAL | CLINICAL, "eponyms": EPONYM, "eponyms in context": IN_CONTEXT | NAME, "in capitals": CLINICAL | CAPITALS, "demographic": ORDINARY}


@cache
def words() -> dict[str, int]:
    """Every known word, folded, with its flags."""
    folder = files("tasks.deidentify") / "data"
    lists = json.loads(gzip.decompress((folder / "words.json.gz").read_bytes()))
    found: dict[str, int] = {}
    for name, text in lists.items():
        if name != "source":
            flags = 0
            for flag in name.split():
                flags |= _FLAGS[flag]
            found.update(dict.fromkeys(text.split(), flags))
    for word, flags in by_hand().items():
        found[word] = found.get(word, 0) & ~(BOTH | VETO) | flags
    return found


@cache
def by_hand() -> dict[str, int]:
    """The words of radiology_words.json, folded, with their flags."""
    sections = json.loads((files("tasks.deidentify") / "data" / "radiology_words.json").read_text(encoding="utf-8"))
    found: dict[str, int] = {}
    for name, lines in sections.items():
        if name == "source":
            continue
        flags = _SECTIONS.get(name.partition(":")[0], CLINICAL)
        for line in lines:
            for word in _LETTERS.findall(line):
                for spelling in spellings(word):
                    found[spelling] = found.get(spelling, 0) | flags
    return found


@cache
def pieces() -> frozenset[str]:
    """Words that may be parts of a longer one: those of imaging, and those written by hand from four letters on."""
    return frozenset(
        word for word, flags in by_hand().items() if not flags & (EPONYM | IN_CONTEXT) and (flags & TECHNICAL or len(word) > 3)
    )


@lru_cache(maxsize=65536)
def flags_of(folded: str) -> int:
    """What a folded word is; 0 for one that is not known at all."""
    known = words()
    flags = known.get(folded)
    if flags is None:
        stripped = bare(folded)
        flags = known.get(stripped) if stripped != folded else None
    if flags is None:
        flags = _derived(bare(folded))
    return flags


def _derived(word: str) -> int:
    if flags := _inflected(word):
        return flags
    if shapes.is_medical(word) or shapes.is_beginning(word) or any(_plain(rest) or _inflected(rest) for rest in shapes.root(word)):
        return CLINICAL
    if any(len(word) - len(end) > 4 and word.endswith(end) and _plain(word[: -len(end)]) & CLINICAL for end in _ENDINGS):
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
    return 0 if flags & NAME else flags & (ORDINARY | CLINICAL)


def is_known(folded: str) -> bool:
    """Whether a word may stay in a text for its own sake."""
    return bool(flags_of(folded) & KNOWN)
