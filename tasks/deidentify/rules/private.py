"""Private attributes that are known to be safe (`data/private.json`): which creators, which elements, what to do.

What belongs here: looking a private element up, and what the Retain Safe Private Option makes of it. Elements that
PS3.15 E.3.10-1 names, and what The Cancer Imaging Archive found safe, are kept where they are numbers; texts are
cleaned, dates move and UIDs are replaced. All else goes: a vendor's block may hold a whole header.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tasks.deidentify.rules import tables
from tasks.deidentify.rules.actions import BINARY, NUMBERS, TEMPORAL, TEXT, Action, Decision, Judgement

_GONE = Decision(Action.REMOVE)
_OPAQUE = BINARY | {""}
_KINDS = (NUMBERS, TEXT | {"CS"}, frozenset({"DA", "DT"}))


@dataclass(frozen=True)
class Entry:
    """A private element that may stay: the VRs it is known with, the usual first, and how many values at most.

    `action` is K, U (its value is a UID) or S (its value is a date); `most` is 0 where the number of values is open.
    """

    vrs: tuple[str, ...]
    action: str
    most: int
    standard: bool

    def read_as(self, vr: str) -> str:
        """The VR to read a value by that the file says is `vr`: the known one where the file's tells nothing.

        Whether bytes that are read as numbers are text is for the caller to say (headers/binary.py).
        """
        usual = self.vrs[0] if self.vrs else ""
        if not usual or vr not in _OPAQUE or (usual in _OPAQUE and not self.standard):
            return vr
        return usual


@cache
def entry_of(creator: str, tag: int) -> Entry | None:
    """The entry of element `tag` of the block of `creator`, in any spelling; None where it is not known to be safe."""
    block = tables.load("private.json")["creators"].get(folded(creator))
    text = block and block["groups"].get(f"{tag >> 16:04X}", {}).get(f"{tag & 0xFF:02X}")
    if not text or tag & 0xFFFF <= 0xFF:
        return None
    vrs, action, most, source = text.split(" ")
    return Entry(tuple(vrs.split(",")) if vrs != "-" else (), action, int(most) if most.isdigit() else 0, source == "S")


@cache
def spelling(creator: str) -> str | None:
    """How a known creator is spelt: as it came where that is one of its spellings; None for an unknown one."""
    block = tables.load("private.json")["creators"].get(folded(creator))
    if block is None:
        return None
    spellings: list[str] = block["spellings"]
    return creator.strip() if creator.strip() in spellings else spellings[0]


def folded(creator: str) -> str:
    """A creator without what its spellings differ in: case, quotes, and space around and within."""
    return " ".join(creator.replace('"', " ").split()).upper()


def judge(creator: str, tag: int, vr: str, dates: str) -> Judgement:
    """What the Retain Safe Private Option does with an element; `dates` as in `Profile.dates`.

    `vr` is what its value is read by (`Entry.read_as`): bytes that nobody can read stay only where E.3.10-1 says so.
    """
    entry = entry_of(creator, tag)
    if entry is None:
        known = "its creator is known, the element is not" if spelling(creator) else "its creator is not known"
        return Judgement(_GONE, f"not known to be safe: {known}")
    source = "safe by PS3.15 E.3.10-1" if entry.standard else "safe by TCIA's knowledge base"
    if not _expected(vr, entry):
        return Judgement(_GONE, f"{source} as {'/'.join(entry.vrs) or 'a number'}, not as {vr}")
    if entry.action == "U":
        return Judgement(Decision(Action.UID), f"{source}, and a UID")
    if entry.action == "S" or vr in TEMPORAL:
        return Judgement(_date(vr, dates), f"{source}, and a date or time; dates are {dates}")
    return Judgement(_value(vr, entry), source)


def _value(vr: str, entry: Entry) -> Decision:
    if vr in NUMBERS or vr in ("SQ", "AS") or (vr in BINARY and entry.standard):
        return Decision(Action.KEEP)
    if vr == "UI":
        return Decision(Action.UID)
    return Decision(Action.CLEAN) if vr in TEXT or vr == "CS" else _GONE


def _date(vr: str, dates: str) -> Decision:
    if dates == "REMOVED":
        return _GONE
    if vr == "TM":
        return Decision(Action.KEEP)
    if dates == "MODIFIED":
        return Decision(Action.SHIFT)
    return Decision(Action.KEEP if vr in TEMPORAL else Action.CLEAN)


def _expected(vr: str, entry: Entry) -> bool:
    """Whether the file's VR is one that the element is known with, or at least of its kind."""
    if not entry.vrs:
        return vr in NUMBERS
    return vr in entry.vrs or any(vr in kind and kind & set(entry.vrs) for kind in _KINDS)
