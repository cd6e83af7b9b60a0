"""What to search for on account of the tokens of a source: parts and orders of names, numbers, places, days, UIDs.

Short and common values would drown every report. So:
- a part of a name counts alone from 4 letters on (2 in Chinese, Japanese and Korean); a word of the DICOM vocabulary
  only where a title or another part of the name stands beside it, and a placeholder (`Anonymous`) never
- of a name without such a part, its parts together in any order, and a short part behind a title
- a number counts from 4 characters on if it has a letter, from 6 on if it has digits alone; never one repeated
  character or digits counted up; with and without its separators and leading zeros
- a place counts from 6 characters on, unless make and model say the same, and so do persons other than the patient; of
  an institution's name every word that is no common one; a department or service only if it says more than its trade
- a UID counts unless it is registered; a day counts in any way to write it
Names are names.py, numbers and places numbers.py. How each may be written in bytes is charsets.py, whether a place
where it stands really is one is judge.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from tasks.deidentify.residual.charsets import readings
from tasks.deidentify.residual.identifying import Token, unique
from tasks.deidentify.residual.names import of_name
from tasks.deidentify.residual.numbers import of_address, of_number, of_phone, of_place
from tasks.deidentify.residual.vocabulary import facts
from tasks.deidentify.residual.wanted import Rule, Wanted


def wanted(tokens: frozenset[Token]) -> list[Wanted]:
    """Everything to search for, each once, in an order that depends on nothing but the tokens."""
    charset = b"\\".join(token.raw for token in unique(tokens, "charset"))
    kept = "\n".join(
        text.lower()
        for kind in ("make", "retained")
        for token in unique(tokens, kind)
        for text in readings(token.raw, token.charset or charset)
    )
    numbers = [token for token in unique(tokens, "number") if token.keyword in facts("patient_numbers")]
    codes = {_bare(token.raw) for token in numbers if any(chr(byte).isdigit() for byte in token.raw)}
    found: dict[Wanted, None] = {}
    makers = {"name": of_name, "number": of_number, "place": of_place, "address": of_address, "phone": of_phone}
    for kind, make in makers.items():
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


def _day(day: str) -> Iterator[Wanted]:
    yield Wanted(Rule.YEAR, "date", day[:4], far=False)
    yield Wanted(Rule.DAY, "date", day)
    for last in dict.fromkeys((day[5], day[7])):
        yield from (Wanted(Rule.SHORT_DAY, "date", f"{last}{mark}{day[2:4]}", far=False) for mark in "-./")


def _bare(raw: bytes) -> bytes:
    """A value in lower case, without what is between its parts."""
    return raw.lower().translate(None, b" ^-_=\0")
