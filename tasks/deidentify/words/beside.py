"""What goes from a description because of what goes beside it: initials, titles and labels, the rest of a code.

Works on one mark a token: 0 stays, NAMED goes as a name or an unknown word, COUNTED as a number, a date, an address.
"""

from __future__ import annotations

from tasks.deidentify.words import lexicon, vocabulary
from tasks.deidentify.words.lexicon import PARTICLES
from tasks.deidentify.words.parts import is_eponym
from tasks.deidentify.words.tokens import MARK, NUMBER, RUN, SPACE, WORD, Tokens, is_free, shape, step, words_of

NAMED, COUNTED = 1, 2
_WORDS = words_of("de del della di da do du la le les las los e y a i")  # particles that are words of a description too
_BETWEEN = ".,-'’^_"


def codes(tokens: Tokens, gone: bytearray) -> None:
    """Where a part of a code of letters and digits goes, what is left of it goes too, but for its known words."""
    last = 0
    for first in range(len(tokens.words)):
        if first < last or tokens.kinds[first] not in (WORD, NUMBER):
            continue
        last = first + 1
        while last < len(tokens.words) and tokens.kinds[last] in (WORD, NUMBER):
            last += 1
        if last - first > 1 and any(gone[at] and tokens.kinds[at] == WORD for at in range(first, last)):
            for at in range(first, last):
                if not gone[at] and (tokens.kinds[at] == NUMBER or len(tokens.words[at]) < 4):
                    gone[at] = COUNTED


def labels(tokens: Tokens, gone: bytearray) -> None:
    """`MRN:`, `Acc#`, `Tel.` before a number that goes."""
    for index in range(len(tokens.words)):
        if gone[index] == COUNTED and tokens.kinds[index] in (NUMBER, WORD, MARK):
            at = index - 1
            while (
                at >= 0
                and index - at < 6
                and (tokens.kinds[at] in (SPACE, MARK) or tokens.folded[at] in lexicon.LABELS)
            ):
                if tokens.kinds[at] == WORD:
                    gone[at] = COUNTED
                at -= 1


def names(tokens: Tokens, gone: bytearray) -> None:
    """Titles, initials, degrees, particles, and names that are words as well, beside a name that goes."""
    for direction in (1, -1):
        for index in range(len(tokens.words)) if direction > 0 else range(len(tokens.words) - 1, -1, -1):
            if gone[index] != NAMED or tokens.kinds[index] not in (WORD, RUN):
                continue
            near = step(tokens, index, direction, _BETWEEN)
            if (
                near is not None
                and not gone[near]
                and tokens.kinds[near] == WORD
                and _goes_with(tokens, near, index, gone)
            ):
                gone[near] = NAMED


def _goes_with(tokens: Tokens, near: int, index: int, gone: bytearray) -> bool:
    word, folded = tokens.words[near], tokens.bare[near]
    other = step(tokens, near, 1 if near > index else -1, _BETWEEN)
    if len(word) == 1:
        if not word.isupper() or not is_free(tokens, near):
            return False
        dotted = near + 1 < len(tokens.words) and tokens.words[near + 1] == "."
        return (dotted and (near < index or folded not in "lr")) or (other is not None and gone[other] == NAMED)
    between = tokens.text[min(tokens.ends[index], tokens.ends[near]) : max(tokens.starts[index], tokens.starts[near])]
    if near < index and folded in PARTICLES and " " in between:
        before = tokens.folded[near - 2] if near > 1 else ""
        return folded not in _WORDS or (before in PARTICLES and before not in _WORDS)
    if len(tokens.words[index]) == 1 and near > index and "." in between and folded not in lexicon.FUNCTION:
        return shape(word) != "lower"  # Roni Q. Smart
    if folded in lexicon.FUNCTION or (
        "." in between and len(tokens.words[min(near, index)]) > 2 and folded not in lexicon.TITLES
    ):
        return False
    if folded in lexicon.TITLES and near < index:
        return not (folded in lexicon.SHOUTED and word.isupper()) or "." in between or folded == "dr"
    if folded in lexicon.CREDENTIALS and near > index:
        return word[0].isupper() and (folded in lexicon.SURE_CREDENTIALS or "," in between)
    if folded in lexicon.INSTITUTIONS and near > index:
        return True
    flags = vocabulary.flags_of(folded)
    if not flags & vocabulary.NAME or shape(word) == "lower" or is_eponym(tokens, near):
        return False
    # A clinical word that is a name as well stays where it has a neighbour of its own: `Smith Hand AP`.
    alone = (
        other is None
        or (gone[other] == NAMED)
        or ","
        in tokens.text[min(tokens.ends[near], tokens.ends[other]) : max(tokens.starts[near], tokens.starts[other])]
    )
    return not flags & vocabulary.CLINICAL or (alone and not flags & vocabulary.TECHNICAL)
