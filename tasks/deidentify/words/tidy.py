"""A description put together again without the tokens that went: no holes, no dangling marks and prepositions."""

from __future__ import annotations

from tasks.deidentify.words.tokens import MARK, SPACE, Tokens, words_of

_LOOSE = " \t\r\n,;:-_^/\\.#&=@|~*\0"
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">", '"': '"'}
# Words that mean nothing without what stood behind them.
_LEADING = words_of(
    """for by from at of to per via with and the in on von bei fur durch par pour de du des por para da do a di
    door voor dr mr mrs ms prof name mrn id phone tel fax email dob born no called @ c/o attn requested referred
    ordered performed signed dictated read reported reviewed approved verified"""
)


def joined(tokens: Tokens, gone: bytearray) -> str:
    """The tokens that stay, as a text. Where several went in a row, one of the marks beside them is left."""
    text = ""
    hole = False
    pending = ""  # spaces and marks since the last token that stays
    for index, word in enumerate(tokens.words):
        if gone[index]:
            if not hole:
                text = (
                    _without_leading(text + _kept_before(pending))
                    if _ends_clause(tokens, gone, index)
                    else text + _kept_before(pending)
                )
                before = pending
                pending = ""
            hole = True
            continue
        if tokens.kinds[index] in (SPACE, MARK):
            pending += word
            continue
        if hole:
            text = _bridged(text, before, pending) + word
        else:
            text += pending + word
        pending, hole = "", False
    if hole:
        return _closed(_without_leading(text.rstrip(_LOOSE)), pending).strip(_LOOSE)
    return (text + pending).strip(" \0").lstrip(_LOOSE) if text else ""


def _kept_before(pending: str) -> str:
    return pending.rstrip(_LOOSE)


def _ends_clause(tokens: Tokens, gone: bytearray, index: int) -> bool:
    """Whether nothing that stays follows up to the next comma, so that a preposition before hangs in the air."""
    for at in range(index, len(tokens.words)):
        if gone[at] or tokens.kinds[at] == SPACE:
            continue
        return tokens.kinds[at] == MARK
    return True


def _without_leading(text: str) -> str:
    """`text` without the prepositions and titles that it ends with."""
    for _ in range(4):
        head, _, last = text.rstrip(_LOOSE).rpartition(" ")
        if last.lower().strip(_LOOSE) not in _LEADING or last in ("MR", "DR", "MS"):
            break
        text = head.rstrip(_LOOSE)
    return text


def _bridged(text: str, before: str, after: str) -> str:
    """`text` with what shall stand between it and the next word, where `before` and `after` stood around the hole."""
    opened = before.rstrip(_LOOSE)[-1:]
    if opened in _PAIRS and _PAIRS[opened] in after:
        text = text.rstrip(_LOOSE)[:-1] if text.rstrip(_LOOSE).endswith(opened) else text
        after = after.partition(_PAIRS[opened])[2]
        before = before[: before.rfind(opened)]
    if not text:
        return after.lstrip(_LOOSE)
    loose = before[len(before.rstrip(_LOOSE)) :] if before.strip() or before else ""
    kept = after.strip(_LOOSE)
    if kept:  # a bracket or a sign that belongs to what follows
        return text + after if after[0] not in _LOOSE else text + (after if not loose else loose + after.lstrip(_LOOSE))
    return text + (loose or after or " ")


def _closed(text: str, after: str) -> str:
    """`text` with a bracket closed that stood open before the hole, and none that is empty."""
    for opening, closing in _PAIRS.items():
        if text.endswith(opening):
            text = text[:-1].rstrip(_LOOSE)
        elif closing in after and text.count(opening) > text.count(closing):
            text += closing
    return text
