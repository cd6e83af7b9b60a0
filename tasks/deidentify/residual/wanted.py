"""What to search for on account of the tokens of a source: parts and orders of names, numbers, places, days, UIDs.

Short and common values would drown every report. So:
- a part of a name counts alone from 4 letters on (2 in Chinese, Japanese and Korean); a word of the DICOM vocabulary only
  where a title or another part of the name stands beside it, and a placeholder (`Anonymous`) never
- of a name without such a part, its parts together in any order, and a short part behind a title
- a number counts from 4 characters on if it has a letter, from 6 on if it has digits alone; never one repeated character
  or digits counted up, with and without its separators and leading zeros
- a place counts from 6 characters on, unless make and model say the same, and so do persons other than the patient; of an
  institution's name every word that is no common one
- a UID counts unless it is registered; a day counts in any way to write it
How each may be written in bytes is charsets.py, whether a place where it stands really is one is judge.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import permutations

from tasks.deidentify.residual.charsets import is_eastern, readings, spellings
from tasks.deidentify.residual.identifying import Token, unique
from tasks.deidentify.residual.vocabulary import common, facts, placeholders

_PATIENT = ("Patient", "OtherPatient", "Responsible")
_COUNTED = "01234567890123456789"
_PART = re.compile(r"[\^=,;\\/\s.()_\d]+")
_LINES = re.compile(r"[\\\r\n]+")
_PIECES = re.compile(r"[\\\r\n^,;]+")
_SEPARATORS = re.compile(r"[-_./ ]+")
_WORD = re.compile(r"[^\W\d_]+")
_BETWEEN = (" ", "^", ", ", ",", "_", "-", ".", "")
_SHORT_TITLES = ("mr", "mrs", "ms", "dr", "prof", "herr", "frau", "mme")


class Rule(Enum):
    """How a place where something was found is judged."""

    NAME = "a part of a name, or a word of a place's name"
    COMMON = "a part of a name that is an everyday word too"
    WHOLE = "a whole name, an address, a place"
    NUMBER = "a number with letters"
    DIGITS = "a number of digits alone"
    PHONE = "digits with whatever stands between them"
    UID = "how a UID begins"
    YEAR = "a year, beside which there may be a date, in text"
    DAY = "a whole date with the year first, in pixel values"
    SHORT_DAY = "the end of a date with two digits of the year, in text"


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """Something to search for: in lower case, with the attribute that it comes from and the name's other parts."""

    rule: Rule
    keyword: str
    text: str
    beside: frozenset[str] = frozenset()


def wanted(tokens: frozenset[Token]) -> list[Wanted]:
    """Everything to search for, each once, in an order that depends on nothing but the tokens."""
    charset = b"\\".join(token.raw for token in unique(tokens, "charset"))
    kept = "\n".join(
        text.lower()
        for kind in ("make", "retained")
        for token in unique(tokens, kind)
        for text in readings(token.raw, token.charset or charset)
    )
    codes = {_bare(token.raw) for token in unique(tokens, "number") if token.keyword in facts("patient_numbers")}
    found: dict[Wanted, None] = {}
    for kind, make in (("name", _name), ("number", _number), ("place", _place), ("address", _address), ("phone", _phone)):
        for token in unique(tokens, kind):
            if kind == "name" and _bare(token.raw) in codes:
                continue  # no name but the patient's number once more, whose parts may be a trial's or a collection's
            for text in readings(token.raw, token.charset or charset):
                found.update(dict.fromkeys(make(token.keyword, text, kept)))
    for token in unique(tokens, "mail"):
        found[Wanted(Rule.WHOLE, token.keyword, token.raw.decode("latin-1").lower())] = None
    for token in unique(tokens, "uid"):
        found[Wanted(Rule.UID, "uid", token.raw.decode("ascii"))] = None
    for token in unique(tokens, "day"):
        found.update(dict.fromkeys(_day(token.raw.decode("ascii"))))
    return list(found)


def _name(keyword: str, text: str, kept: str) -> Iterator[Wanted]:
    if not keyword.startswith(_PATIENT) and _stands_in(text.strip("^ ").lower(), kept):
        return
    for name in re.split(r"[=\\]", text):
        digits = sum(character.isdigit() for character in name)
        if digits > 3 or (digits and not set(_WORD.findall(name.lower())) <= placeholders()):
            yield from _number(keyword, name, kept)
        parts = [part.strip("-'’") for part in _PART.split(name)]
        parts = [part.lower() for part in parts if part.strip("-'’")]
        strong = False
        for number, part in enumerate(parts):
            beside = frozenset(parts[:number] + parts[number + 1 :])
            for piece in dict.fromkeys([part, *re.split(r"[-'’]", part)]):
                if len(piece) < (2 if is_eastern(piece) else 4) or piece in placeholders():
                    continue
                rule = Rule.COMMON if piece in common() else Rule.NAME
                strong = strong or rule is Rule.NAME
                yield from (Wanted(rule, keyword, spelling, beside) for spelling in sorted(spellings(piece)))
        if not strong:
            yield from _weak_name(keyword, name.strip(" \0^").lower(), parts)


