"""What a person's name looks like, word by word. What announces one is in cues.py, names alone are in names.py."""

from __future__ import annotations

from tasks.deidentify.words import lexicon, vocabulary
from tasks.deidentify.words.tokens import WORD, Tokens, shape, step

LONGEST = 5  # words of one name


def may_name(tokens: Tokens, index: int, shouted: bool = False) -> bool:
    """Whether a word may be part of a name: capitalised, of no sentence's words and of no clinical ones."""
    if tokens.kinds[index] != WORD:
        return False
    folded = tokens.bare[index]
    flags = vocabulary.flags_of(folded)
    if folded in lexicon.FUNCTION:
        return folded in lexicon.ARTICLES and tokens.words[index].istitle() and not shouted
    if flags & vocabulary.CLINICAL and not flags & vocabulary.NAME:
        return False
    if shouted:
        return not flags & vocabulary.KNOWN or bool(flags & vocabulary.NAME)
    return shape(tokens.words[index]) != "lower"


def may_continue(tokens: Tokens, index: int) -> bool:
    """As `may_name`, but no clinical word: what follows a place is a description again."""
    return may_name(tokens, index) and not vocabulary.flags_of(tokens.bare[index]) & vocabulary.CLINICAL


def is_namelike(tokens: Tokens, index: int) -> bool:
    """Whether a word is a name of people, or capitalised and no known word."""
    flags = vocabulary.flags_of(tokens.bare[index])
    if len(tokens.words[index]) == 1:
        return is_initial(tokens, index)
    if shape(tokens.words[index]) == "lower":
        return bool(flags & vocabulary.NAME) and not flags & (vocabulary.KNOWN | vocabulary.BOTH)
    return not flags & vocabulary.KNOWN or bool(flags & vocabulary.NAME)


def is_initial(tokens: Tokens, index: int) -> bool:
    """A capital and a dot before a word that may be a name: `K. Butte`."""
    if (
        len(tokens.words[index]) > 1
        or not tokens.words[index].isupper()
        or index + 2 >= len(tokens.words)
        or tokens.words[index + 1] != "."
    ):
        return False
    after = step(tokens, index, 1, ".")
    if after is None or tokens.kinds[after] != WORD or tokens.folded[after] in lexicon.FUNCTION:
        return False
    return (
        is_initial(tokens, after)
        if len(tokens.words[after]) == 1
        else shape(tokens.words[after]) != "lower" and is_namelike(tokens, after)
    )


def name_end(tokens: Tokens, first: int) -> int:
    """The last word of the name that starts at `first`: `Roger C Kelly`, `HAND, ROBERT`, `van der Berg`."""
    last = first
    for _ in range(LONGEST - 1):
        after = step(tokens, last, 1, ".-'’,^")
        if after is None or tokens.kinds[after] != WORD or not continues(tokens, after):
            break
        between = tokens.text[tokens.ends[last] : tokens.starts[after]]
        if "." in between and len(tokens.words[last]) > 2:  # a sentence ends
            break
        if "," in between and (not is_person(tokens, after) or after == first):
            break
        last = after
    while last > first and (tokens.folded[last] in lexicon.OF or tokens.folded[last] in lexicon.CREDENTIALS):
        last = step(tokens, last, -1, ".-'’,^") or first
    return last


def continues(tokens: Tokens, index: int) -> bool:
    """Whether a word beside one of a name belongs to it: a name, an initial, a particle."""
    word, folded = tokens.words[index], tokens.bare[index]
    if len(word) == 1:
        dotted = index + 1 < len(tokens.words) and tokens.words[index + 1] == "."
        return dotted or (word.isupper() and folded not in "lr")
    if folded in (
        "van",
        "von",
        "der",
        "den",
        "de",
        "del",
        "la",
        "di",
        "da",
        "dos",
        "bin",
        "ibn",
        "el",
        "al",
        "le",
        "ter",
        "ten",
        "zu",
    ):
        following = step(tokens, index, 1, "-'’")
        return following is not None and tokens.kinds[following] == WORD and tokens.words[following][0].isupper()
    if folded in lexicon.FUNCTION or folded in lexicon.CREDENTIALS:
        return False
    if (
        word.isupper()
        and len(word) <= 4
        and not vocabulary.flags_of(folded) & vocabulary.NAME
        and not tokens.words[step(tokens, index, -1, ".-'’,^") or index].isupper()
    ):
        return False  # MRN, DOB and the like behind a name
    flags = vocabulary.flags_of(folded)
    if flags & vocabulary.CLINICAL and not flags & vocabulary.FREQUENT:
        return False
    return shape(word) != "lower" and is_namelike(tokens, index)


def is_person(tokens: Tokens, index: int) -> bool:
    """Whether a word is a name before it is anything else, or stands before one."""
    flags = vocabulary.flags_of(tokens.bare[index])
    if not flags & vocabulary.KNOWN or flags & vocabulary.BOTH:
        return True
    following = step(tokens, index, 1, ".,-^")
    if following is None or tokens.kinds[following] != WORD:
        return False
    return (
        bool(flags & vocabulary.NAME)
        and not vocabulary.is_known(tokens.bare[following])
        and is_namelike(tokens, following)
    )
