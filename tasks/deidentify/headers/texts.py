"""Which cleaner a text goes to: reports, descriptions, technical words, or codes; by the attribute that it stands in.

What belongs here: text in, text out. How a text is cleaned is words/ and text.py.
"""

from __future__ import annotations

import re
from typing import Protocol

from tasks.core.pseudonyms import Pseudonymiser
from tasks.deidentify.known import Known
from tasks.deidentify.rules import beyond, tables

LONG = ("LT", "ST", "UT")  # of one value, in which a backslash is a character
_REPORTS = frozenset({"TextValue"})
# What is no more than a code has no word of five letters.
_WORD = re.compile(r"[^\W\d_]{5}|[^\x20-\x7e]")
# A person's or an order's, unless it is a concept's of SNOMED CT.
_LONG_NUMBER = re.compile(r"\d{7,}")
_NUMBERED = {
    "CodingSchemeVersion": re.compile(r"20\d{6}"),
    "CodeValue": re.compile(r"C\d{7}"),
}  # an edition's day, UMLS


class Owner(Protocol):
    """Whose text it is: what `change.Identity` says of him."""

    @property
    def patient(self) -> str:
        """The pseudonym."""

    @property
    def shift(self) -> int:
        """Days that dates move."""

    @property
    def pseudonymiser(self) -> Pseudonymiser:
        """What makes surrogates."""

    @property
    def known(self) -> Known:
        """Who it was."""


def clean(tag: int, vr: str, text: str, owner: Owner) -> str:
    """A text without what identifies; "" or nothing but backslashes where nothing is left."""
    name = tables.name_of(tag)
    if name in beyond.CODES:
        return _code(name, text.strip(" \0"), owner)
    if name in _REPORTS:
        from tasks.deidentify.text import Surrogates, clean_report

        surrogates = Surrogates(owner.pseudonymiser, owner.patient, owner.shift)
        return clean_report(text, owner.known, surrogates).text
    if beyond.is_technical(tag, vr):
        from tasks.deidentify.words.technical import clean as cleaner
    else:
        from tasks.deidentify.words.descriptors import clean as cleaner
    if vr in LONG:
        return cleaner(text, owner.known)
    return "\\".join(cleaner(part, owner.known) for part in text.split("\\"))


def names_patient(vr: str, text: str, known: Known) -> bool:
    """Whether a text of four letters or more names the patient; shorter ones are codes."""
    if len(text) < 4:
        return False
    from tasks.deidentify.words.mentions import mentions

    parts = [text] if vr in LONG else text.split("\\")
    return any(len(part) > 3 and mentions(part, known) for part in parts)


def _code(name: str, text: str, owner: Owner) -> str:
    """A code as it is; a value with words or long numbers in it becomes a code of this workspace."""
    plain = not _WORD.search(text) or text in tables.coding_schemes()
    numbered = _has_number(name, text)
    if plain and not numbered and not names_patient("SH", text, owner.known):
        return text
    from tasks.deidentify.words import technical

    cleaned = "" if numbered else technical.clean(text, owner.known)
    if cleaned == text or name not in beyond.VALUES:
        return cleaned
    if name == "LongCodeValue":  # has more than 16 characters (PS3.3, 8.1)
        return f"L{owner.pseudonymiser.fingerprint('code', text)}"
    return owner.pseudonymiser.token("code", text, "L")


def _has_number(name: str, text: str) -> bool:
    """Whether a long number stands in a code that is no concept's."""
    numbers = _LONG_NUMBER.findall(text)
    if not numbers or (name in _NUMBERED and _NUMBERED[name].fullmatch(text)):
        return False
    return not all(map(is_concept, numbers))


def is_concept(number: str) -> bool:
    """Whether a number is an identifier of SNOMED CT: its check digit (Verhoeff's) is right, and it is a concept's."""
    if not 6 <= len(number) <= 18 or number[-3:-1] not in ("00", "10"):
        return False
    check = 0
    for place, digit in enumerate(reversed(number)):
        check = _PRODUCTS[check][_PERMUTED[place % 8][int(digit)]]
    return check == 0


def _dihedral() -> tuple[tuple[int, ...], ...]:
    """The products of the ten rotations and reflections of a pentagon."""
    return tuple(
        tuple(
            (one + other) % 5 + 5 * (other > 4) if one < 5 else (one - other) % 5 + 5 * (other < 5)
            for other in range(10)
        )
        for one in range(10)
    )


def _permutations() -> tuple[tuple[int, ...], ...]:
    first = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    found = [tuple(range(10))]
    for _ in range(7):
        found.append(tuple(found[-1][digit] for digit in first))
    return tuple(found)


_PRODUCTS, _PERMUTED = _dihedral(), _permutations()
