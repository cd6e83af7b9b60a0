"""People told by what stands beside them: `Dr. Hand`, `Kelly, MD`, `signed by: Young`, `wife Rose`, `cc: J Long`."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.deidentify.words import lexicon, vocabulary
from tasks.deidentify.words.person import LONGEST, continues, is_initial, is_namelike, is_person, name_end
from tasks.deidentify.words.spans import NAME, Span
from tasks.deidentify.words.tokens import MARK, SPACE, WORD, Tokens, shape, step

_CUES = (
    lexicon.TITLES
    | lexicon.ROLES
    | lexicon.BY
    | lexicon.RELATIVES
    | lexicon.CREDENTIALS
    | lexicon.WEAK
    | frozenset("m d o r n p ph")
)


def find(tokens: Tokens, strict: bool = False) -> list[Span]:
    """Names beside a title, a role, a relative or a credential. `strict`: of a description, where words stand alone."""
    spans = list(_initials(tokens)) if strict and "." in tokens.words else []
    if _CUES.isdisjoint(tokens.bare):
        return spans
    for index, folded in enumerate(tokens.bare):
        if folded not in _CUES:
            continue
        if folded in lexicon.TITLES or folded == "m":
            spans.extend(_behind_title(tokens, index, folded))
        elif folded in lexicon.ROLES or folded in lexicon.BY:
            spans.extend(_behind_role(tokens, index, folded))
        elif folded in lexicon.RELATIVES:
            spans.extend(_behind_relative(tokens, index))
        if folded in lexicon.CREDENTIALS or _spelt(tokens, index):
            spans.extend(_before_credential(tokens, index, folded))
        if folded in lexicon.WEAK and strict:
            spans.extend(_behind_weak(tokens, index))
    return spans


def _initials(tokens: Tokens) -> Iterator[Span]:
    """`N. Smothers` in a description, where no sentence ends with a letter."""
    for index, word in enumerate(tokens.words):
        if len(word) == 1 and word.isupper() and is_initial(tokens, index):
            last = name_end(tokens, index)
            if not vocabulary.flags_of(tokens.bare[last]) & vocabulary.CLINICAL:
                yield Span(tokens.starts[index], tokens.ends[last], NAME)


def _behind_title(tokens: Tokens, index: int, title: str) -> Iterator[Span]:
    word = tokens.words[index]
    dotted = index + 1 < len(tokens.words) and tokens.words[index + 1] == "."
    if title == "m" and not (dotted and word == "M"):
        return
    first = step(tokens, index, 1, ".,")
    if first is None or tokens.kinds[first] != WORD or tokens.folded[first] in lexicon.TITLES:
        return
    if tokens.folded[first] in lexicon.FUNCTION and not (is_initial(tokens, first) or _is_given(tokens, first)):
        return
    flags = vocabulary.flags_of(tokens.bare[first])
    if title == "m" and len(tokens.words[first]) > 2 and tokens.words[first].istitle() and _ends(tokens, first):
        yield Span(tokens.starts[first], tokens.ends[first], NAME)  # M. Genou
        return
    if title == "pt" or title == "m" or (title in lexicon.SHOUTED and word.isupper() and not dotted):
        if (
            (flags & vocabulary.KNOWN and not flags & vocabulary.FREQUENT)
            or flags & vocabulary.CLINICAL
            or not is_namelike(tokens, first)
        ):
            return
    elif shape(tokens.words[first]) == "lower" and flags & vocabulary.KNOWN and not flags & vocabulary.FREQUENT:
        return
    if title == "pt" and word.islower() and shape(tokens.words[first]) == "lower":
        return
    yield Span(tokens.starts[first], tokens.ends[name_end(tokens, first)], NAME)


def _is_given(tokens: Tokens, index: int) -> bool:
    """`Will` and `May` behind a title: a sentence's word there is in lower case, or has none behind it."""
    after = step(tokens, index, 1, "")
    named = tokens.words[index].istitle() and bool(vocabulary.flags_of(tokens.bare[index]) & vocabulary.NAME)
    return named and (after is None or tokens.kinds[after] != WORD or not tokens.words[after].islower())


def _ends(tokens: Tokens, index: int) -> bool:
    """Whether no further word stands beside this one."""
    after = step(tokens, index, 1, "")
    return after is None or tokens.kinds[after] != WORD


