"""What a profile does to each attribute: E.1-1 with its options, the site's overrides, and what lies beyond the table.

`Profile.of(settings)` checks the settings (`ConfigurationError` names the nearest right name) and `decide` gives the
action for one attribute at one place. Changing a value is the engine's work.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from pydicom import datadict
from pydicom.datadict import tag_for_keyword

from tasks.core.errors import ConfigurationError
from tasks.core.settings import DeidentifySettings
from tasks.core.settings import digest as settings_digest
from tasks.deidentify.rules import tables as rules

PRESETS: dict[str, tuple[str, ...]] = {
    "basic": (),
    "research": ("retain-modified-dates", "retain-patient-characteristics"),
}


class Option(NamedTuple):
    """An option of E.1-1 that can be switched on, with its code of CID 7050."""

    code: str
    meaning: str


BASIC = Option("113100", "Basic Application Confidentiality Profile")
OPTIONS = {
    "retain-full-dates": Option("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "retain-modified-dates": Option("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "retain-patient-characteristics": Option("113108", "Retain Patient Characteristics Option"),
    "retain-device-identity": Option("113109", "Retain Device Identity Option"),
    "retain-institution-identity": Option("113112", "Retain Institution Identity Option"),
}
_NOT_OFFERED = {
    "retain-uids": "UIDs are always replaced, consistently",
    "retain-safe-private": "private attributes are always removed",
    "clean-descriptors": "descriptions are removed as the Basic Profile says",
    "clean-structured-content": "reports are quarantined",
    "clean-graphics": "graphics are removed",
}
IDENTITY = frozenset({"PatientID", "PatientName", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"})
TEMPORAL = frozenset({"DA", "DT", "TM"})
LONG_OR_BINARY = frozenset({"LT", "ST", "UT", "UN", "OB", "OW", "OF", "OD", "OL", "OV", "UR"})


class Action(StrEnum):
    """What becomes of an attribute. For a sequence, KEEP means that its items are cleaned in their turn."""

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    KEEP = "K"
    UID = "U"
    SHIFT = "S"
    PSEUDONYM = "P"


class Decision(NamedTuple):
    """The action, and what to do instead where the value does not allow it (a date that is none)."""

    action: Action
    otherwise: Action = Action.REMOVE


@dataclass(frozen=True)
class Profile:
    """A checked profile. Hashable, so that decisions are made once a process."""

    name: str
    options: frozenset[str]
    overrides: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, settings: DeidentifySettings) -> Profile:
        """The profile that `settings` ask for; raises `ConfigurationError` for an unknown option or keyword."""
        for option in settings.options:
            _check_option(option)
        options = frozenset(PRESETS[settings.profile]) | frozenset(settings.options)
        if {"retain-full-dates", "retain-modified-dates"} <= options:
            raise ConfigurationError(
                "deidentify.options: retain-full-dates and retain-modified-dates (research has it) exclude each other; "
                "use `profile: basic` with the options that you want"
            )
        for keyword, action in settings.overrides.items():
            _check_override(keyword, action)
        return cls(settings.profile, options, tuple(sorted(settings.overrides.items())))

    @property
    def dates(self) -> str:
        """What becomes of the time line, as LongitudinalTemporalInformationModified says it (PS3.3 C.12.1)."""
        if "retain-modified-dates" in self.options:
            return "MODIFIED"
        return "UNMODIFIED" if "retain-full-dates" in self.options else "REMOVED"

    @property
    def method_codes(self) -> tuple[Option, ...]:
        """The codes of CID 7050 for what this profile does, in the order of their numbers."""
        return (BASIC, *sorted(OPTIONS[name] for name in self.options))

    @property
    def retained(self) -> frozenset[str]:
        """Keywords that this profile keeps on purpose although they identify: no residue, whatever they hold."""
        return _retained(self)

    def decide(self, tag: int, vr: str, iod: int | None = None, parent: str = "") -> Decision:
        """What to do with attribute `tag`, encoded as `vr`, of an object of `iod` inside sequence `parent`."""
        return _decide(self, tag, vr, iod, parent)


def profile_digest(settings: DeidentifySettings) -> str:
    """32 hex digits that change with the rule tables, the options or the overrides."""
    profile = Profile.of(settings)
    tables = [
        rules.load(name) for name in ("e1_1.json", "attribute_types.json", "beyond_table.json", "pixel_risk.json")
    ]
    text = json.dumps([sorted(profile.options), profile.overrides, tables], sort_keys=True)
    return hashlib.sha256((text + settings_digest(settings)).encode()).hexdigest()[:32]


@lru_cache(maxsize=64)
def _retained(profile: Profile) -> frozenset[str]:
    granted = {row.keyword for row in rules.rows().values() if "K" in (row.options.get(o) for o in profile.options)}
    return frozenset(granted | {keyword for keyword, action in profile.overrides if action == "K"})


@lru_cache(maxsize=65536)
def _decide(profile: Profile, tag: int, vr: str, iod: int | None, parent: str) -> Decision:
    keyword = rules.name_of(tag)
    known = rules.value_representations(tag)
    if not keyword or not known or (tag >> 16) in (0, 2, 4) or tag & 0xFFFF == 0:
        return Decision(Action.REMOVE)
    if keyword in ("PatientID", "PatientName"):
        return Decision(Action.PSEUDONYM)
    row = rules.row_of(tag)
    base = _base(row, keyword, iod, parent, known)
    override = dict(profile.overrides).get(keyword)
    if override is not None:
        return _overridden(override, vr, base)
    if row is None:
        return _unlisted(profile, keyword, vr, known)
    if row.keyword in ("ReferencedImageSequence", "SourceImageSequence") and "retain-modified-dates" in profile.options:
        return Decision(Action.KEEP)  # X/Z/U*: a researcher needs the references; the UIDs inside are replaced
    granted = {option: action for option, action in row.options.items() if option in profile.options}
    if "retain-modified-dates" in granted:
        # The day shift leaves the time of day as it is.
        return Decision({"DA": Action.SHIFT, "DT": Action.SHIFT, "TM": Action.KEEP}.get(vr, base), base)
    if "K" in granted.values() and base is not Action.UID and vr in known:
        return Decision(Action.KEEP, base)
    return Decision(base)


def _base(row: rules.Row | None, keyword: str, iod: int | None, parent: str, known: tuple[str, ...]) -> Action:
    """The Basic Profile's action; where the value is a UID, D means a replaced one."""
    if row is None:
        return Action.REMOVE
    action = Action(rules.resolve(row.action, rules.type_of(keyword, iod, parent)))
    if action is Action.UID and "UI" not in known:
        return Action.KEEP
    if action is Action.DUMMY and "UI" in known:
        return Action.UID
    return action


