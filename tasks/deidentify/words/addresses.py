"""Addresses: a house with its street in several languages, a city with its postal code."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.deidentify.words import lexicon, vocabulary
from tasks.deidentify.words.person import may_continue, may_name
from tasks.deidentify.words.spans import PLACE, Span
from tasks.deidentify.words.tokens import NUMBER, WORD, Tokens, is_free, step


def find(tokens: Tokens) -> Iterator[Span]:
    """Every address with a house's number or a postal code."""
    for index, kind in enumerate(tokens.kinds):
        if kind == WORD:
            first = _house_before(tokens, index) if _is_street(tokens, index) else None
            if first is not None:
                yield Span(tokens.starts[first], tokens.ends[_address_end(tokens, index)], PLACE)
            elif tokens.folded[index] in lexicon.STREETS_BEFORE or tokens.folded[index].endswith(
                lexicon.STREET_ENDINGS
            ):
                yield from _street_with_number(tokens, index)
        elif kind == NUMBER and len(tokens.words[index]) == 5 and (start := _city_before(tokens, index)) is not None:
            yield Span(tokens.starts[start], tokens.ends[index], PLACE)


def _is_street(tokens: Tokens, index: int) -> bool:
    folded = tokens.folded[index]
    return (
        folded in lexicon.STREETS
        or folded in lexicon.UNITS
        or (folded in lexicon.WEAK_STREETS and tokens.words[index][0].isupper())
    )


def _house_before(tokens: Tokens, index: int) -> int | None:
    """The number of the house, one to four words before the street: `98 Anton Street`, `813 riverside Ave.`"""
    at: int | None = index
    named = False
    sure = tokens.folded[index] in lexicon.STREETS
    for words in range(6):
        at = step(tokens, at, -1) if at is not None else None
        if at is None:
            return None
        if tokens.kinds[at] == NUMBER and not is_free(tokens, at):
            if tokens.folded[at + 1] not in ("st", "nd", "rd", "th"):
                return None  # 3D, 2mm, T2
            named = True
        elif tokens.kinds[at] == NUMBER:
            return at if named and words <= 5 and len(tokens.words[at]) <= 5 else None
        folded = tokens.bare[at]
        if folded in lexicon.FUNCTION and folded not in ("the", "of", "la", "le", "de"):
            return None
        flags = vocabulary.flags_of(folded)
        if flags & vocabulary.CLINICAL and not flags & vocabulary.NAME and len(folded) > 2:
            return None
        capital = tokens.words[at][0].isupper()
        named = named or capital or (sure and not flags & vocabulary.CLINICAL)
        if not capital and not sure:
            return None
    return None


def _address_end(tokens: Tokens, index: int) -> int:
    """The last token of an address whose street ends at `index`: flat, city, state and postal code belong to it."""
    last, words = index, 0
    at = step(tokens, index, 1)
    while at is not None and words < 9:
        folded, word = tokens.folded[at], tokens.words[at]
        glued = tokens.ends[last] == tokens.starts[at]
        if tokens.kinds[at] == NUMBER:
            if not (len(word) >= 4 or tokens.folded[last] in lexicon.UNITS or words == 0 or glued):
                break
            last = at
            if len(word) == 5:
                break
        elif (glued and tokens.kinds[last] == NUMBER) or (
            tokens.kinds[at] == WORD and (folded in lexicon.UNITS or (folded in lexicon.STATES and word.isupper()))
        ):
            last = at
        elif not may_name(tokens, at):
            break
        elif (after := _city_ends(tokens, at)) is not None:
            last = at = after
        else:
            break
        at, words = step(tokens, at, 1), words + 1
    return last


def _city_ends(tokens: Tokens, index: int) -> int | None:
    """The last word of a city that is followed by a state or a postal code, or that no list knows."""
    at: int | None = index
    last = index
    for _ in range(4):
        following = step(tokens, last, 1)
        if following is not None and tokens.kinds[following] == NUMBER and len(tokens.words[following]) >= 4:
            return last
        if following is not None and tokens.folded[following] in lexicon.STATES and tokens.words[following].isupper():
            return following
        if following is not None and tokens.folded[following] in lexicon.STATE_NAMES:
            return following
        if following is None or not may_name(tokens, following):
            break
        last = following
    return at if not vocabulary.is_known(tokens.bare[index]) else None


def _city_before(tokens: Tokens, index: int) -> int | None:
    """Where the place begins that a five-digit code ends: `Little Rock AR 72223`, with what stands before it."""
    at = step(tokens, index, -1)
    if at is None or tokens.kinds[at] != WORD:
        return _german_city(tokens, index)
    state = (tokens.folded[at] in lexicon.STATES and tokens.words[at].isupper()) or tokens.folded[
        at
    ] in lexicon.STATE_NAMES
    if not state:
        return _german_city(tokens, index)
    first = city = at
    for words in range(9):
        before = step(tokens, first, -1)
        if before is None or not (
            may_name(tokens, before) or tokens.kinds[before] == NUMBER or tokens.folded[before] in lexicon.UNITS
        ):
            break
        # Without the number of a house the city is all that belongs to the code: three words, up to a comma.
        if (
            city == first
            and words < 3
            and not (words and "," in tokens.text[tokens.ends[before] : tokens.starts[first]])
        ):
            city = before
        first = before
        if tokens.kinds[before] == NUMBER and not _is_flat(tokens, before):
            return first
    return city


def _is_flat(tokens: Tokens, index: int) -> bool:
    before = step(tokens, index, -1)
    return before is not None and tokens.folded[before] in lexicon.UNITS


def _german_city(tokens: Tokens, index: int) -> int | None:
    after = step(tokens, index, 1, "")
    if after is None or tokens.kinds[after] != WORD or vocabulary.is_known(tokens.bare[after]):
        return None
    return index if tokens.words[after][0].isupper() else None


def _street_with_number(tokens: Tokens, index: int) -> Iterator[Span]:
    """Streets of other languages: `Hugstetter Straße 55`, `12 rue de la Paix`, `Via Roma, 3`, `Keizersgracht 12`."""
    word, folded = tokens.words[index], tokens.folded[index]
    leading = folded in lexicon.STREETS_BEFORE
    if not leading and (not word[0].isupper() or (vocabulary.is_known(folded) and len(folded) > 7)):
        return
    first = last = index
    before = step(tokens, index, -1)
    if leading:
        following: int | None = index
        for _ in range(6):
            following = step(tokens, following, 1, ".-'’") if following is not None else None
            if following is None or not (may_continue(tokens, following) or tokens.folded[following] in lexicon.OF):
                break
            if may_continue(tokens, following):
                last = following
        if last == index:
            return
        house = before if before is not None and tokens.kinds[before] == NUMBER else step(tokens, last, 1)
    else:
        house = step(tokens, index, 1)
        if (
            before is not None
            and may_name(tokens, before)
            and folded in ("strasse", "str", "weg", "platz", "allee", "gasse")
        ):
            first = before
    if house is None or tokens.kinds[house] != NUMBER or len(tokens.words[house]) > 4:
        return
    yield Span(tokens.starts[min(first, house)], tokens.ends[max(last, house)], PLACE)
