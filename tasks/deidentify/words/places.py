"""Where people live and are treated: addresses, cities with their state and code, hospitals, rooms."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.deidentify.words import lexicon, vocabulary
from tasks.deidentify.words.spans import HOSPITAL, PLACE, Span
from tasks.deidentify.words.tokens import MARK, NUMBER, SPACE, WORD, Tokens, shape

_BOX = re.compile(r"(?<![^\W_])(?:p\.?\s?o\.?\s?box|postfach|apartado|casella postale)\s?#?\d{1,8}", re.IGNORECASE)
_POSTCODES = re.compile(
    r"(?<![^\W_])(?:(?!(?:T|C|L|S|TE|TR|TI)\d\d?\s)[A-Z]{1,2}\d{1,2}[A-Z]?\s\d(?!MM|CM|ML|MG|KG|CC|HZ|CT|MR|ST|ND|RD|TH|PM|AM|FR|XL)[A-Z]{2}|[A-Z]\d[A-Z]\s\d[A-Z]\d|[A-Z]-\d{4,5})(?![^\W_])"
)
_ROOM = re.compile(
    rf"(?<![^\W_])(?P<cue>{'|'.join(sorted(lexicon.ROOMS))})(?:\s?(?:no\.?|number))?[\s:#\-]{{1,3}}(?P<number>[A-Z]{{0,4}}\d{{1,5}}[A-Z]?(?:-\d{{1,3}})?)(?![^\W_]|[.,/]\d|\s?(?:mg|ml|units?|cm|mm))",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"[\s,.\-–/#]{1,3}")


def find(tokens: Tokens, shouted: bool = False) -> list[Span]:
    """Every place in the text. `shouted`: it is written in capitals, so that they tell nothing."""
    text = tokens.text
    spans: list[Span] = []
    if NUMBER in tokens.kinds:
        spans.extend(Span(found.start(), found.end(), PLACE) for found in _BOX.finditer(text))
        spans.extend(_addresses(tokens, shouted))
        spans.extend(Span(found.start(), found.end(), PLACE) for found in _POSTCODES.finditer(text))
        for found in _ROOM.finditer(text):
            if len(found["number"]) >= 3 or found["cue"][0].isupper() and len(found["number"]) > 1:
                spans.append(Span(found.start("number"), found.end("number"), PLACE))
    if not lexicon.INSTITUTIONS.isdisjoint(tokens.bare):
        spans.extend(_hospitals(tokens, shouted))
    return spans


def step(tokens: Tokens, index: int, direction: int, marks: str = ",.-'’&#") -> int | None:
    """The next word or number from `index` on, over one space and one or two of `marks`; None where there is none so near."""
    at, passed = index + direction, 0
    while 0 <= at < len(tokens.words) and tokens.kinds[at] in (SPACE, MARK):
        if passed == 3 or "\n" in tokens.words[at] or len(tokens.words[at]) > 2 or (tokens.kinds[at] == MARK and tokens.words[at] not in marks):
            return None
        at, passed = at + direction, passed + 1
    return at if 0 <= at < len(tokens.words) else None


def may_name(tokens: Tokens, index: int, shouted: bool = False) -> bool:
    """Whether a word may be part of a name: capitalised, of no sentence's words and of no clinical ones."""
    if tokens.kinds[index] != WORD:
        return False
    folded = tokens.bare[index]
    flags = vocabulary.flags_of(folded)
    if folded in lexicon.FUNCTION:
        return folded in lexicon.ARTICLES and tokens.words[index].istitle() and not shouted
    if (flags & vocabulary.CLINICAL and not flags & vocabulary.NAME):
        return False
    if shouted:
        return not flags & vocabulary.KNOWN or bool(flags & vocabulary.NAME)
    return shape(tokens.words[index]) != "lower"


def _may_continue(tokens: Tokens, index: int) -> bool:
    """As `may_name`, but no clinical word: what follows a place is a description again."""
    return may_name(tokens, index) and not vocabulary.flags_of(tokens.bare[index]) & vocabulary.CLINICAL


def _addresses(tokens: Tokens, shouted: bool) -> Iterator[Span]:
    for index, kind in enumerate(tokens.kinds):
        if kind == WORD:
            first = _house_before(tokens, index) if _is_street(tokens, index) else None
            if first is not None:
                yield Span(tokens.starts[first], tokens.ends[_address_end(tokens, index)], PLACE)
            elif tokens.folded[index] in lexicon.STREETS_BEFORE or tokens.folded[index].endswith(lexicon.STREET_ENDINGS):
                yield from _street_with_number(tokens, index)
        elif kind == NUMBER and len(tokens.words[index]) == 5 and (start := _city_before(tokens, index)) is not None:
            yield Span(tokens.starts[start], tokens.ends[index], PLACE)


def _is_street(tokens: Tokens, index: int) -> bool:
    folded = tokens.folded[index]
    return folded in lexicon.STREETS or folded in lexicon.UNITS or (folded in lexicon.WEAK_STREETS and tokens.words[index][0].isupper())


