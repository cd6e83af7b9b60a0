"""Numbers that identify: phones, record and account numbers, codes of letters and digits; e-mail and web addresses.

A measured value is none of these: what stands before a unit, a decimal fraction, a number of up to four digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.deidentify.words import vocabulary
from tasks.deidentify.words.spans import EMAIL, ID, PHONE, URL, Span
from tasks.deidentify.words.tokens import MARK, NUMBER, SPACE, WORD, Tokens

_UNIT = (
    r"(?!\s?(?:units?|iu|u|mg|mcg|ug|kg|g|ml|l|cc|mm|cm|m|msec|ms|sec|s|hz|khz|mhz|kv|kvp|ma|mas|mgy|gy|mbq|bq|mci|hu|cells|copies|"
    r"rads?|cpm|bpm|kcal|calories|steps|mmhg|meq|ppm|pixels|px|dpi|bytes?|kb|mb|gb|views?|images?|slices?|frames|per|%)(?![^\W\d_]))"
)
_EMAIL = re.compile(r"(?<![\w.+\-])[\w.+\-]{1,64}+@[\w\-]{1,63}+(?:\.[\w\-]{1,63}+){1,5}")
_URL = re.compile(r"(?:https?|ftp)://[^\s<>\"']{1,1000}+|(?<![\w.])www\.[^\s<>\"']{1,500}+", re.IGNORECASE)
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2}){3,}+|(?:&#[0-9A-Za-z]{1,6};){3,}+")  # text as addresses or pages write it
_CUED_PHONE = re.compile(
    r"(?<![^\W_])(?:phone|telephone|telefon|tel|tél|téléphone|teléfono|telefono|tlf|fax|cell|mobile|pager|beeper|pgr|bleep|ext|extension|call|handy)"
    r"(?:\s?(?:no|nr|number|num|line))?[\s.:#)]{1,5}(?P<number>[+(]{0,2}\d[\d().\-/\s]{2,22}\d(?:\s?(?:x|ext\.?)\s?\d{1,6})?)(?!\d)",
    re.IGNORECASE,
)
_EXTENSION = r"(?:\s?(?:x|ext\.?|extension)\s?\d{1,6}+)?"
_PHONES = tuple(
    re.compile(pattern + _EXTENSION + r"(?!\d)" + _UNIT, re.IGNORECASE)
    for pattern in (
        r"(?<![\w.])(?:\+|00)\d{1,3}[\s.\-/]?(?:\(\d{1,5}\)[\s.\-/]?)?\d{1,5}(?:[\s.\-/]?\d{2,5}){1,5}",
        r"(?<!\w)(?<![\d][.\-])(?:1[\s.\-]{1,2})?(?:\(\d{3}\)[\s.\-/]{0,2}|\d{3}[.\-/]{1,2}|[2-9]\d\d[\s])\d{3}[\s.\-]\d{4}",
        r"(?<![\d.\-])[2-9]\d\d-\d{4}(?!-)",
        r"(?<![\d.,\-])0\d(?:[\s.\-/]\d\d){4}",
        r"(?<![\d.,\-/])0\d{2,4}\s?[/\-\s]\s?\d{3,8}(?:[\s\-]\d{2,4})?",
    )
)
_STRONG = (
    r"m\.?r\.?n\.?|mr\s?#|medical record|med\.? rec\.?|record|account|acct|accession|acc|"
    r"pid|patient[\s\-]id|subject[\s\-]id|pt[\s\-]id|id|ssn|social security|"
    r"npi|dea|csn|encounter|episode|specimen|requisition|policy|member|insurance|license|licence|medicare|medicaid|nhs|"
    r"fallnummer|fall-nr|patientennummer|pat\.?-?nr|auftragsnummer|ipp|nip|dossier|historia|nhc|bsn|"
    r"codice fiscale|passport|badge"
)
_LABELLED = re.compile(
    rf"(?<![^\W_])(?:{_STRONG})(?:\s?(?:no|nr|number|num|id|code))?[\s.:#=(]{{1,5}}"
    r"(?P<id>(?=[^\s]{0,24}\d)[^\W_]{1,24}(?:[\-./_][^\W_]{1,24}){0,6})",
    re.IGNORECASE,
)
_HASH = re.compile(r"(?:#|№|(?<![^\W_])(?:no|nr)\.)\s?(?P<id>\d{4,})", re.IGNORECASE)
_DOTTED = re.compile(r"(?<![\d.])\d{1,40}+(?:\.\d{1,40}+){3,}+(?![\d])")
_GROUPS = re.compile(r"(?<![\w.,])(?<!\d[\-/])\d{2,}+(?:[\-/]\d{2,}+){1,5}+(?![\w])" + _UNIT)
_CARD = re.compile(r"(?<!\d)\d{4}[\s\-]\d{4}[\s\-]\d{4}[\s\-]\d{1,7}(?!\d)")
_LONG = re.compile(r"(?<!\d)(?<!\d[.,])\d{5,}+(?![.,]\d)(?!\s?/\s?[uµμmlh])" + _UNIT, re.IGNORECASE)
# What a laboratory counts in five digits and more stands behind its name.
_MEASURED = re.compile(
    r"(?<![^\W_])(?:wbc|rbc|platelets?|plt|counts?|cpk|ck|psa|b?hcg|ldh|ferritin|lipase|troponin|d-?dimer|bnp|probnp|load|dlp|"
    r"heparin|matrix|fov)(?:\s(?:was|is|of|count|level))?[\s:=]{1,3}$",
    re.IGNORECASE,
)
_YEARS = re.compile(r"(?:19|20)\d\d[\-/](?:19|20)\d\d")
_CHAINED = "-"


def web(text: str) -> list[Span]:
    """E-mail and web addresses, and what is written as they are."""
    spans = [Span(found.start(), found.end(), EMAIL) for found in _EMAIL.finditer(text)] if "@" in text else []
    if "://" in text or "www." in text.lower():
        spans.extend(Span(found.start(), found.end(), URL) for found in _URL.finditer(text))
    if "%" in text or "&#" in text:
        spans.extend(Span(found.start(), found.end(), URL) for found in _ESCAPED.finditer(text))
    return spans


def find(tokens: Tokens) -> list[Span]:
    """Phone numbers and ids, the surest first."""
    text = tokens.text
    if not any(char.isdigit() for char in text):
        return []
    return [*_labelled(text), *_phones(text), *_ids(text), *_codes(tokens)]


def _phones(text: str) -> Iterator[Span]:
    for found in _CUED_PHONE.finditer(text):
        if _digits(found["number"]) >= 4:
            yield Span(found.start("number"), found.end("number"), PHONE)
    for pattern in _PHONES:
        for found in pattern.finditer(text):
            if 7 <= _digits(found[0]) <= 22 and not _is_range(found[0]):
                yield Span(found.start(), found.end(), PHONE)


def _labelled(text: str) -> Iterator[Span]:
    for pattern in (_LABELLED, _HASH):
        for found in pattern.finditer(text):
            if _digits(found["id"]) >= 3 and not vocabulary.is_known(found["id"].lower()):
                yield Span(found.start("id"), found.end("id"), ID)


def _ids(text: str) -> Iterator[Span]:
    for found in _DOTTED.finditer(text):
        if _digits(found[0]) >= 8:
            yield Span(found.start(), found.end(), ID)
    for found in _CARD.finditer(text):
        yield Span(found.start(), found.end(), ID)
    for found in _GROUPS.finditer(text):
        groups = re.split(r"[\-/]", found[0])
        many = len(groups) > 2 and "/" not in found[0]  # 4000/90/123 are parameters
        if _digits(found[0]) >= 7 and (many or max(map(len, groups)) > 4) and not _YEARS.fullmatch(found[0]):
            yield Span(found.start(), found.end(), ID)
    for found in _LONG.finditer(text):
        if not _MEASURED.search(text, max(0, found.start() - 20), found.start()):
            yield Span(found.start(), found.end(), ID)


def _codes(tokens: Tokens) -> Iterator[Span]:
    """Letters and digits written together that are no word, no measure and no spinal level: `AB1234`, `S19-12345`."""
    last = -1
    for index, kind in enumerate(tokens.kinds):
        if kind != NUMBER or index <= last:
            continue
        first, last = _chain(tokens, index)
        if first == last:
            continue
        runs = [len(tokens.words[at]) for at in range(first, last + 1) if tokens.kinds[at] == NUMBER]
        letters = [tokens.folded[at] for at in range(first, last + 1) if tokens.kinds[at] == WORD]
        if letters and _is_code(runs, letters):
            yield Span(tokens.starts[first], tokens.ends[last], ID)


def _is_code(runs: list[int], letters: list[str]) -> bool:
    if all((vocabulary.flags_of(word) & vocabulary.KNOWN and len(word) != 1) or word in ("x", "b") for word in letters):
        return max(runs) > 4
    if len(runs) > 2 and len(letters) > 1 and sum(runs) + sum(map(len, letters)) >= 9:
        return True
    return max(runs) >= 4 or sum(runs) >= 6


def _chain(tokens: Tokens, index: int) -> tuple[int, int]:
    """The letters and digits around a number that no space parts from it; a word that is known ends it."""
    ends = []
    for step in (-1, 1):
        at = edge = index
        while 0 <= at + step < len(tokens.words) and abs(at + step - index) < 12:
            at += step
            kind = tokens.kinds[at]
            if kind == SPACE or (kind == MARK and tokens.words[at] != _CHAINED):
                break
            if kind == WORD and len(tokens.words[at]) > 3 and vocabulary.is_known(tokens.folded[at]):
                break
            if kind in (WORD, NUMBER):
                edge = at
        ends.append(edge)
    return ends[0], ends[1]


def _is_range(text: str) -> bool:
    """`200-1000` and the like, where round numbers stand for amounts."""
    return len(text) == 8 and text.endswith("00") and text[4] != "0"


def _digits(text: str) -> int:
    return sum(char.isdigit() for char in text)
