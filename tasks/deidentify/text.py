"""Report text without identifiers: the patient's own first, then dates, numbers, places and people by rule.

What is found how is in words/; here is the order of it, and what is written instead. SR text, CDA documents and reports
of the records come through here; short descriptions of the header go through words/descriptors.py.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from tasks.deidentify.known import Known
from tasks.deidentify.words import ages, cues, dates, names, numbers, patient, places
from tasks.deidentify.words.identifiers import identifiers
from tasks.deidentify.words.spans import NAME, PATIENT, Claims, Span
from tasks.deidentify.words.surrogates import DONE, Surrogates
from tasks.deidentify.words.tokens import Tokens, tokenize

__all__ = ["CleanText", "Surrogates", "clean_report"]

_KEPT = "kept"
_MARKUP = re.compile(r"</?[A-Za-z][A-Za-z0-9]{0,15}\s?/?>|&(?:[a-z]{2,8}|#\d{1,6});")


@dataclass(frozen=True, repr=False)
class CleanText:
    """A cleaned text, and how many stretches of each category were replaced."""

    text: str
    found: Counter[str] = field(default_factory=Counter)


def clean_report(text: str, known: Known, surrogates: Surrogates) -> CleanText:
    """`text` with every identifier replaced. Pure: the same text, knowledge and key give the same; never raises."""
    spans = find(text, known, surrogates.shift)
    written, at = [], 0
    for span in spans:
        value = span.value if span.value is not None else surrogates.write(span.category, text[span.start : span.end])
        written += [text[at : span.start], value]
        at = span.end
    return CleanText("".join((*written, text[at:])), Counter(span.category for span in spans))


def find(text: str, known: Known, shift: int = 0) -> list[Span]:
    """What `clean_report` replaces, from first to last."""
    if not text or text.isspace():
        return []
    tokens = tokenize(text)
    wanted = identifiers(known)
    shouted = names.is_shouted(tokens)
    claims = Claims()
    claims.take(
        Span(found.start(), found.end(), _KEPT) for pattern in (DONE, _MARKUP) for found in pattern.finditer(text)
    )
    claims.take(patient.find(tokens, wanted))
    claims.take(numbers.web(text))
    claims.take(dates.find(tokens, shift, wanted.days))
    claims.take(ages.find(text))
    claims.take(places.find(tokens, shouted))
    claims.take(numbers.find(tokens))
    claims.take(cues.find(tokens))
    claims.take(span for span in places.cities(tokens) if not claims.covers(span.start, span.end))
    claims.take(names.find(tokens, _taken(tokens, claims), shouted))
    return _merged(
        text, [span for span in claims.all() if span.category != _KEPT and _tells(text[span.start : span.end])]
    )


def _merged(text: str, spans: list[Span]) -> list[Span]:
    """What was found in pieces as one: the words of one name, and what touches."""
    merged: list[Span] = []
    for span in spans:
        last = merged[-1] if merged else None
        if last and last.category == span.category and last.value is span.value is None:
            between = text[last.end : span.start]
            if not between or (between == " " and span.category in (NAME, PATIENT)):
                merged[-1] = Span(last.start, span.end, span.category)
                continue
        merged.append(span)
    return merged


def _taken(tokens: Tokens, claims: Claims) -> bytearray:
    """For each token whether it is taken: 2 by a name, 1 by anything else."""
    taken = bytearray(len(tokens.words))
    at = 0
    for span in claims.all():
        while at < len(tokens.words) and tokens.ends[at] <= span.start:
            at += 1
        while at < len(tokens.words) and tokens.starts[at] < span.end:
            taken[at] = 2 if span.category in (NAME, PATIENT) else 1
            at += 1
    return taken


def _tells(text: str) -> bool:
    """Whether a stretch has a letter or a digit: what is left of a cut one may have none."""
    return any(char.isalnum() for char in text)
