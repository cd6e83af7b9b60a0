"""What is searched for, and by which rule a place where it may stand is judged. What it is made of is identity.py."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

PATIENT = ("Patient", "OtherPatient", "Responsible")  # how the keywords of names begin that are the patient's own


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
    """Something to search for: in lower case, with the attribute that it comes from and the name's other parts.

    `far` is whether it is searched for among pixel values too: every pattern more makes that slower.
    """

    rule: Rule
    keyword: str
    text: str
    beside: frozenset[str] = frozenset()
    far: bool = True


def stands_in(text: str, kept: str) -> bool:
    """Whether `text` stands as words of its own in what is kept on purpose."""
    at = kept.find(text) if text else -1
    while at >= 0:
        end = at + len(text)
        if not kept[at - 1 : at].isalnum() and not kept[end : end + 1].isalnum():
            return True
        at = kept.find(text, at + 1)
    return False
