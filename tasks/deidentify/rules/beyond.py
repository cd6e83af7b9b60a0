"""What lies beyond E.1-1: attributes that it does not list, and what may stand in an item that refers to an object.

What belongs here: `data/beyond_table.json` applied. The standard keeps what it doesn't list; this does so for numbers,
codes and the technical words of devices, and fails closed for the rest: names are emptied, text that people type is
cleaned or goes, and an attribute must be harmless both by the VR of PS3.6 and by the one in the file.
"""

from __future__ import annotations

from functools import cache

from tasks.deidentify.rules import tables
from tasks.deidentify.rules.actions import (
    LONG_TEXT,
    SHORT_TEXT,
    TEMPORAL,
    TEXT,
    Action,
    Decision,
    Judgement,
)

_LONG_OR_BINARY = LONG_TEXT | {"UN", "OB", "OW", "OF", "OD", "OL", "OV", "UR"}
VALUES = frozenset({"CodeValue", "LongCodeValue"})  # of which sites make their own, in any sequence
CODES = VALUES | {"CodingSchemeDesignator", "CodingSchemeVersion"}
_GONE = Decision(Action.REMOVE)
NOT_LISTED = "E.1-1 does not list it"


def judge(keyword: str, vr: str, kind: str | None, options: frozenset[str], dates: str) -> Judgement:
    """What becomes of an attribute that E.1-1 does not list; `kind` is its Type in the IOD, None where unknown."""
    if not tables.has_one_tag(keyword):
        return _told(Action.REMOVE, "it belongs to a retired repeating group")
    known = tables.value_representations(tables.tag_of(keyword))
    kinds = {vr, *known}
    if keyword in tables.tag_set("removed"):
        together = keyword in tables.tag_set("together")
        return _told(Action.REMOVE if together else _by_type(kind), "it names people, orders or places")
    if keyword in tables.tag_set("kept"):
        return _told(Action.KEEP, "it carries no words")
    if "PN" in kinds:
        return _told(Action.EMPTY, "it is a person's name")
    if kinds & (TEXT | {"CS"}) and tables.is_retired(keyword):
        return _told(_by_type(kind), "it is retired, and holds words")
    if vr == "CS" and vr in known and keyword in tables.tag_set("labels"):
        return _told(Action.CLEAN, "it is a label that people type", Action.DUMMY)
    if kinds & {"AE", "UR", "UN"}:
        return _told(Action.REMOVE, "it is an address, or unknown data")
    if kinds & (TEXT | _LONG_OR_BINARY) and not set(known) & {"US", "SS"}:
        return _text(keyword, vr, known, kind, options)
    if vr in _LONG_OR_BINARY:
        return _told(Action.REMOVE, f"it should be {'/'.join(known)}, not {vr}")
    if vr == "SQ" or "SQ" in known:
        return _told(Action.KEEP, "its items are cleaned in turn") if vr in known else _told(Action.REMOVE, "no items")
    if "UI" in kinds:
        return _told(Action.UID if vr == "UI" and vr in known else Action.REMOVE, "it is a UID")
    if kinds & TEMPORAL:
        return _date(vr, dates)
    if vr not in known:
        return _told(Action.REMOVE, f"it should be {'/'.join(known)}, not {vr}")
    if vr == "CS":
        return _told(Action.CLEAN, "it is a code, unless unknown words are written into it", _by_type(kind))
    return _told(Action.KEEP, "it is a number or a code")


@cache
def is_technical(tag: int, vr: str) -> bool:
    """Whether cleaning a value means the technical words of words/technical.py, not those of descriptions."""
    keyword = tables.name_of(tag)
    if vr == "CS":
        return tag >> 16 & 1 == 1 or (keyword not in tables.tag_set("labels") and tables.row_of(tag) is None)
    return keyword in tables.tag_set("technical")


def code_of(parent: str) -> Judgement:
    """What becomes of a code's value, and of its scheme in a sequence that E.1-1 lists."""
    where = parent or "no sequence"
    return _told(Action.CLEAN, f"it is a code of {where}, unless words are written into it", Action.DUMMY)


@cache
def refers(keyword: str) -> bool:
    """Whether a sequence's items refer to other objects: E.1-1 marks them U*, or keeps them with retain-uids."""
    return keyword in tables.load("beyond_table.json")["references"]["sequences"]


def may_stand_in_reference(keyword: str) -> bool:
    """Whether an attribute may stay in an item that refers to an object: it names the object, a part, or the reason.

    U* (PS3.15 E.1.1) keeps such a sequence for the UIDs in it, which are replaced; anything else in it has no reason
    to be there and nobody expects it there.
    """
    return keyword in tables.tag_set("references")


def _text(keyword: str, vr: str, known: tuple[str, ...], kind: str | None, options: frozenset[str]) -> Judgement:
    readable = vr in TEXT and bool(set(known) & TEXT)
    if keyword in tables.tag_set("technical") | tables.tag_set("products"):
        if vr not in known:
            return _told(Action.REMOVE, f"it should be {'/'.join(known)}, not {vr}")
        if keyword in tables.tag_set("products"):
            return _told(Action.KEEP, "a maker chooses its words")
        instead = Action.DUMMY if keyword in CODES else _by_type(kind)
        return _told(Action.CLEAN, "a device or a standard chooses its words; unknown long ones go", instead)
    if not readable:
        return _told(Action.REMOVE, "it is long or binary and can hold anything")
    if keyword == "CodeMeaning":
        return _told(Action.CLEAN, "it need not be the code's own meaning", Action.DUMMY)
    if keyword in tables.tag_set("labels") and vr in SHORT_TEXT:
        return _told(Action.CLEAN, "it is text that people type", _by_type(kind))
    otherwise = Action.DUMMY if keyword in tables.tag_set("needed") else _by_type(kind)
    if "clean-descriptors" in options or (keyword == "TextValue" and "clean-structured-content" in options):
        return _told(Action.CLEAN, "it is free text, which the profile cleans", otherwise)
    return _told(otherwise, "it is free text")


def _date(vr: str, dates: str) -> Judgement:
    if dates == "REMOVED" or vr not in TEMPORAL:
        return _told(Action.REMOVE, "it is a date or time")
    shifted = dates == "MODIFIED" and vr != "TM"
    return _told(Action.SHIFT if shifted else Action.KEEP, f"it is a date or time; dates are {dates}")


def _by_type(kind: str | None) -> Action:
    return Action(tables.resolve("X/Z/D", kind or "3"))


def _told(action: Action, why: str, otherwise: Action = Action.REMOVE) -> Judgement:
    return Judgement(Decision(action, otherwise), f"{NOT_LISTED}: {why}")
