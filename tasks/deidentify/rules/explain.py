"""What happens to one attribute under a profile, and why, in lines that a privacy officer can read.

What belongs here: asking the profile and wording its answer. Nothing is decided here, so it cannot tell another story
than the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pydicom.datadict import dictionary_description, private_dictionary_description

from tasks.core.errors import ConfigurationError
from tasks.deidentify.rules import beyond, editions, names, private, tables
from tasks.deidentify.rules.actions import Action, Judgement
from tasks.deidentify.rules.names import Named
from tasks.deidentify.rules.profile import Profile

WORDS = {
    Action.REMOVE: "removed",
    Action.EMPTY: "emptied",
    Action.DUMMY: "replaced by a value that says nothing",
    Action.KEEP: "kept",
    Action.UID: "replaced by a new UID, the same wherever the old one stood",
    Action.SHIFT: "moved by the patient's number of days",
    Action.PSEUDONYM: "replaced by the patient's pseudonym",
    Action.CLEAN: "cleaned: clinical and technical words stay, all else goes",
}
_TYPES = ("1", "1C", "2", "2C")


class Place(NamedTuple):
    """Where the attribute stands: the object's SOP class ("" for any), and the sequence around it ("" for none)."""

    sop_class: str = ""
    inside: str = ""


ANYWHERE = Place()


class Line(NamedTuple):
    """A heading and what is to be said under it."""

    heading: str
    text: str


def explain(profile: Profile, what: Named, place: Place = ANYWHERE, vr: str = "") -> list[Line]:
    """What happens to `what` at `place`; `vr` is the file's, else that of the dictionary."""
    if what.private:
        return list(_private(profile, what, vr))
    known = tables.value_representations(what.tag)
    if not tables.name_of(what.tag) or not known:
        listed = "E.1-1 lists it, but " if tables.row_of(what.tag) else ""
        return [
            Line("attribute", f"{what}: {listed}PS3.6 as it is known here does not have it"),
            Line("happens", "removed at any depth: what is not known cannot be judged"),
            Line("nearest", names.nearest(what.tag)),
        ]
    return list(_public(profile, what, place, vr or known[0]))


def _public(profile: Profile, what: Named, place: Place, vr: str) -> Iterator[Line]:
    keyword, known = tables.name_of(what.tag), tables.value_representations(what.tag)
    yield Line("attribute", f"{what} {keyword}, {dictionary_description(what.tag)}, {'/'.join(known)}")
    yield Line("table", _row(profile, what))
    answers = list(_answers(profile, what.tag, vr, place))
    for where, judged in answers:
        yield Line("happens", f"{_happens(judged, vr)}{where}")
        if judged.decision.otherwise not in (judged.decision.action, Action.REMOVE):
            yield Line("or else", f"{WORDS[judged.decision.otherwise]}, where the value does not allow that")
    for why in dict.fromkeys(judged.because for _, judged in answers):
        yield Line("because", why)
    if not place.inside:
        same = {judged.decision.action for _, judged in answers} == {profile.decide(what.tag, vr, None, "-").action}
        yield Line("nested", "the same at every depth" if same else "inside a sequence its Type there counts: --inside")


def _row(profile: Profile, what: Named) -> str:
    row = editions.row_in(profile.edition, what.tag)
    if row is None:
        return beyond.NOT_LISTED
    columns = [
        f"{action} by {option} ({'on' if option in profile.options else 'off'})"
        for option, action in sorted(row.options.items())
    ]
    lacking = f"; edition {profile.edition} lacks it" if what.tag in editions.edition(profile.edition).lacks else ""
    return f"E.1-1: {', '.join([row.action, *columns])}; a row since {editions.added_in(what.tag)}{lacking}"


