"""Hospitals, practices, universities: the words of their names around the word that says what they are."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.deidentify.words import lexicon, vocabulary
from tasks.deidentify.words.parts import is_structure
from tasks.deidentify.words.person import may_continue, may_name
from tasks.deidentify.words.spans import HOSPITAL, Span
from tasks.deidentify.words.tokens import WORD, Tokens, step, words_of

_MARKS = ".-'’"
# Behind these no name follows but with `of`.
_ENGLISH = words_of("""hospital hospitals clinic center centre university college school institute foundation""")


def find(tokens: Tokens, shouted: bool) -> Iterator[Span]:
    """Every institution that is named. `shouted`: the text is in capitals, so that they tell nothing."""
    if lexicon.INSTITUTIONS.isdisjoint(tokens.bare):
        return
    for index, kind in enumerate(tokens.kinds):
        if kind != WORD or tokens.bare[index] not in lexicon.INSTITUTIONS:
            continue
        if shouted or tokens.words[index][0].isupper() or tokens.folded[index] in ("hospital", "clinic"):
            first, last = _hospital(tokens, index, shouted)
            if first < index or last > index:
                yield Span(tokens.starts[first], tokens.ends[last], HOSPITAL)


def _hospital(tokens: Tokens, index: int, shouted: bool) -> tuple[int, int]:
    """From the first to the last word of the institution that the word at `index` names."""
    first = last = index
    named = linked = False
    if tokens.folded[index] in (
        "center",
        "centre",
        "mc",
        "radiology",
        "radiologie",
        "labs",
        "school",
        "partners",
        "associates",
    ):
        before = step(tokens, index, -1, "'’")
        if before is None or tokens.bare[before] not in lexicon.BEFORE_CENTER | {"va"}:
            return index, index
    for _ in range(6):
        before = step(tokens, first, -1, ".-'’&")
        if (
            before is None
            or tokens.kinds[before] != WORD
            or " -" in tokens.text[tokens.ends[before] : tokens.starts[first]]
            or _ends_sentence(tokens, before, first)
            or is_structure(tokens, before)
        ):
            break
        folded = tokens.bare[before]
        if folded in lexicon.GENERIC or folded in lexicon.BEFORE_CENTER:
            if not (shouted or tokens.words[before][0].isupper()):
                break
            first = before
        elif may_name(tokens, before, shouted) and (not linked or may_continue(tokens, before)):
            named, first = True, before
        elif (folded in ("of", "the", "and") and first != index) or (
            folded in ("st", "saint", "sankt", "san", "santa") and named
        ):
            first, linked = before, True
        else:
            break
    while first < index and tokens.folded[first] in ("of", "the", "and"):
        first = step(tokens, first, 1, ".-'’&") or index
    if not named:
        first = index
    after = step(tokens, last, 1, _MARKS)
    while (
        after is not None
        and tokens.kinds[after] == WORD
        and tokens.words[after][0].isupper()
        and (named or last > index)
    ):
        if tokens.bare[after] not in lexicon.CENTERS | lexicon.BEFORE_CENTER or _ends_sentence(tokens, last, after):
            break
        last, after = after, step(tokens, after, 1, _MARKS)
    return first, _behind(tokens, last)


def _ends_sentence(tokens: Tokens, last: int, following: int) -> bool:
    """Whether a full stop between two words ends a sentence and no abbreviation such as `St.`"""
    return "." in tokens.text[tokens.ends[last] : tokens.starts[following]] and len(tokens.words[last]) > 3


def _behind(tokens: Tokens, last: int) -> int:
    """What a hospital is named by behind its word: `University of Iowa`, `Hôpital Saint-Louis`."""
    reached, at = last, step(tokens, last, 1, _MARKS)
    foreign = tokens.folded[last] not in _ENGLISH
    linked = False
    for _ in range(5):
        if at is None or tokens.kinds[at] != WORD or _ends_sentence(tokens, reached, at):
            break
        folded = tokens.bare[at]
        if folded in lexicon.OF and tokens.words[at].islower():
            linked = True
        elif may_continue(tokens, at) and (linked or foreign or not vocabulary.is_known(folded)):
            reached = at
        else:
            break
        at = step(tokens, at, 1, _MARKS)
    return reached
