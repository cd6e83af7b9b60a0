"""Ages of ninety years and more, which are told as `90+`. Younger ones stay."""

from __future__ import annotations

import re

from tasks.deidentify.words.spans import AGE, Span

CAPPED = "90+"
_NUMBER = r"(?P<age>9\d|1[0-3]\d)"
_AFTER = re.compile(
    rf"(?<![\d.,/\-]){_NUMBER}(?=[\s\-]{{0,2}}(?:years?|yrs?|y\.?\s?/?o|yo|yof|yom|y|jahre?|jährige[rsn]?|jähr|ans|años|anos|anni|jaar|jarige|лет|歳|才|岁|세)"
    rf"(?![^\W\d_])|[\s\-]?(?:m|f|w|h)(?![^\W_])(?!/))",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    rf"(?<![^\W_])(?:age[ds]?|aetat|alter|âge|edad|età|leeftijd|idade)[\s:=]{{1,3}}(?:of\s|is\s|was\s)?{_NUMBER}(?![\d%]|[./]\d)",
    re.IGNORECASE,
)
_WORDS = re.compile(
    r"(?<![^\W_])(?P<age>(?:ninety(?:[\s\-](?:one|two|three|four|five|six|seven|eight|nine))?|(?:a|one)[\s\-]hundred(?:[\s\-](?:and[\s\-])?[a-z]{3,5})?))"
    r"(?=[\s\-](?:years?|yrs?)(?:[\s\-]old|[\s\-]of[\s\-]age))",
    re.IGNORECASE,
)
_AS = re.compile(r"(?<![^\W_])(?P<age>(?:0?9\d|1[0-3]\d)Y)(?![^\W_])")


def find(text: str) -> list[Span]:
    """Every age of ninety and more, with `90+` to be written for it."""
    spans: list[Span] = []
    for pattern in (_AFTER, _BEFORE, _WORDS):
        spans.extend(Span(found.start("age"), found.end("age"), AGE, CAPPED) for found in pattern.finditer(text))
    spans.extend(Span(found.start(), found.end(), AGE, "090Y") for found in _AS.finditer(text))
    return spans