def _answers(profile: Profile, tag: int, vr: str, place: Place) -> Iterator[tuple[str, Judgement]]:
    """(where, what) for each Type that the attribute has somewhere, where that makes a difference."""
    keyword = tables.name_of(tag)
    if place.inside or place.sop_class:
        iod = tables.iod_of(place.sop_class) if place.sop_class else None
        kind = tables.type_of(keyword, None if place.inside else iod, place.inside)
        where = f"inside {place.inside}" if place.inside else "in such an object"
        yield f" ({where}{f', where it is of Type {kind}' if kind else ''})", profile.judge(tag, vr, iod, place.inside)
        return
    types = tables.load("attribute_types.json")
    top: dict[str, list[int]] = types["top"].get(keyword, {})
    elsewhere = next(number for number in range(len(types["iods"])) if all(number not in iods for iods in top.values()))
    found = [("", profile.judge(tag, vr, elsewhere))]
    for kind in _TYPES:
        if top.get(kind):
            judged = profile.judge(tag, vr, top[kind][0])
            where = f"in {len(top[kind])} IOD{'s' if len(top[kind]) > 1 else ''}"
            found.append((f" {where}, where it is of Type {kind}", judged))
    yield found[0]
    yield from (other for other in found[1:] if other[1].decision.action is not found[0][1].decision.action)


def _happens(judged: Judgement, vr: str) -> str:
    action = judged.decision.action
    if vr == "SQ" and action in (Action.KEEP, Action.CLEAN):
        return "kept, and its items are cleaned in turn"
    return WORDS[action]


def _private(profile: Profile, what: Named, vr: str) -> Iterator[Line]:
    if what.tag & 0xFFFF <= 0xFF:
        yield Line("attribute", f"{what}, which reserves a block of private attributes")
        yield Line("happens", "kept, in its known spelling, where something of its block is; else removed")
        return
    creators = [what.creator] if what.creator else sorted(_creators(what.tag))
    if not creators:
        yield Line("attribute", str(what))
        yield Line("happens", "removed: no creator is known for which it is safe")
    for creator in creators:
        entry = private.entry_of(creator, what.tag)
        read = profile.private_vr(creator, what.tag, vr) if vr else entry.vrs[0] if entry and entry.vrs else "UN"
        judged = profile.judge_private(creator, what.tag, read)
        yield Line("attribute", f"{Named(what.tag, creator)}{_described(creator, what.tag)}, {read}")
        yield Line("happens", _happens(judged, read))
        yield Line("because", judged.because)


def _creators(tag: int) -> Iterator[str]:
    for block in tables.load("private.json")["creators"].values():
        if private.entry_of(block["spellings"][0], tag):
            yield block["spellings"][0]


def _described(creator: str, tag: int) -> str:
    try:
        return f", {private_dictionary_description(tag, private.spelling(creator) or creator)}"
    except KeyError:
        return ""


def sop_class_named(text: str) -> str:
    """The UID of a SOP class that is known here, from its UID or a modality; raises `ConfigurationError`."""
    modalities: dict[str, str] = _MODALITIES
    uid = modalities.get(text.upper(), text)
    if tables.iod_of(uid) is None:
        raise ConfigurationError(
            f"{text} is no SOP class that is known here; give its UID, or one of {', '.join(sorted(modalities))}"
        )
    return uid


def sequence_named(text: str) -> str:
    """The keyword of the sequence that `text` names, "" for none; raises `ConfigurationError`."""
    if not text:
        return ""
    tag = names.named(text, "--inside").tag
    if "SQ" not in tables.value_representations(tag):
        raise ConfigurationError(f"--inside: {text} is no sequence of PS3.6; e.g. RequestAttributesSequence")
    return tables.name_of(tag)


_MODALITIES = {
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "RTDOSE": "1.2.840.10008.5.1.4.1.1.481.2",
    "RTPLAN": "1.2.840.10008.5.1.4.1.1.481.5",
    "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
    "SEG": "1.2.840.10008.5.1.4.1.1.66.4",
    "SM": "1.2.840.10008.5.1.4.1.1.77.1.6",
    "SR": "1.2.840.10008.5.1.4.1.1.88.33",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
}
