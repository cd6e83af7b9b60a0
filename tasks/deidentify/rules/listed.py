"""What becomes of an attribute that E.1-1 lists: its basic action by Type, and what the options that are on grant.

What belongs here: reading one row. Which row and which options is profile.py's business.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.deidentify.rules import beyond, tables
from tasks.deidentify.rules.actions import TEXT, Action, Decision, Judgement


@dataclass(frozen=True)
class Granted:
    """{option: K or C} of a row for the options that are on, and what becomes of dates (`Profile.dates`).

    `note` says why they are granted, where that is not by the row and the options alone.
    """

    actions: dict[str, str]
    dates: str
    note: str = ""

    def first(self, action: str) -> str:
        """The first option that grants `action`, "" where none does."""
        return next((option for option in sorted(self.actions) if self.actions[option] == action), "")

    def told(self, action: str, option: str) -> str:
        """That `option` grants `action`, in words."""
        return f"{action} by {option}{self.note}"


def judge(row: tables.Row, tag: int, vr: str, kind: str | None, granted: Granted) -> Judgement:
    """What to do with attribute `tag` of this row; `kind` is its Type in the IOD, None where it isn't known."""
    known = tables.value_representations(tag)
    base = basic(row, kind, known)
    why = f"E.1-1: {row.action}"
    if "/" in row.action or base != row.action:
        why += f", {base.value} for Type {kind}" if kind else f", {base.value} where the Type is not known"
    if base is Action.DUMMY and vr == "SQ" and row.keyword in tables.tag_set("with_items"):
        return Judgement(Decision(Action.CLEAN), f"{why}; its items stay, with dummies in them")
    if tag >> 24 in (0x50, 0x60):
        return Judgement(Decision(base), f"{why}; curves and overlays go whole, their drawings cannot be read")
    if beyond.refers(row.keyword) and granted.dates != "REMOVED":
        return Judgement(Decision(Action.KEEP), f"{why}; where dates are kept references are too, with replaced UIDs")
    if "retain-modified-dates" in granted.actions:
        # The day shift leaves the time of day as it is.
        action = {"DA": Action.SHIFT, "DT": Action.SHIFT, "TM": Action.KEEP}.get(vr)
        if action is None:
            return Judgement(Decision(base), f"{why}; {vr} is no date that can be moved")
        return Judgement(Decision(action, base), f"{why}; {granted.told('C', 'retain-modified-dates')}")
    # Where one option keeps and another cleans, whoever asked for cleaning meant it.
    cleaning, keeping = granted.first("C"), granted.first("K")
    if cleaning and _cleanable(vr, known):
        return Judgement(Decision(Action.CLEAN, base), f"{why}; {granted.told('C', cleaning)}")
    if keeping and base is not Action.UID and vr in known:
        return Judgement(Decision(Action.KEEP, base), f"{why}; {granted.told('K', keeping)}")
    return Judgement(Decision(base), why)


def basic(row: tables.Row, kind: str | None, known: tuple[str, ...]) -> Action:
    """The Basic Profile's action; where the value is a UID, D means a replaced one."""
    if row.keyword in tables.tag_set("together"):
        return Action.REMOVE
    action = Action(tables.resolve(row.action, kind))
    if action is Action.UID and "UI" not in known:
        return Action.KEEP
    if action is Action.DUMMY and "UI" in known:
        return Action.UID
    return action


def _cleanable(vr: str, known: tuple[str, ...]) -> bool:
    """Whether cleaning means something: text that is meant to be text, a code string, a sequence."""
    return (vr in TEXT and bool(TEXT & set(known))) or (vr in ("CS", "SQ") and vr in known)
