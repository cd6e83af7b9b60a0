"""A description put together again without the tokens that went: no holes, no dangling marks and prepositions."""

from __future__ import annotations

import re

from tasks.deidentify.words.tokens import MARK, SPACE, Tokens, words_of

_LOOSE = " \t\r\n,;:-_^/\\.#&=@|~*\0"
_OPENING, _CLOSING = "([{<", ")]}>"
_EMPTY = re.compile(r"\([^\w(]*\)|\[[^\w\[]*\]|\{[^\w{]*\}|<[^\w<]*>")
# Words that mean nothing without what stood behind them.
_LEADING = words_of(
    """for by from at of to per via with and the in on von bei fur durch par pour de du des por para da do a di
    door voor dr mr mrs ms prof name mrn id phone tel call fax email dob born no called c/o attn requested referred
    ordered performed signed dictated read reported reviewed approved verified"""
)
_MODALITIES = words_of("MR DR MS")  # in capitals no titles


def joined(tokens: Tokens, gone: bytearray) -> str:
    """The tokens that stay, as a text. Around a hole the marks before it are kept, or else those behind it."""
    text = ""
    marks = ""  # since the last word that stays, or that went
    left: str | None = None  # what stood before a hole that is open
    for index, word in enumerate(tokens.words):
        if gone[index]:
            if left is None:
                left = marks
                text = _without_leading(text) if _ends_clause(tokens, gone, index) else text
            else:
                left += "".join(mark for mark in marks if mark in _OPENING + _CLOSING)
            marks = ""
        elif tokens.kinds[index] in (SPACE, MARK):
            marks += word
        else:
            text += (marks if left is None else _bridge(text, left, marks)) + word
            left, marks = None, ""
    if left is not None:
        text = _without_leading(text.rstrip(_LOOSE))
        return (text + _closing(text, left + marks)).strip(_LOOSE)
    return (text + marks).strip(" \0").lstrip(_LOOSE) if text else ""


def _bridge(text: str, left: str, right: str) -> str:
    """What shall stand between `text` and the next word, where `left` and `right` stood around the hole."""
    around = _EMPTY.sub(" ", left + right)
    opening = "".join(mark for mark in around if mark in _OPENING)
    if not text:
        return opening
    loose = next((marks for part in (left, right) if (marks := "".join(mark for mark in part if mark in _LOOSE))), " ")
    if not loose.strip(" "):
        loose = " "
    return _closing(text, around) + loose + opening


def _closing(text: str, around: str) -> str:
    """The closing brackets of `around` that belong to one that is open in `text`."""
    return "".join(
        mark for mark in around if mark in _CLOSING and text.count(_OPENING[_CLOSING.index(mark)]) > text.count(mark)
    )


def _ends_clause(tokens: Tokens, gone: bytearray, index: int) -> bool:
    """Whether nothing that stays follows up to the next mark, so that a preposition before hangs in the air."""
    for at in range(index, len(tokens.words)):
        if not gone[at] and tokens.kinds[at] != SPACE:
            return tokens.kinds[at] == MARK
    return True


def _without_leading(text: str) -> str:
    """`text` without the prepositions and titles that it ends with."""
    for _ in range(4):
        head, _, last = text.rstrip(_LOOSE).rpartition(" ")
        if last.lower().strip(_LOOSE) not in _LEADING or last in _MODALITIES:
            break
        text = head.rstrip(_LOOSE)
    return text
