"""Names that nothing announces: capitalised words that no list of ordinary and clinical words has."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.deidentify.words import lexicon, vocabulary
from tasks.deidentify.words.cues import is_initial
from tasks.deidentify.words.identifiers import PARTICLES
from tasks.deidentify.words.languages import Language, language_of, starts_sentence
from tasks.deidentify.words.parts import is_coined, is_eponym
from tasks.deidentify.words.places import step
from tasks.deidentify.words.spans import NAME, PLACE, Span
from tasks.deidentify.words.tokens import MARK, NUMBER, SPACE, WORD, Tokens, shape

_IN = frozenset("in from near at of to toward towards aus nach de a en dans".split())
_DOSE = frozenset("mg mcg ug ml units unit unt iu tab tabs tablet tablets capsule capsules cap caps puff puffs drip gtt patch inhaler syrup cream ointment solution suspension infusion injection hfa xl xr er sr cr la po iv im sq sc subq bid tid qid qd qhs qam qpm prn daily".split())
_NO_NAMES = lexicon.TITLES | lexicon.ROLES | lexicon.FUNCTION | lexicon.RELATIVES | frozenset("tel fax geb exam fecha datum date".split())
_BEFORE_NAMES = frozenset("with by from to per and of for via pt patient re told saw see under".split())
_ACRONYM = 5  # letters in capitals up to here are an abbreviation where they are no name


def find(tokens: Tokens, taken: bytearray, shouted: bool) -> list[Span]:
    """Names among the words that are not `taken` (by index) yet; `shouted`: the text is in capitals."""
    marked = [False] * len(tokens.words)
    language = language_of(tokens)
    for index, kind in enumerate(tokens.kinds):
        if kind == WORD and not taken[index]:
            marked[index] = _is_name(tokens, index, shouted, language)
    _spread(tokens, taken, marked, shouted)
    return list(_together(tokens, taken, marked))


def is_shouted(tokens: Tokens) -> bool:
    """Whether a text is in capitals throughout, so that they tell nothing."""
    upper = sum(len(word) for word in tokens.words if len(word) > 3 and word.isupper())
    return bool(upper) and upper > 2 * sum(len(word) for word in tokens.words if word.isalpha() and not word.isupper())


def _is_name(tokens: Tokens, index: int, shouted: bool, language: Language) -> bool:
    word, folded = tokens.words[index], tokens.bare[index]
    if len(word) == 1:
        return is_initial(tokens, index) and _announced(tokens, index)
    flags = vocabulary.flags_of(folded)
    if folded in _NO_NAMES or flags & vocabulary.KNOWN and not (flags & vocabulary.CAPITALS and word.istitle()):
        return False
    written = shape(word)
    if flags & vocabulary.IN_CONTEXT and is_eponym(tokens, index):
        return False
    if written == "lower":
        return not (language.german or language.foreign) and bool(flags & vocabulary.NAME) and not flags & (vocabulary.BOTH | vocabulary.IN_CONTEXT) and len(folded) > 3
    if _is_glued(tokens, index):
        return False
    if written == "UPPER" and not flags & vocabulary.NAME:
        if len(word) <= _ACRONYM and (not shouted or len(word) <= 3):
            return False
        if len(word) > 2 and folded.endswith("s") and word[:-1].isupper() and len(word) <= _ACRONYM:
            return False
    if len(word) == 2 and written == "UPPER" and not shouted:
        return False
    if written == "mixed" and (word[0].islower() or is_coined(word)):
        return False
    if "-" in tokens.text[tokens.ends[index] : tokens.ends[index] + 1] + tokens.text[tokens.starts[index] - 1 : tokens.starts[index]] and _half_known(tokens, index):
        return bool(flags & vocabulary.NAME)
    return bool(flags & vocabulary.NAME) or not (_is_medicine(tokens, index) or language.is_noun(tokens, index))


def _announced(tokens: Tokens, index: int) -> bool:
    """Whether an initial stands where a name may begin: at a line's start, behind a mark or a word like `with`."""
    at = index - 1
    while at >= 0 and tokens.kinds[at] == SPACE and "\n" not in tokens.words[at]:
        at -= 1
    if at < 0 or tokens.kinds[at] != WORD:
        return at < 0 or tokens.words[at] != "."
    return tokens.folded[at] in _BEFORE_NAMES or tokens.folded[at] in lexicon.ROLES or tokens.folded[at] in lexicon.RELATIVES


def _is_glued(tokens: Tokens, index: int) -> bool:
    """Part of a code with digits (`PPSV23`): numbers.py has judged it."""
    before = index > 0 and tokens.kinds[index - 1] == NUMBER
    after = index + 1 < len(tokens.words) and tokens.kinds[index + 1] == NUMBER
    return (before or after) and len(tokens.words[index]) <= _ACRONYM


