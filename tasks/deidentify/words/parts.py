"""What each token of a description is worth: a known word, a short code, a measure; or something that must go."""

from __future__ import annotations

import re
from functools import lru_cache

from tasks.deidentify.words import shapes, vocabulary
from tasks.deidentify.words.lexicon import PARTICLES
from tasks.deidentify.words.tokens import NUMBER, WORD, Tokens, step, words_of

_CAPITALS = re.compile(r"[A-Z]{2,}(?=[a-z])")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+")
# `circle of Willis`, `sphincter of Oddi`: the word before tells as well.
_OF = words_of(
    """circle sphincter ampulla foramen foramina canal node ligament duct valve fissure tetralogy bundle sinus
    crypt crypts islets angle triangle area space pouch aqueduct gland vein artery disease trigone loop zone
    nucleus band"""
)


def may_stay(tokens: Tokens, index: int) -> bool:
    """Whether a word may stay: it is known, or made of known words, or a code of few letters beside a digit."""
    folded, word = tokens.bare[index], tokens.words[index]
    flags = vocabulary.flags_of(folded)
    if len(word) == 1:
        return True
    if flags & vocabulary.CAPITALS and word.istitle() and not _beside_digit(tokens, index):
        return False
    if flags & (vocabulary.ORDINARY | vocabulary.CLINICAL) or (
        flags & vocabulary.EPONYM and not flags & vocabulary.NAME
    ):
        return True
    if flags & (vocabulary.IN_CONTEXT | vocabulary.EPONYM) and is_eponym(tokens, index):
        return True
    if flags & vocabulary.NAME and len(folded) > 2:
        return False
    if _beside_digit(tokens, index) or _is_abbreviation(word, folded) or is_coined(word):
        return True
    plain = not flags & vocabulary.NAME and len(word) <= 5 and word.isascii() and not word.istitle()
    return plain and _in_protocol(tokens, index)


def is_measure(tokens: Tokens, index: int) -> bool:
    """Whether a number is too short to be an id, or the fraction of a short one."""
    length = len(tokens.words[index])
    if length <= 4:
        return True
    fraction = (
        index > 1
        and tokens.words[index - 1] == "."
        and tokens.kinds[index - 2] == NUMBER
        and len(tokens.words[index - 2]) <= 4
    )
    return fraction and length <= 6


def is_eponym(tokens: Tokens, index: int) -> bool:
    """Whether a name stands for a disease or a thing: `Wilson disease`, `Bell's palsy`, `Lund-Mackay`."""
    if tokens.folded[index].endswith(("'s", "’s")) or "".join(tokens.words[index + 1 : index + 2]) in ("'", "’"):
        return True
    if is_structure(tokens, index):
        return True
    after = step(tokens, index, 1, "-–")
    if after is not None and tokens.kinds[after] == WORD and tokens.bare[after] in shapes.eponym_nouns():
        return True
    return any(_is_pair(tokens, index, near) for near in (step(tokens, index, -1, "-–"), after))


def _is_pair(tokens: Tokens, index: int, near: int | None) -> bool:
    """Two eponyms joined by a hyphen, one of which is hardly a name: `Swan-Ganz`, `Lund-Mackay`."""
    if near is None or abs(near - index) != 2 or tokens.kinds[near] != WORD:
        return False
    one, other = vocabulary.flags_of(tokens.bare[index]), vocabulary.flags_of(tokens.bare[near])
    eponym = vocabulary.EPONYM | vocabulary.IN_CONTEXT
    return bool(one & eponym and other & eponym and (one | other) & vocabulary.EPONYM)


def is_structure(tokens: Tokens, index: int) -> bool:
    """Whether a word is the name in `circle of Willis` and its like."""
    return index > 3 and tokens.folded[index - 2] == "of" and tokens.folded[index - 4] in _OF


@lru_cache(maxsize=16384)
def is_coined(word: str) -> bool:
    """Whether a word with capitals inside is made of known ones: `FatSat`, `AAHead`, `mDIXON`, `CTsim`, `SAGc`."""
    pieces = _CAMEL.findall(word) if word.isascii() else []
    if len(pieces) < 2 or pieces[0].lower() in PARTICLES:
        return vocabulary.is_known(word.lower()) and not word.istitle()
    if len(pieces[0]) == 1 and word[0].islower():
        pieces = pieces[1:]
    if all(map(_is_piece, pieces)):
        return True
    capitals = _CAPITALS.match(word)
    if not capitals:
        return False
    small = word[capitals.end() :]
    return _is_piece(capitals[0]) and small.islower() and (len(small) == 1 or _is_piece(small))


def _beside_digit(tokens: Tokens, index: int) -> bool:
    """A code such as `dir16`, `Br40d`, `mbep2d`: a few letters at a number of up to four digits."""
    word = tokens.words[index]
    if not word.isascii() or len(word) > 6:
        return False
    if len(word) > 3 and not shapes.is_compound(tokens.bare[index], vocabulary.pieces(), 2):
        return False
    beside = [near for near in (index - 1, index + 1) if 0 <= near < len(tokens.words) and tokens.kinds[near] == NUMBER]
    return bool(beside) and all(len(tokens.words[near]) <= 4 for near in beside)


def _is_abbreviation(word: str, folded: str) -> bool:
    """Two to four consonants in one case, which no name is made of; three capitals that are no name."""
    if len(word) == 3 and word.isupper() and word.isascii() and not vocabulary.flags_of(folded) & vocabulary.NAME:
        return True
    return (
        len(word) <= 4
        and (word.isupper() or word.islower())
        and word.isascii()
        and not any(vowel in folded for vowel in "aeiouy")
    )


def _in_protocol(tokens: Tokens, index: int) -> bool:
    """Whether the words that underscores join to this one are a scanner's: `t2_tse_tra_msma_320`."""
    known, joined = 0, False
    for direction in (-1, 1):
        at = index + direction
        while 0 <= at < len(tokens.words) and abs(at - index) < 16:
            if tokens.kinds[at] not in (WORD, NUMBER) and tokens.words[at] not in "_-.":
                break
            joined = joined or tokens.words[at] == "_"
            known += tokens.kinds[at] == WORD and bool(vocabulary.flags_of(tokens.bare[at]) & vocabulary.TECHNICAL)
            at += direction
    return joined and known > 1


def _is_piece(piece: str) -> bool:
    flags = vocabulary.flags_of(piece.lower())
    if flags & vocabulary.TECHNICAL or (len(piece) == 3 and piece.isupper() and not flags & vocabulary.NAME):
        return True
    return len(piece) > 2 and bool(flags & vocabulary.KNOWN) and not flags & vocabulary.EPONYM
