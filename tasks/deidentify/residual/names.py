"""What to search for on account of a person's name: its parts, or all of it in any order where they say little."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import permutations

from tasks.deidentify.residual.charsets import is_eastern, spellings
from tasks.deidentify.residual.numbers import of_number
from tasks.deidentify.residual.vocabulary import common, facts, placeholders
from tasks.deidentify.residual.wanted import PATIENT, Rule, Wanted, stands_in

_PART = re.compile(r"[\^=,;\\/\s.()_\d]+")
_WORD = re.compile(r"[^\W\d_]+")
_BETWEEN = (" ", "^", ", ", ",", "_", "-", ".", "")
_MOST = 40  # parts of a name
_SHORT_TITLES = ("mr", "mrs", "ms", "dr", "prof", "herr", "frau", "mme")


def of_name(keyword: str, text: str, kept: str) -> Iterator[Wanted]:
    """Everything by which a value of VR PN may be found; `kept` is what is kept on purpose, in lower case."""
    own = keyword.startswith(PATIENT)
    if not own and stands_in(text.strip("^ ").lower(), kept):
        return
    for name in re.split(r"[=\\]", text):
        digits = sum(character.isdigit() for character in name)
        if digits > 3 or (digits and not set(_WORD.findall(name.lower())) <= placeholders()):
            yield from of_number(keyword, name, kept)
        parts = [part.strip("-'’") for part in _PART.split(name)]
        parts = [part.lower() for part in parts if part.strip("-'’")][:_MOST]
        strong = False
        for number, part in enumerate(parts):
            beside = frozenset(parts[:number] + parts[number + 1 :])
            for piece in dict.fromkeys([part, *re.split(r"[-'’]", part)]):
                if len(piece) < (2 if is_eastern(piece) else 4) or piece in placeholders():
                    continue
                everyday = piece in common() or (not own and piece in facts("medical"))
                rule = Rule.COMMON if everyday else Rule.NAME
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
    # The parts of `VOI^LUT^Test` are the descriptions of a test object too.
    short = [part for part in parts if part not in common() and part not in facts("acronyms")]
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
