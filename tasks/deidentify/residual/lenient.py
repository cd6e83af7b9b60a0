"""Finding what is wanted in text that was read from pixels: an O may be a zero, and words may have run together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tasks.deidentify.residual.wanted import Rule, Wanted

_LEAST = 6
_ALIKE = str.maketrans("0156890|!", "olsgbgoll")
_RULES = frozenset({Rule.NAME, Rule.WHOLE, Rule.NUMBER, Rule.DIGITS, Rule.PHONE})


def seen_in(text: str, everything: Iterable[Wanted]) -> Iterator[str]:
    """The attributes whose values stand in `text` if letters that look alike are the same and gaps are nothing."""
    seen = _shape(text)
    for wanted in everything:
        if wanted.rule in _RULES and len(shape := _shape(wanted.text)) >= _LEAST and shape in seen:
            yield wanted.keyword


def _shape(text: str) -> str:
    return "".join(letter for letter in text.lower().translate(_ALIKE).replace("i", "l") if letter.isalnum())
