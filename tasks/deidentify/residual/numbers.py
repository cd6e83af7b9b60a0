"""What to search for on account of numbers, places, addresses and telephone numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.deidentify.residual.vocabulary import common, facts, placeholders
from tasks.deidentify.residual.wanted import PATIENT, Rule, Wanted, stands_in

_COUNTED = "01234567890123456789"
_LINES = re.compile(r"[\\\r\n]+")
_PIECES = re.compile(r"[\\\r\n^,;]+")
_SEPARATORS = re.compile(r"[-_./ ]+")
_WORD = re.compile(r"[^\W\d_]+")


def of_number(keyword: str, text: str, kept: str) -> Iterator[Wanted]:
    """A number as it stands, with other separators or none, without leading zeros; `kept` is kept on purpose."""
    for number in _LINES.split(text):
        number = number.lower()
        forms = {number.strip(" \0"), *(part.strip(" \0") for part in number.split("^"))}
        usual = forms | {_SEPARATORS.sub("", form) for form in forms}
        forms = usual | {_SEPARATORS.sub(mark, form) for form in forms for mark in "- _"}
        forms |= {form.lstrip("0") for form in forms}
        for form in sorted(forms):
            own = keyword in facts("patient_numbers") or keyword.startswith(PATIENT)
            if _is_telling(form) and not _is_everyday(form) and (own or not stands_in(form, kept)):
                rule = Rule.DIGITS if form.isdigit() else Rule.NUMBER
                yield Wanted(rule, keyword, form, far=form in usual)


def _is_telling(number: str) -> bool:
    bare = _SEPARATORS.sub("", number)
    least = 6 if bare.isdigit() else 4
    return len(bare) >= least and len(set(bare)) > 1 and bare not in _COUNTED


def _is_everyday(text: str) -> bool:
    """Whether a text has words alone, and none that names anybody."""
    words = _WORD.findall(text)
    letters = len("".join(words))
    return all(word in common() or len(word) < 4 for word in words) and letters >= len(text.replace(" ", "")) - 1


def of_place(keyword: str, text: str, kept: str) -> Iterator[Wanted]:
    """A place's name, and of an institution's name the words that are its own."""
    for line in _LINES.split(text):
        place = line.strip(" \0\t").lower()
        words = _WORD.findall(place)
        everyday = all(word in common() or len(word) < 3 for word in words)
        if len(place) < 6 or place in placeholders() or stands_in(place, kept):
            continue
        if keyword in facts("trades") and place.isalpha():
            continue
        long = keyword in facts("institutions") and len(words) > 2
        if long or not everyday or any(character.isdigit() for character in place):
            yield Wanted(Rule.WHOLE, keyword, place)
        if keyword in facts("institutions"):
            for word in words:
                if len(word) >= 6 and word not in common() and word != place and not stands_in(word, kept):
                    yield Wanted(Rule.NAME, keyword, word)


def of_address(keyword: str, text: str, kept: str) -> Iterator[Wanted]:
    """The pieces of an address: street and number, and the town as a place."""
    for piece in _PIECES.split(text):
        line = piece.strip(" \0\t")
        if any(character.isdigit() for character in line) and any(character.isalpha() for character in line):
            if len(line) >= 6:
                yield Wanted(Rule.WHOLE, keyword, line.lower())
        else:
            yield from of_place(keyword, line, kept)


def of_phone(keyword: str, text: str, _kept: str) -> Iterator[Wanted]:
    """The digits of a telephone number without country and area, and an address of mail."""
    for line in _LINES.split(text):
        digits = re.sub(r"\D", "", line)
        if len(digits) >= 7 and len(set(digits)) > 2:
            yield Wanted(Rule.PHONE, keyword, digits[-7:], frozenset({digits[:-7]}), far=False)
            yield Wanted(Rule.DIGITS, keyword, digits)
        if "@" in line:
            yield Wanted(Rule.WHOLE, keyword, line.strip(" \0").lower())
