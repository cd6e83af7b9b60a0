"""What a profile does to each attribute: E.1-1 with its options, the site's overrides, and what lies beyond the table.

`Profile.of(settings)` checks the settings (`ConfigurationError` names the nearest right name); `decide` and
`decide_private` give the action for one attribute at one place, `judge` and `judge_private` the reason too. Changing a
value is the work of headers/.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files

from tasks.core.settings import DeidentifySettings
from tasks.core.settings import digest as settings_digest
from tasks.deidentify.rules import beyond, editions, listed, private
from tasks.deidentify.rules import overrides as site
from tasks.deidentify.rules import tables as rules
from tasks.deidentify.rules.actions import Action, Decision, Judgement
from tasks.deidentify.rules.options import BASIC, OPTIONS, PRESETS, Option, options_of

__all__ = ["OPTIONS", "PRESETS", "Action", "Decision", "Judgement", "Option", "Profile", "profile_digest"]


@dataclass(frozen=True)
class Profile:
    """A checked profile. Hashable, so that decisions are made once a process."""

    name: str
    options: frozenset[str]
    overrides: tuple[tuple[str, str], ...]
    edition: str = editions.NEWEST

    @classmethod
    def of(cls, settings: DeidentifySettings) -> Profile:
        """The profile that `settings` ask for; raises `ConfigurationError` for an unknown option, keyword or tag."""
        options = options_of(settings.profile, settings.options)
        chosen = site.Overrides.of(dict(settings.overrides))
        return cls(settings.profile, options, chosen.actions, settings.edition)

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

    @cached_property
    def retained(self) -> frozenset[str]:
        """Keywords that this profile keeps on purpose although they identify: no residue, whatever they hold."""
        kept = {
            row.keyword
            for tag, row in rules.rows().items()
            if "K" in self.granted(tag, row).actions.values() and self.chosen.by_name.get(row.keyword, "K") == "K"
        }
        return frozenset(kept | {keyword for keyword, action in self.overrides if action == "K"})

    def decide(self, tag: int, vr: str, iod: int | None = None, parent: str = "") -> Decision:
        """What to do with attribute `tag`, encoded as `vr`, of an object of `iod` inside sequence `parent`."""
        return _judge(self, tag, vr, iod, parent).decision

    def judge(self, tag: int, vr: str, iod: int | None = None, parent: str = "") -> Judgement:
        """As `decide`, with what led to it."""
        return _judge(self, tag, vr, iod, parent)

    def decide_private(self, creator: str, tag: int, vr: str) -> Decision:
        """What to do with element `tag` (as in the file) of a block of `creator`, whose value is read as `vr`.

        Ask `private_vr` first where the file says UN, OB or nothing: what stays UN is unknown bytes and goes. Elements
        that reserve blocks are not asked about here: `known_creator`.
        """
        return _judge_private(self, creator, tag, vr).decision

    def judge_private(self, creator: str, tag: int, vr: str) -> Judgement:
        """As `decide_private`, with what led to it."""
        return _judge_private(self, creator, tag, vr)

    def private_vr(self, creator: str, tag: int, vr: str) -> str:
        """The VR to read a private value by: the file's, or where that tells nothing (UN, OB) the known one."""
        entry = private.entry_of(creator, tag)
        return entry.read_as(vr) if entry else vr

    def private_most(self, creator: str, tag: int) -> int:
        """How many values a private element has at most; 0 where that is open or unknown."""
        entry = private.entry_of(creator, tag)
        return entry.most if entry else 0

    def known_creator(self, creator: str) -> str | None:
        """How a creator is to be written, None where nothing of it is kept: a name could travel as a creator."""
        chosen = self.chosen.spelling(creator)
        if chosen is None and "retain-safe-private" in self.options:
            return private.spelling(creator)
        return chosen

    @cached_property
    def chosen(self) -> site.Overrides:
        """The overrides, to look things up in."""
        return site.Overrides(self.overrides)

    def granted(self, tag: int, row: rules.Row) -> listed.Granted:
        """What the options grant for a row; where the edition lacks it, those of `editions.GIVEN_BACK` are on too."""
        granted = {option: action for option, action in row.options.items() if option in self.options}
        if self._hides_places and row.keyword in rules.tag_set("places"):
            return listed.Granted({"clean-descriptors": "C"}, self.dates, ", as it tells a place")
        if granted or tag not in editions.edition(self.edition).lacks:
            return listed.Granted(granted, self.dates)
        lent = {option: action for option, action in row.options.items() if option in editions.GIVEN_BACK}
        return listed.Granted(lent, self.dates, f", which is on for rows that edition {self.edition} lacks")

    @property
    def _hides_places(self) -> bool:
        return "clean-descriptors" in self.options and "retain-institution-identity" not in self.options


def profile_digest(settings: DeidentifySettings) -> str:
    """32 hex digits that change with the data files of this package, the options or the overrides."""
    profile = Profile.of(settings)
    text = json.dumps([sorted(profile.options), profile.overrides, profile.edition, _data_digest()])
    return hashlib.sha256((text + settings_digest(settings)).encode()).hexdigest()[:32]


@cache
def _data_digest() -> str:
    found = hashlib.sha256()
    for file in sorted((files("tasks.deidentify") / "data").iterdir(), key=lambda one: one.name):
        if file.is_file():
            content = file.read_bytes()
            found.update(f"{file.name} {len(content)}\n".encode() + content)
    return found.hexdigest()


@lru_cache(maxsize=65536)
def _judge_private(profile: Profile, creator: str, tag: int, vr: str) -> Judgement:
    chosen = profile.chosen.of_element(creator, tag)
    if chosen is not None:
        return Judgement(site.decided(chosen, vr, Action.REMOVE), f"the site's override: {chosen}")
    if "retain-safe-private" not in profile.options:
        return Judgement(Decision(Action.REMOVE), "private attributes go without the option retain-safe-private")
    return private.judge(creator, tag, vr, profile.dates)


@lru_cache(maxsize=65536)
def _judge(profile: Profile, tag: int, vr: str, iod: int | None, parent: str) -> Judgement:
    keyword = rules.name_of(tag)
    known = rules.value_representations(tag)
    if not keyword or not known or (tag >> 16) in (0, 2, 4) or tag & 0xFFFF == 0:
        return Judgement(Decision(Action.REMOVE), "PS3.6 has no such attribute in a data set")
    if keyword in ("PatientID", "PatientName"):
        return Judgement(Decision(Action.PSEUDONYM), "the patient's pseudonym")
    if parent and beyond.refers(parent) and not beyond.may_stand_in_reference(keyword):
        return Judgement(
            Decision(Action.REMOVE), f"an item of {parent} only says which object, which part of it and why"
        )
    row = editions.row_in(profile.edition, tag)
    kind = rules.type_of(keyword, iod, parent)
    chosen = profile.chosen.by_name.get(keyword)
    if chosen is not None:
        base = listed.basic(row, kind, known) if row else Action.REMOVE
        return Judgement(site.decided(chosen, vr, base), f"the site's override: {chosen}")
    if row is None and keyword in beyond.CODES and vr in known and (keyword in beyond.VALUES or _is_listed(parent)):
        return beyond.code_of(parent)
    if row is None:
        return beyond.judge(keyword, vr, kind, profile.options, profile.dates)
    return listed.judge(row, tag, vr, kind, profile.granted(tag, row))


def _is_listed(parent: str) -> bool:
    """Whether E.1-1 has a row for the sequence around."""
    return bool(parent) and rules.has_one_tag(parent) and rules.row_of(rules.tag_of(parent)) is not None
