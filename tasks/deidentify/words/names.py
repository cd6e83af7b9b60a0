"""Names that nothing announces: capitalised words that no list of ordinary and clinical words has."""

from __future__ import annotations

from tasks.deidentify.words import joins, lexicon, vocabulary
from tasks.deidentify.words.languages import Language, language_of
from tasks.deidentify.words.parts import is_coined, is_eponym
from tasks.deidentify.words.person import is_initial
from tasks.deidentify.words.spans import Span
from tasks.deidentify.words.tokens import NUMBER, SPACE, WORD, Tokens, shape, step, words_of

_DOSE = words_of(
    """mg mcg ug ml units unit unt iu tab tabs tablet tablets capsule capsules cap caps puff puffs drip gtt patch
    inhaler syrup cream ointment solution suspension infusion injection hfa xl xr er sr cr la po iv im sq sc
    subq bid tid qid qd qhs qam qpm prn daily"""
)
_NO_NAMES = (
    lexicon.TITLES
    | lexicon.ROLES
    | lexicon.FUNCTION
    | lexicon.RELATIVES
    | words_of("tel tél fax geb exam fecha datum date")
)
# Behind these a letter is a kind or a grade.
_BEFORE_LETTERS = words_of(
    """vitamin vitamins hepatitis type group grade class stage level category figure panel part appendix factor
    antigen protein influenza streptococcus strep phase plan point segment zone child hemoglobin troponin
    complex virus series score coenzyme antibody blood schedule ring or"""
)
_ACRONYM = 5  # letters in capitals up to here are an abbreviation where they are no name


def find(tokens: Tokens, taken: bytearray, shouted: bool) -> list[Span]:
    """Names among the words that are not `taken` (by index) yet; `shouted`: the text is in capitals."""
    marked = [False] * len(tokens.words)
    language = language_of(tokens)
    for index, kind in enumerate(tokens.kinds):
        if kind == WORD and not taken[index]:
            marked[index] = _is_name(tokens, index, shouted, language)
    joins.spread(tokens, taken, marked, shouted)
    return list(joins.together(tokens, taken, marked))


def is_shouted(tokens: Tokens) -> bool:
    """Whether a text is in capitals throughout, so that they tell nothing."""
    upper = sum(len(word) for word in tokens.words if len(word) > 3 and word.isupper())
    return bool(upper) and upper > 2 * sum(len(word) for word in tokens.words if word.isalpha() and not word.isupper())


def _is_name(tokens: Tokens, index: int, shouted: bool, language: Language) -> bool:
    word, folded = tokens.words[index], tokens.bare[index]
    if len(word) == 1:
        return is_initial(tokens, index) and _announced(tokens, index)
    flags = vocabulary.flags_of(folded)
    if folded in _NO_NAMES or (flags & vocabulary.KNOWN and not (flags & vocabulary.CAPITALS and word.istitle())):
        return False
    written = shape(word)
    if flags & vocabulary.IN_CONTEXT and is_eponym(tokens, index):
        return False
    if written == "lower":
        return (
            not (language.german or language.foreign)
            and bool(flags & vocabulary.NAME)
            and not flags & (vocabulary.BOTH | vocabulary.IN_CONTEXT)
            and len(folded) > 3
        )
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
    if "-" in tokens.text[tokens.ends[index] : tokens.ends[index] + 1] + tokens.text[
        tokens.starts[index] - 1 : tokens.starts[index]
    ] and _half_known(tokens, index):
        return bool(flags & vocabulary.NAME)
    return bool(flags & vocabulary.NAME) or not (_is_medicine(tokens, index) or language.is_noun(tokens, index))


def _announced(tokens: Tokens, index: int) -> bool:
    """Whether an initial stands where a name may begin, and does not end a sentence: `vitamin D. Grant ...`."""
    at = index - 1
    while at >= 0 and tokens.kinds[at] == SPACE and "\n" not in tokens.words[at]:
        at -= 1
    if at < 0 or tokens.kinds[at] != WORD:
        return at < 0 or tokens.words[at] != "."
    return tokens.folded[at] not in _BEFORE_LETTERS and not tokens.words[at].isupper()


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
