"""What each token of a description is worth: a known word, a short code, a measure; or something that must go."""

from __future__ import annotations

import re
from functools import lru_cache

from tasks.deidentify.words import lexicon, shapes, vocabulary
from tasks.deidentify.words.identifiers import PARTICLES
from tasks.deidentify.words.places import step
from tasks.deidentify.words.tokens import NUMBER, RUN, WORD, Tokens, shape

_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+")
_BETWEEN = ".,-'’^_"


def may_stay(tokens: Tokens, index: int) -> bool:
    """Whether a word may stay: it is known, or made of known words, or a code of few letters beside a digit."""
    folded, word = tokens.bare[index], tokens.words[index]
    flags = vocabulary.flags_of(folded)
    if len(word) == 1:
        return True
    if flags & vocabulary.CAPITALS and word.istitle() and not _beside_digit(tokens, index):
        return False
    if flags & (vocabulary.ORDINARY | vocabulary.CLINICAL) or (flags & vocabulary.EPONYM and not flags & vocabulary.NAME):
        return True
    if flags & (vocabulary.IN_CONTEXT | vocabulary.EPONYM) and is_eponym(tokens, index):
        return True
    if flags & vocabulary.NAME and len(folded) > 2:
        return False
    return _beside_digit(tokens, index) or _is_abbreviation(word, folded) or is_coined(word)


def is_measure(tokens: Tokens, index: int) -> bool:
    """Whether a number is too short to be an id, or the fraction of a short one."""
    length = len(tokens.words[index])
    if length <= 4:
        return True
    fraction = index > 1 and tokens.words[index - 1] == "." and tokens.kinds[index - 2] == NUMBER and len(tokens.words[index - 2]) <= 4
    return fraction and length <= 6


def is_eponym(tokens: Tokens, index: int) -> bool:
    """Whether a name stands for a disease or a thing: `Wilson disease`, `Bell's palsy`, `Lund-Mackay`."""
    if tokens.folded[index].endswith(("'s", "’s")):
        return True
    after = step(tokens, index, 1, "-–")
    if after is None or tokens.kinds[after] != WORD:
        return False
    folded = tokens.bare[after]
    if folded in shapes.eponym_nouns():
        return True
    joined = tokens.text[tokens.ends[index] : tokens.starts[after]] in ("-", "–")
    return joined and bool(vocabulary.flags_of(folded) & vocabulary.EPONYM)


@lru_cache(maxsize=16384)
def is_coined(word: str) -> bool:
    """Whether a word with capitals inside is made of known ones: `FatSat`, `AAHead`, `mDIXON`, `PARoxetine`."""
    pieces = [piece.lower() for piece in _CAMEL.findall(word)] if word.isascii() else []
    if len(pieces) < 2 or pieces[0] in PARTICLES:
        return vocabulary.is_known(word.lower()) and not word.istitle()
    if len(pieces[0]) == 1 and word[0].islower():
        pieces = pieces[1:]
    return all(_is_piece(piece) for piece in pieces)


def spread(tokens: Tokens, gone: bytearray) -> None:
    """What belongs to a name that goes, goes with it: titles, initials, degrees, and names that are words as well."""
    for direction in (1, -1):
        for index in range(len(tokens.words)) if direction > 0 else range(len(tokens.words) - 1, -1, -1):
            if not gone[index] or tokens.kinds[index] not in (WORD, RUN) or len(tokens.words[index]) < 2:
                continue
            near = step(tokens, index, direction, _BETWEEN)
            if near is not None and not gone[near] and tokens.kinds[near] == WORD and _goes_with(tokens, near, index, gone):
                gone[near] = 1


def _goes_with(tokens: Tokens, near: int, index: int, gone: bytearray) -> bool:
    word, folded = tokens.words[near], tokens.bare[near]
    flags = vocabulary.flags_of(folded)
    if len(word) == 1:
        other = step(tokens, near, near - index, _BETWEEN) if abs(near - index) < 4 else None
        dotted = near + 1 < len(tokens.words) and tokens.words[near + 1] == "." and folded not in "lr"
        return word.isupper() and (dotted or (other is not None and bool(gone[other]) and tokens.kinds[other] == WORD))
    if folded in lexicon.FUNCTION or ("." in tokens.text[min(tokens.ends[index], tokens.ends[near]) : max(tokens.starts[index], tokens.starts[near])] and len(word) > 3 and near > index):
        return False
    if folded in lexicon.TITLES and near < index:
        return not (folded in lexicon.SHOUTED and word.isupper()) or tokens.words[near + 1] == "." or folded == "dr"
    if folded in lexicon.CREDENTIALS and near > index:
        return word[0].isupper() and (folded in lexicon.SURE_CREDENTIALS or "," in tokens.text[tokens.ends[index] : tokens.starts[near]])
    if folded in lexicon.INSTITUTIONS and near > index:
        return True
    if flags & vocabulary.CLINICAL and not (flags & vocabulary.FREQUENT and vocabulary.flags_of(tokens.bare[index]) & vocabulary.NAME):
        return False
    return bool(flags & vocabulary.NAME) and shape(word) != "lower"


def _beside_digit(tokens: Tokens, index: int) -> bool:
    """A code such as `dir16`, `Br40d`, `35sl`: up to three letters at a number of up to four digits."""
    if len(tokens.words[index]) > 3 or not tokens.words[index].isascii():
        return False
    beside = [near for near in (index - 1, index + 1) if 0 <= near < len(tokens.words) and tokens.kinds[near] == NUMBER]
    return bool(beside) and all(len(tokens.words[near]) <= 4 for near in beside)


def _is_abbreviation(word: str, folded: str) -> bool:
    """Two to four consonants in one case, which no name is made of."""
    return len(word) <= 4 and (word.isupper() or word.islower()) and word.isascii() and not any(vowel in folded for vowel in "aeiouy")


def _glue(tokens: Tokens, index: int) -> tuple[int, int]:
    """From the first to past the last of the letters and digits that nothing parts from the token at `index`."""
    first, last = index, index + 1
    while first and tokens.kinds[first - 1] in (WORD, NUMBER):
        first -= 1
    while last < len(tokens.words) and tokens.kinds[last] in (WORD, NUMBER):
        last += 1
    return first, last


def glued(tokens: Tokens, gone: bytearray) -> None:
    """Where a part of a code of letters and digits goes, what is left of the code goes too, but for its known words."""
    for index, kind in enumerate(tokens.kinds):
        if not gone[index] or kind != WORD:
            continue
        first, last = _glue(tokens, index)
        for near in range(first, last) if last - first > 1 else ():
            if tokens.kinds[near] == NUMBER or len(tokens.words[near]) < 4:
                gone[near] = 1


def _is_piece(piece: str) -> bool:
    flags = vocabulary.flags_of(piece)
    return bool(flags & vocabulary.TECHNICAL) or (len(piece) > 2 and bool(flags & vocabulary.KNOWN) and not flags & vocabulary.EPONYM)
