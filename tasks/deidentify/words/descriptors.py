"""Descriptions of the header: what names the patient goes first, then every token that is no known word and no measure.

For StudyDescription, SeriesDescription, ProtocolName, ImageComments and their like: short, often in capitals, often
written by a machine. Text that is written to be read goes through text.py. What stays keeps its case and its order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache

from tasks.deidentify.known import Known
from tasks.deidentify.words import ages, beside, cues, dates, ideographs, names, numbers, parts, patient, places, tidy
from tasks.deidentify.words.identifiers import identifiers
from tasks.deidentify.words.spans import NAME, PATIENT, Span
from tasks.deidentify.words.tokens import NUMBER, RUN, WORD, Tokens, tokenize, visible


@lru_cache(maxsize=16384)
def clean(text: str, known: Known) -> str:
    """`text` without whatever may name somebody; "" where nothing is left. Pure; never raises."""
    if not text or text.isspace():
        return ""
    text = visible(text)
    tokens, wanted = tokenize(text), identifiers(known)
    if RUN in tokens.kinds:
        tokens = ideographs.split(tokens, wanted)
    gone = bytearray(len(tokens.words))
    _mark(tokens, gone, patient.find(tokens, wanted, misspelt=False))
    _mark(tokens, gone, dates.find(tokens, 0, wanted.days))
    if NUMBER in tokens.kinds:
        _mark(tokens, gone, ages.find(text))
        _mark(tokens, gone, numbers.find(tokens))
        beside.labels(tokens, gone)
    _mark(tokens, gone, numbers.web(text))
    shouted = names.is_shouted(tokens)
    _mark(tokens, gone, cues.find(tokens, strict=True))
    _mark(tokens, gone, places.find(tokens, shouted))
    for index, kind in enumerate(tokens.kinds):
        if not gone[index]:
            gone[index] = beside.NAMED if not _may_stay(tokens, index, kind) else 0
    beside.codes(tokens, gone)
    beside.names(tokens, gone)
    return tidy.joined(tokens, gone) if any(gone) else text.strip(" \0")


def _may_stay(tokens: Tokens, index: int, kind: int) -> bool:
    if kind == WORD:
        return parts.may_stay(tokens, index)
    if kind == NUMBER:
        return parts.is_measure(tokens, index)
    return kind != RUN or ideographs.may_stay(tokens, index)


def _mark(tokens: Tokens, gone: bytearray, spans: Iterable[Span]) -> None:
    """Mark the tokens that a span touches."""
    for span in spans:
        mark = beside.NAMED if span.category in (NAME, PATIENT) else beside.COUNTED
        index = bisect_right(tokens.ends, span.start)
        while index < len(tokens.starts) and tokens.starts[index] < span.end:
            gone[index] = mark
            index += 1
