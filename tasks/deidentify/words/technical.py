"""Texts that a device or a standard chooses: sequences, kernels, materials, routes, code strings.

A maker's words are in no dictionary, so more stays than in a description: short unknown words and numbers of five
digits. Names of people, longer unknown words, longer numbers and dates go here too. Terms of PS3.3 stay as they are.
"""

from __future__ import annotations

from functools import cache, lru_cache

from tasks.deidentify.known import Known
from tasks.deidentify.words import dates, descriptors, numbers, parts, tidy, vocabulary
from tasks.deidentify.words.identifiers import identifiers
from tasks.deidentify.words.mentions import mentions
from tasks.deidentify.words.spans import DATE, Span
from tasks.deidentify.words.tokens import NUMBER, RUN, WORD, Tokens, tokenize, visible

_CODE = 3  # letters of a word that is a code, whatever else it may be
_COINED = 5  # letters of an unknown word that a maker may have coined
_DIGITS = 5
_DATE_DIGITS = 6  # `SAT2` and `3.1.62` are no dates
_TERMS = "defined_terms.json"


@lru_cache(maxsize=16384)
def clean(text: str, known: Known) -> str:
    """`text` without what may name somebody; "" where nothing is left. Pure; never raises."""
    text = visible(text)
    bare = text.strip(" \0")
    if len(bare) > _CODE and mentions(bare, known):
        return descriptors.clean(text, known)
    if (len(bare) <= _CODE and bare.isascii()) or bare.upper() in terms():
        return text
    tokens = tokenize(bare)
    if RUN in tokens.kinds:  # no maker's code
        return descriptors.clean(text, known)
    gone = bytearray(len(tokens.words))
    for span in (*dates.find(tokens, 0, identifiers(known).days), *numbers.web(bare)):
        if span.category != DATE or sum(map(str.isdigit, bare[span.start : span.end])) >= _DATE_DIGITS:
            _mark(tokens, gone, span)
    for index, kind in enumerate(tokens.kinds):
        if not gone[index] and not _may_stay(tokens, index, kind):
            gone[index] = 1
    return tidy.joined(tokens, gone) if any(gone) else text


@cache
def terms() -> frozenset[str]:
    """Defined terms and enumerated values of PS3.3 that are made of no known words."""
    from tasks.deidentify.rules.tables import load

    return frozenset(load(_TERMS)["terms"])


def _may_stay(tokens: Tokens, index: int, kind: int) -> bool:
    word = tokens.words[index]
    if kind == NUMBER:
        round_number = len(word.rstrip("0")) < 3 and len(word) < 7
        return len(word) <= _DIGITS or round_number or parts.is_measure(tokens, index)
    if kind != WORD or word.upper() in terms():
        return True
    known = vocabulary.flags_of(tokens.bare[index])
    if word.isascii() and (len(word) <= _CODE or (len(word) <= _COINED and not known & vocabulary.NAME)):
        return True
    return parts.may_stay(tokens, index)


def _mark(tokens: Tokens, gone: bytearray, span: Span) -> None:
    for index, start in enumerate(tokens.starts):
        if start < span.end and tokens.ends[index] > span.start:
            gone[index] = 1