def _house_before(tokens: Tokens, index: int) -> int | None:
    """The number of the house, one to four words before the street: `98 Anton Street`, `813 riverside Ave.`"""
    at: int | None = index
    named = False
    sure = tokens.folded[index] in lexicon.STREETS
    for words in range(6):
        at = step(tokens, at, -1) if at is not None else None
        if at is None:
            return None
        if tokens.kinds[at] == NUMBER and at + 1 < len(tokens.words) and tokens.kinds[at + 1] == WORD:
            if tokens.folded[at + 1] not in ("st", "nd", "rd", "th"):
                return None  # 3D, 2mm
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
        elif glued and tokens.kinds[last] == NUMBER:
            last = at
        elif tokens.kinds[at] == WORD and (folded in lexicon.UNITS or (folded in lexicon.STATES and word.isupper())):
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
    state = (tokens.folded[at] in lexicon.STATES and tokens.words[at].isupper()) or tokens.folded[at] in lexicon.STATE_NAMES
    if not state:
        return _german_city(tokens, index)
    first = city = at
    for words in range(9):
        before = step(tokens, first, -1)
        if before is None or not (may_name(tokens, before) or tokens.kinds[before] == NUMBER or tokens.folded[before] in lexicon.UNITS):
            break
        # Without the number of a house the city is all that belongs to the code: three words, up to a comma.
        if city == first and words < 3 and not (words and "," in tokens.text[tokens.ends[before] : tokens.starts[first]]):
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
        for _ in range(5):
            following = step(tokens, last, 1)
            if following is None or not (_may_continue(tokens, following) or tokens.folded[following] in lexicon.OF):
                break
            last = following
        if last == index:
            return
        house = before if before is not None and tokens.kinds[before] == NUMBER else step(tokens, last, 1)
    else:
        house = step(tokens, index, 1)
        if before is not None and may_name(tokens, before) and folded in ("strasse", "str", "weg", "platz", "allee", "gasse"):
            first = before
    if house is None or tokens.kinds[house] != NUMBER or len(tokens.words[house]) > 4:
        return
    yield Span(tokens.starts[min(first, house)], tokens.ends[max(last, house)], PLACE)


def cities(tokens: Tokens) -> Iterator[Span]:
    """A word that no list knows before a state: `Nantucket, MA`. After people: `Kelly, MD` looks the same."""
    for index, kind in enumerate(tokens.kinds):
        if kind == WORD and len(tokens.words[index]) == 2 and tokens.words[index].isupper() and tokens.folded[index] in lexicon.STATES:
            before = step(tokens, index, -1, ",")
            if before is not None and may_name(tokens, before) and not vocabulary.is_known(tokens.bare[before]):
                further = step(tokens, before, -1, ".")
                if further is not None and tokens.kinds[further] == WORD and may_name(tokens, further):
                    before = further
                yield Span(tokens.starts[before], tokens.ends[index], PLACE)


def _hospitals(tokens: Tokens, shouted: bool) -> Iterator[Span]:
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
    if tokens.folded[index] in ("center", "centre", "mc", "radiology", "radiologie", "labs", "school", "partners", "associates"):
        before = step(tokens, index, -1, "'’")
        if before is None or tokens.bare[before] not in lexicon.BEFORE_CENTER | {"va"}:
            return index, index
    for _ in range(6):
        before = step(tokens, first, -1, ".-'’&")
        if before is None or tokens.kinds[before] != WORD or " -" in tokens.text[tokens.ends[before] : tokens.starts[first]]:
            break
        folded = tokens.bare[before]
        if folded in lexicon.GENERIC or folded in lexicon.BEFORE_CENTER:
            if not (shouted or tokens.words[before][0].isupper()):
                break
            first = before
        elif may_name(tokens, before, shouted) and (not linked or _may_continue(tokens, before)):
            named, first = True, before
        elif (folded in ("of", "the", "and") and first != index) or (folded in ("st", "saint", "sankt", "san", "santa") and named):
            first, linked = before, True
        else:
            break
    while first < index and tokens.folded[first] in ("of", "the", "and"):
        first = step(tokens, first, 1, ".-'’&") or index
    if not named:
        first = index
    after = step(tokens, last, 1, ".-'’")
    while after is not None and tokens.kinds[after] == WORD and tokens.words[after][0].isupper() and (named or last > index):
        if tokens.bare[after] not in lexicon.CENTERS | lexicon.BEFORE_CENTER:
            break
        last, after = after, step(tokens, after, 1, ".-'’")
    return first, _behind(tokens, last)


def _behind(tokens: Tokens, last: int) -> int:
    """What a hospital is named by behind its word: `University of Iowa`, `Hôpital Saint-Louis`, `Klinikum Stuttgart`."""
    reached, at = last, step(tokens, last, 1, ".-'’")
    foreign = tokens.folded[last] not in ("hospital", "hospitals", "clinic", "center", "centre", "university", "college", "school", "institute", "foundation")
    linked = False
    for _ in range(5):
        if at is None or tokens.kinds[at] != WORD:
            break
        folded = tokens.bare[at]
        if folded in lexicon.OF and tokens.words[at].islower():
            linked = True
        elif _may_continue(tokens, at) and (linked or foreign or not vocabulary.is_known(folded)):
            reached = at
        else:
            break
        at = step(tokens, at, 1, ".-'’")
    return reached
