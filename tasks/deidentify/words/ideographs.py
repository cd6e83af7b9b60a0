"""Scripts without spaces between words: a run of characters cut into known words, the patient's names and the rest."""

from __future__ import annotations

from functools import cache

from tasks.deidentify.words import vocabulary
from tasks.deidentify.words.identifiers import Identifiers
from tasks.deidentify.words.tokens import RUN, Tokens, fold


def split(tokens: Tokens, wanted: Identifiers) -> Tokens:
    """`tokens` with each run of ideographs or kana cut, so that each piece can be judged alone."""
    names = (*wanted.patient.runs, *wanted.others.runs)
    starts, kinds, words = [], [], []
    for start, kind, word in zip(tokens.starts, tokens.kinds, tokens.words, strict=True):
        for piece in _pieces(word, names) if kind == RUN else (word,):
            starts.append(start)
            kinds.append(kind)
            words.append(piece)
            start += len(piece)
    return Tokens(tokens.text, starts, [*starts[1:], len(tokens.text)], kinds, words)


def may_stay(tokens: Tokens, index: int) -> bool:
    """Whether a piece is a known word; one of a single character only where no unknown piece stands beside it."""
    if not vocabulary.is_known(fold(tokens.words[index])):
        return False
    if len(tokens.words[index]) > 1:
        return True
    beside = [near for near in (index - 1, index + 1) if 0 <= near < len(tokens.words) and tokens.kinds[near] == RUN]
    return all(vocabulary.is_known(fold(tokens.words[near])) for near in beside)


def _pieces(run: str, names: tuple[str, ...]) -> list[str]:
    pieces: list[str] = []
    unknown = at = 0
    while at < len(run):
        found = next((name for name in names if run.startswith(name, at)), "") or _longest(run, at)
        if not found:
            at += 1
            continue
        if unknown < at:
            pieces.append(run[unknown:at])
        pieces.append(found)
        at = unknown = at + len(found)
    return [*pieces, run[unknown:]] if unknown < len(run) else pieces


def _longest(run: str, at: int) -> str:
    known = _known()
    for length in range(min(_LONGEST, len(run) - at), 0, -1):
        if run[at : at + length] in known:
            return run[at : at + length]
    return ""


_LONGEST = 8


@cache
def _known() -> frozenset[str]:
    return frozenset(word for word in vocabulary.words() if not word.isascii() and len(word) <= _LONGEST)