def _half_known(tokens: Tokens, index: int) -> bool:
    """Joined by a hyphen to a known word, as in `Xylo-coated`; names are joined to names."""
    for near in (step(tokens, index, -1, "-"), step(tokens, index, 1, "-")):
        if near is not None and tokens.kinds[near] == WORD and abs(near - index) == 2:
            flags = vocabulary.flags_of(tokens.bare[near])
            if flags & vocabulary.KNOWN and not flags & vocabulary.NAME and len(tokens.words[near]) > 2:
                return True
    return False


def _is_medicine(tokens: Tokens, index: int) -> bool:
    """Before a dose or a form, as in `Xylotrin 20 mg` or `Xylotrin (two tablets)`."""
    at: int | None = index
    for _ in range(3):
        at = step(tokens, at, 1, "-.,/()") if at is not None else None
        if at is None:
            return False
        if tokens.kinds[at] == WORD and tokens.folded[at] in _DOSE:
            return True
        if tokens.kinds[at] != NUMBER and _ > 0:
            return False
    return False


def _spread(tokens: Tokens, taken: bytearray, marked: list[bool], shouted: bool) -> None:
    """Words beside a name that may be names as well, and initials, belong to it: `Rose Davidson`, `Jon C. Miller`."""
    for direction in (1, -1):
        order = range(len(tokens.words)) if direction > 0 else range(len(tokens.words) - 1, -1, -1)
        for index in order:
            if not (marked[index] or taken[index] == 2):
                continue
            near = step(tokens, index, direction, ".-,'’^")
            if near is None or marked[near] or taken[near] or tokens.kinds[near] != WORD:
                continue
            between = tokens.text[min(tokens.ends[index], tokens.ends[near]) : max(tokens.starts[index], tokens.starts[near])]
            marked[near] = _joins(tokens, near, index, between, marked, shouted)
    for index, kind in enumerate(tokens.kinds):
        if kind == WORD and not marked[index] and not taken[index] and _is_given(tokens, index):
            after = step(tokens, index, 1, "")
            if after is not None and not taken[after] and not marked[after] and _is_frequent(tokens, after) and not starts_sentence(tokens, index):
                marked[index] = marked[after] = True


def _joins(tokens: Tokens, near: int, index: int, between: str, marked: list[bool], shouted: bool) -> bool:
    word, folded = tokens.words[near], tokens.bare[near]
    if len(word) == 1:
        dotted = near + 1 < len(tokens.words) and tokens.words[near + 1] == "."
        return word.isupper() and "," not in between and (dotted or _between_names(tokens, near, marked))
    if near < index and between == " " and (folded in lexicon.ARTICLES or folded in PARTICLES):
        before = step(tokens, near, -1, "")
        return word.istitle() or (before is not None and marked[before])
    if shape(word) == "lower" or folded in lexicon.FUNCTION:
        return False
    if "." in between and not (len(tokens.words[min(near, index)]) <= 2):
        return False
    flags = vocabulary.flags_of(folded)
    if word.isupper() and tokens.words[index].isupper() and len(tokens.words[index]) > 1 and not shouted and (flags & vocabulary.NAME or not flags & vocabulary.KNOWN):
        return True
    if "," in between and not flags & (vocabulary.FREQUENT | vocabulary.BOTH | vocabulary.EPONYM | vocabulary.IN_CONTEXT):
        return False
    if between == " " and near > index and word.istitle() and flags & vocabulary.NAME and vocabulary.flags_of(tokens.bare[index]) & vocabulary.NAME:
        return True
    return bool(flags & vocabulary.NAME) and not flags & vocabulary.TECHNICAL and (not flags & vocabulary.CLINICAL or bool(flags & vocabulary.FREQUENT))


def _between_names(tokens: Tokens, near: int, marked: list[bool]) -> bool:
    sides = (step(tokens, near, -1, "."), step(tokens, near, 1, "."))
    return all(side is not None and (marked[side] or tokens.words[side][0].isupper()) for side in sides)


def _is_given(tokens: Tokens, index: int) -> bool:
    return _is_frequent(tokens, index) and shape(tokens.words[index]) == "Title"


def _is_frequent(tokens: Tokens, index: int) -> bool:
    flags = vocabulary.flags_of(tokens.bare[index])
    return bool(flags & vocabulary.FREQUENT) and not flags & vocabulary.CLINICAL and shape(tokens.words[index]) == "Title"


def _together(tokens: Tokens, taken: bytearray, marked: list[bool]) -> Iterator[Span]:
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
        if last + 1 < len(tokens.words) and tokens.words[last + 1] == "." and tokens.kinds[last + 1] == MARK and len(tokens.words[last]) == 1:
            yield Span(tokens.starts[first], tokens.ends[last + 1], PLACE if place else NAME)
        else:
            yield Span(tokens.starts[first], tokens.ends[last], PLACE if place else NAME)
        index = last + 1