def _unlisted(profile: Profile, keyword: str, vr: str, known: tuple[str, ...]) -> Decision:
    """Beyond the table, fail closed: both the VR of PS3.6 and the one in the file must be harmless."""
    kinds = {vr, *known}
    if keyword in rules.tag_set("removed"):
        return Decision(Action.REMOVE)
    if keyword in rules.tag_set("kept"):
        return Decision(Action.KEEP)
    if "PN" in kinds:
        return Decision(Action.EMPTY)
    if kinds & {"AE", "UR", "UN"} or (kinds & LONG_OR_BINARY and not set(known) & {"US", "SS"}) or vr in LONG_OR_BINARY:
        return Decision(Action.REMOVE)
    if vr == "SQ" or "SQ" in known:
        return Decision(Action.KEEP if vr in known else Action.REMOVE)
    if "UI" in kinds:
        return Decision(Action.UID if vr == "UI" else Action.REMOVE)
    if kinds & TEMPORAL:
        if profile.dates == "REMOVED" or vr not in TEMPORAL:
            return Decision(Action.REMOVE)
        return Decision(Action.SHIFT if profile.dates == "MODIFIED" and vr != "TM" else Action.KEEP)
    return Decision(Action.KEEP if vr in known else Action.REMOVE)


def _overridden(override: str, vr: str, base: Action) -> Decision:
    if override == "C":
        # Dates are cleaned by the shift; descriptions cannot be cleaned here, so they keep the table's action.
        return Decision(Action.SHIFT, base) if vr in ("DA", "DT") else Decision(base)
    if override == "D" and vr == "UI":
        return Decision(Action.UID)
    return Decision(Action(override), base)


def _check_option(option: str) -> None:
    if option in OPTIONS:
        return
    if option in _NOT_OFFERED:
        raise ConfigurationError(
            f"deidentify.options: {option} is not offered, {_NOT_OFFERED[option]}; "
            f"known here: {', '.join(sorted(OPTIONS))}"
        )
    near = difflib.get_close_matches(option, OPTIONS, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(sorted(OPTIONS))}"
    raise ConfigurationError(f"deidentify.options: unknown option `{option}`; {hint}")


def _check_override(keyword: str, action: str) -> None:
    tag = tag_for_keyword(keyword)
    if tag is None:
        names = [entry[4] for entry in vars(datadict)["DicomDictionary"].values() if entry[4]]
        near = difflib.get_close_matches(keyword, names, n=1, cutoff=0.6)
        hint = f"; did you mean `{near[0]}`?" if near else ": use the keyword of PS3.6, e.g. StudyDescription"
        raise ConfigurationError(f"deidentify.overrides: unknown keyword `{keyword}`{hint}")
    if keyword in IDENTITY:
        raise ConfigurationError(f"deidentify.overrides: {keyword} always gets a pseudonym; take it out")
    known = rules.value_representations(tag)
    if action == "U" and "UI" not in known:
        raise ConfigurationError(f"deidentify.overrides: {keyword} is no UID, so U does not fit; use X, Z, D, K or C")