def _behind_role(tokens: Tokens, index: int, role: str) -> Iterator[Span]:
    colon = False
    at = index + 1
    while (
        at < len(tokens.words)
        and at - index < 8
        and (
            tokens.kinds[at] in (SPACE, MARK)
            or tokens.folded[at] in (*lexicon.BY, "md", "is", "of", "physician", "name")
        )
    ):
        if "\n" in tokens.words[at] and not colon:
            return
        colon = colon or tokens.words[at] in ":=#" or tokens.folded[at] in lexicon.BY
        at += 1
    if (
        at >= len(tokens.words)
        or tokens.kinds[at] != WORD
        or tokens.folded[at] in lexicon.FUNCTION
        or tokens.folded[at] in lexicon.TITLES
    ):
        return
    if role in lexicon.BY:
        if is_namelike(tokens, at) and is_person(tokens, at):
            yield Span(tokens.starts[at], tokens.ends[name_end(tokens, at)], NAME)
        return
    flags = vocabulary.flags_of(tokens.bare[at])
    if colon and len(tokens.words[at]) == 1 and tokens.words[at].isupper():  # J Long
        after = step(tokens, at, 1, "")
        if after is not None and tokens.words[after].istitle() and is_namelike(tokens, after):
            yield Span(tokens.starts[at], tokens.ends[name_end(tokens, after)], NAME)
        return
    if (
        is_namelike(tokens, at)
        and (colon or not flags & vocabulary.KNOWN or is_person(tokens, at))
        and not (flags & vocabulary.CLINICAL and not colon)
    ):
        yield Span(tokens.starts[at], tokens.ends[name_end(tokens, at)], NAME)


def _behind_relative(tokens: Tokens, index: int) -> Iterator[Span]:
    first = step(tokens, index, 1, ",(:")
    if first is None or tokens.kinds[first] != WORD or tokens.folded[first] in lexicon.FUNCTION:
        return
    flags = vocabulary.flags_of(tokens.bare[first])
    if shape(tokens.words[first]) == "Title" and is_namelike(tokens, first) and not flags & vocabulary.CLINICAL:
        yield Span(tokens.starts[first], tokens.ends[name_end(tokens, first)], NAME)


def _behind_weak(tokens: Tokens, index: int) -> Iterator[Span]:
    """`for Young` at the end of a text or before another name: frequent names that are words as well."""
    first = step(tokens, index, 1, "")
    if first is None or tokens.kinds[first] != WORD or not tokens.words[first][0].isupper():
        return
    flags = vocabulary.flags_of(tokens.bare[first])
    following = step(tokens, first, 1, "")
    alone = following is None or tokens.kinds[following] != WORD or is_namelike(tokens, following)
    if flags & vocabulary.FREQUENT and (alone or not flags & vocabulary.CLINICAL):
        yield Span(tokens.starts[first], tokens.ends[name_end(tokens, first)], NAME)


def _before_credential(tokens: Tokens, index: int, folded: str) -> Iterator[Span]:
    last = step(tokens, index, -1, ",.")
    if last is None or tokens.kinds[last] != WORD or tokens.folded[last] in lexicon.FUNCTION:
        return
    comma = any(tokens.words[at] == "," for at in range(last + 1, index))
    sure = folded in lexicon.SURE_CREDENTIALS or _spelt(tokens, index)
    if not (comma or (sure and tokens.words[index].isupper())) or not tokens.words[index][0].isupper():
        return
    if folded in lexicon.CREDENTIALS and tokens.bare[last] in lexicon.CREDENTIALS:
        further = step(tokens, last, -1, ",.")
        if further is None or tokens.kinds[further] != WORD:
            return
        last = further
    if (
        not is_namelike(tokens, last)
        or (not sure and vocabulary.is_known(tokens.bare[last]))
        or shape(tokens.words[last]) == "lower"
    ):
        return
    first = last
    for _ in range(LONGEST - 1):
        before = step(tokens, first, -1, ".-'’,")
        if before is None or tokens.kinds[before] != WORD or not continues(tokens, before):
            break
        if any(tokens.words[at] == "," for at in range(before + 1, first)) and not is_person(tokens, before):
            break
        first = before
    yield Span(tokens.starts[first], tokens.ends[last], NAME)


def _spelt(tokens: Tokens, index: int) -> bool:
    """`M.D.`, `D.O.`, `R.N.`, `Ph.D.`, written with dots."""
    return (
        index + 3 < len(tokens.words)
        and tokens.words[index + 1] == "."
        and tokens.words[index + 3] == "."
        and tokens.folded[index] + tokens.folded[index + 2] in lexicon.SURE_CREDENTIALS | {"do", "pa"}
        and tokens.words[index + 2][0].isupper()
    )
