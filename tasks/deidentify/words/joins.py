"""What belongs to a name in a report: initials and particles, words beside it that may be names; and where it ends."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.deidentify.words import lexicon, vocabulary
from tasks.deidentify.words.languages import starts_sentence
from tasks.deidentify.words.lexicon import PARTICLES
from tasks.deidentify.words.spans import NAME, PLACE, Span
from tasks.deidentify.words.tokens import MARK, WORD, Tokens, is_free, shape, step, words_of

_IN = words_of("in from near at of to toward towards aus nach de a en dans")
_OF_NAMES = words_of("van von der den ter ten dos bin ibn bint zur zum abu mac st")  # particles of nothing but names
_BETWEEN = ".-,'’^"


def spread(tokens: Tokens, taken: bytearray, marked: list[bool], shouted: bool) -> None:
    """Words beside a name that may be names as well, and initials, belong to it: `Rose Davidson`, `Jon C. Miller`."""
    for direction in (1, -1):
        order = range(len(tokens.words)) if direction > 0 else range(len(tokens.words) - 1, -1, -1)
        for index in order:
            if not (marked[index] or taken[index] == 2):
                continue
            near = step(tokens, index, direction, ".-,'’^")
            if near is None or marked[near] or taken[near] or tokens.kinds[near] != WORD:
                continue
            between = tokens.text[
                min(tokens.ends[index], tokens.ends[near]) : max(tokens.starts[index], tokens.starts[near])
            ]
            marked[near] = _joins(tokens, near, index, between, marked, shouted)
    for index, kind in enumerate(tokens.kinds):
        if kind == WORD and not marked[index] and not taken[index] and _is_given(tokens, index):
            after = step(tokens, index, 1, "")
            if (
                after is not None
                and not taken[after]
                and not marked[after]
                and _is_frequent(tokens, after)
                and not starts_sentence(tokens, index)
            ):
                marked[index] = marked[after] = True


def _joins(tokens: Tokens, near: int, index: int, between: str, marked: list[bool], shouted: bool) -> bool:
    word, folded = tokens.words[near], tokens.bare[near]
    if len(word) == 1 and not is_free(tokens, near):
        return False
    if len(word) == 1:
        dotted = near + 1 < len(tokens.words) and tokens.words[near + 1] == "."
        return word.isupper() and "," not in between and (dotted or _between_names(tokens, near, marked))
    if near < index and between == " " and (folded in lexicon.ARTICLES or folded in PARTICLES):
        if word.istitle() or folded in _OF_NAMES:
            return True
        before = step(tokens, near, -1, "")
        return before is not None and (marked[before] or tokens.folded[before] in _OF_NAMES)
    if shape(word) == "lower" or folded in lexicon.FUNCTION:
        return False
    if len(tokens.words[index]) == 1 and near > index and between == ". " and _behind_given(tokens, index, marked):
        return True  # Jane Q. Public
    if "." in between and not (len(tokens.words[min(near, index)]) <= 2):
        return False
    flags = vocabulary.flags_of(folded)
    if (
        word.isupper()
        and tokens.words[index].isupper()
        and len(tokens.words[index]) > 1
        and not shouted
        and not flags & vocabulary.TECHNICAL
        and (flags & vocabulary.NAME or not flags & vocabulary.KNOWN)
    ):
        return True
    if "," in between and not flags & (
        vocabulary.FREQUENT | vocabulary.BOTH | vocabulary.EPONYM | vocabulary.IN_CONTEXT
    ):
        return False
    if (
        between == " "
        and near > index
        and word.istitle()
        and flags & vocabulary.NAME
        and vocabulary.flags_of(tokens.bare[index]) & vocabulary.NAME
    ):
        return True
    return (
        bool(flags & vocabulary.NAME)
        and not flags & vocabulary.TECHNICAL
        and (not flags & vocabulary.CLINICAL or bool(flags & vocabulary.FREQUENT))
    )


def _behind_given(tokens: Tokens, index: int, marked: list[bool]) -> bool:
    before = step(tokens, index, -1, "")
    return before is not None and marked[before] and len(tokens.words[before]) > 1


def _between_names(tokens: Tokens, near: int, marked: list[bool]) -> bool:
    sides = (step(tokens, near, -1, "."), step(tokens, near, 1, "."))
    return all(side is not None and (marked[side] or tokens.words[side][0].isupper()) for side in sides)


def _is_given(tokens: Tokens, index: int) -> bool:
    return _is_frequent(tokens, index) and shape(tokens.words[index]) == "Title"


def _is_frequent(tokens: Tokens, index: int) -> bool:
    flags = vocabulary.flags_of(tokens.bare[index])
    return (
        bool(flags & vocabulary.FREQUENT) and not flags & vocabulary.CLINICAL and shape(tokens.words[index]) == "Title"
    )


def together(tokens: Tokens, taken: bytearray, marked: list[bool]) -> Iterator[Span]:
    index = 0
    while index < len(tokens.words):
        if not marked[index]:
            index += 1
            continue
        first = last = index
        while True:
            after = step(tokens, last, 1, ".-,'’^")
            if after is None or not marked[after] or taken[after]:
                break
            last = after
        before = step(tokens, first, -1, "")
        place = before is not None and tokens.folded[before] in _IN and tokens.kinds[before] == WORD
        if (
            last + 1 < len(tokens.words)
            and tokens.words[last + 1] == "."
            and tokens.kinds[last + 1] == MARK
            and len(tokens.words[last]) == 1
        ):
            yield Span(tokens.starts[first], tokens.ends[last + 1], PLACE if place else NAME)
        else:
            yield Span(tokens.starts[first], tokens.ends[last], PLACE if place else NAME)
        index = last + 1
