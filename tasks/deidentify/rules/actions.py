"""What can become of an attribute: the actions of PS3.15 E.1.1, and a decision with its reason.

What belongs here: the words that rules and headers share. Who decides is profile.py, who acts is headers/.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

TEMPORAL = frozenset({"DA", "DT", "TM"})
SHORT_TEXT = frozenset({"LO", "SH", "UC"})
LONG_TEXT = frozenset({"LT", "ST", "UT"})
TEXT = SHORT_TEXT | LONG_TEXT
NUMBERS = frozenset({"AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


class Action(StrEnum):
    """What becomes of an attribute. For a sequence, KEEP and CLEAN mean that its items are cleaned in their turn."""

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    KEEP = "K"
    UID = "U"
    SHIFT = "S"
    PSEUDONYM = "P"
    CLEAN = "C"


class Decision(NamedTuple):
    """The action, and what to do instead where the value does not allow it (a date that is none, text all of names)."""

    action: Action
    otherwise: Action = Action.REMOVE


class Judgement(NamedTuple):
    """A decision and what led to it, in words for `sluice profile explain`."""

    decision: Decision
    because: str