def _weak_name(keyword: str, name: str, parts: list[str]) -> Iterator[Wanted]:
    """A name of short and common parts: only together, or behind a title, do they name anybody."""
    if all(part in placeholders() for part in parts):
        return
    if len(name) >= 5 and "^" in name:
        yield Wanted(Rule.WHOLE, keyword, name)
    short = [part for part in parts if part not in common()]
    if not short:
        return
    for first, second in permutations(parts[:3], 2):
        for between in _BETWEEN:
            form = first + between + second
            if len(form) >= (2 if is_eastern(form) else 5):
                yield Wanted(Rule.WHOLE, keyword, form)
    for part in short:
        if part.isalpha() and 2 <= len(part) < 4 and not is_eastern(part):
            for title in _SHORT_TITLES:
                yield from (Wanted(Rule.WHOLE, keyword, f"{title}{between}{part}") for between in (" ", ". ", "."))


def _number(keyword: str, text: str, kept: str) -> Iterator[Wanted]:
    for number in _LINES.split(text):
        forms = {number.strip(" \0"), *(part.strip(" \0") for part in number.split("^"))}
        forms |= {_SEPARATORS.sub("", form) for form in forms} | {form.lstrip("0") for form in forms}
        for form in sorted(form.lower() for form in forms):
            if _is_telling(form) and not _is_everyday(form):
                if keyword in facts("patient_numbers") or keyword.startswith(_PATIENT) or not _stands_in(form, kept):
                    yield Wanted(Rule.DIGITS if form.isdigit() else Rule.NUMBER, keyword, form)


def _is_telling(number: str) -> bool:
    bare = _SEPARATORS.sub("", number)
    least = 6 if bare.isdigit() else 4
    return len(bare) >= least and len(set(bare)) > 1 and bare not in _COUNTED


def _is_everyday(text: str) -> bool:
    """Whether a text has words alone, and none that names anybody."""
    words = _WORD.findall(text)
    return all(word in common() or len(word) < 4 for word in words) and len("".join(words)) >= len(text.replace(" ", "")) - 1


def _place(keyword: str, text: str, kept: str) -> Iterator[Wanted]:
    for line in _LINES.split(text):
        place = line.strip(" \0\t").lower()
        words = _WORD.findall(place)
        everyday = all(word in common() or len(word) < 3 for word in words)
        if len(place) < 6 or place in placeholders() or _stands_in(place, kept):
            continue
        if not everyday or any(character.isdigit() for character in place):
            yield Wanted(Rule.WHOLE, keyword, place)
        elif keyword in facts("institutions") and len(words) > 2:
            yield Wanted(Rule.WHOLE, keyword, place)
        if keyword in facts("institutions"):
            for word in words:
                if len(word) >= 6 and word not in common() and word != place and not _stands_in(word, kept):
                    yield Wanted(Rule.NAME, keyword, word)


def _address(keyword: str, text: str, kept: str) -> Iterator[Wanted]:
    for piece in _PIECES.split(text):
        line = piece.strip(" \0\t")
        if any(character.isdigit() for character in line) and any(character.isalpha() for character in line):
            if len(line) >= 6:
                yield Wanted(Rule.WHOLE, keyword, line.lower())
        else:
            yield from _place(keyword, line, kept)


def _phone(keyword: str, text: str, kept: str) -> Iterator[Wanted]:
    for line in _LINES.split(text):
        digits = re.sub(r"\D", "", line)
        if len(digits) >= 7 and len(set(digits)) > 2:
            yield Wanted(Rule.PHONE, keyword, digits[-9:])
        if "@" in line:
            yield Wanted(Rule.WHOLE, keyword, line.strip(" \0").lower())


def _day(day: str) -> Iterator[Wanted]:
    yield Wanted(Rule.YEAR, "date", day[:4])
    yield Wanted(Rule.DAY, "date", day)
    for last in dict.fromkeys((day[5], day[7])):
        yield from (Wanted(Rule.SHORT_DAY, "date", f"{last}{mark}{day[2:4]}") for mark in "-./")


def _bare(raw: bytes) -> bytes:
    """A value in lower case, without what is between its parts."""
    return raw.lower().translate(None, b" ^-_=\0")


def _stands_in(text: str, kept: str) -> bool:
    """Whether `text` stands as words of its own in what is kept on purpose."""
    at = kept.find(text) if text else -1
    while at >= 0:
        end = at + len(text)
        if not kept[at - 1 : at].isalnum() and not kept[end : end + 1].isalnum():
            return True
        at = kept.find(text, at + 1)
    return False
