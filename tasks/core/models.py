"""The typed values that stages pass to each other. All of them are pseudonymous: they may be stored and logged.

A *unit* is a series at the source. An *item* is one thing the source offers: an Orthanc instance, a file, a member of
a zip.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.core.reasons import Disposition, Reason

Modality = Annotated[str, Field(pattern=r"^[A-Z]{2,16}$", description="a DICOM modality code, e.g. CT")]


class Frozen(BaseModel):
    """Base of all values: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class State(StrEnum):
    """Where a unit or an item stands. The last four are final."""

    DISCOVERED = "discovered"
    EXTRACTED = "extracted"
    DEIDENTIFIED = "deidentified"
    TRANSFORMED = "transformed"
    RELEASED = "released"
    QUARANTINED = "quarantined"
    SKIPPED = "skipped"
    WITHDRAWN = "withdrawn"


FINAL = frozenset({State.RELEASED, State.QUARANTINED, State.SKIPPED, State.WITHDRAWN})


class Unit(Frozen):
    """One series as the cohort knows it. All ids are pseudonyms (`tasks.core.pseudonyms`)."""

    unit: str
    patient: str
    study: str
    modality: str
    expected: int
    bytes: int
    fingerprint: str

    @property
    def archive(self) -> str:
        """Where the de-identified series lies, relative to the de-identified zone."""
        return f"{self.patient}/{self.study}_{self.unit}.zip"


class Item(Frozen):
    """One thing the source offers and what became of it. `sop` is the new SOPInstanceUID, where one is known."""

    item: str
    state: State
    reason: Reason | None = None
    sop: str | None = None

    @classmethod
    def refused(cls, item: str, reason: Reason, sop: str | None = None) -> Item:
        """An item that leaves the pipeline for `reason`."""
        state = State.QUARANTINED if reason.disposition is Disposition.QUARANTINED else State.SKIPPED
        return cls(item=item, state=state, reason=reason, sop=sop)


class UnitResult(Frozen):
    """What a stage made of one unit: the outcome of each item it was given, and the digest of what it wrote."""

    unit: str
    items: tuple[Item, ...]
    digest: str | None = None

    @property
    def kept(self) -> int:
        """How many items go on to the next stage."""
        return sum(item.reason is None for item in self.items)


class Cohort(Frozen):
    """What was selected, frozen: `data/cohort.lock`. `refused` are items that never became part of a unit.

    `withdrawn` is how many instances the source offers of people who withdrew: a count, since nothing of them is kept.
    """

    key_id: str
    criteria: str
    units: tuple[Unit, ...]
    refused: tuple[Item, ...] = ()
    tables: dict[str, str] = {}
    withdrawn: int = 0

    @property
    def expected(self) -> int:
        """Every item that must be accounted for."""
        return sum(unit.expected for unit in self.units) + len(self.refused) + self.withdrawn


class AppliedProfile(Frozen):
    """By which profile series were de-identified: `data/deidentified/profile.json`.

    `options` are all that applied, those of the named profile included. `settings` is the digest of the parameters,
    `digest` that of profile and rule tables; `table` and `edition` name the table of PS3.15, `version` the engine.
    """

    name: Literal["basic", "research"]
    options: tuple[str, ...]
    overrides: dict[str, str]
    settings: str
    table: str
    edition: str
    digest: str
    version: int


class Tally(Frozen):
    """Counts of items by outcome. `reasons` maps reason code to count; `pending` is what has no final state yet."""

    expected: int
    released: int = 0
    quarantined: int = 0
    skipped: int = 0
    withdrawn: int = 0
    pending: int = 0
    reasons: dict[str, int] = {}

    @property
    def balances(self) -> bool:
        """Whether every expected item has exactly one final outcome."""
        return self.pending == 0 and self.expected == self.released + self.quarantined + self.skipped + self.withdrawn

    @classmethod
    def of(cls, expected: int, items: Iterable[tuple[State, Reason | None]]) -> Tally:
        """Count `items`, given as (state, reason)."""
        states: Counter[State] = Counter()
        reasons: Counter[str] = Counter()
        for state, reason in items:
            states[state] += 1
            if reason is not None:
                reasons[reason.code] += 1
        final = {state: states[state] for state in FINAL}
        return cls(
            expected=expected,
            released=final[State.RELEASED],
            quarantined=final[State.QUARANTINED],
            skipped=final[State.SKIPPED],
            withdrawn=final[State.WITHDRAWN],
            pending=sum(states.values()) - sum(final.values()),
            reasons=dict(sorted(reasons.items())),
        )


class Verdict(Frozen):
    """One rule of a gate. `rows` is how many rows break it; `sentence` and `fix` are for the person who reads it."""

    suite: str
    rule: str
    severity: str
    passed: bool
    rows: int
    sentence: str
    fix: str = ""

    @property
    def name(self) -> str:
        """The rule with its suite, as people write it: `splits/patient-is-in-one-split`."""
        return f"{self.suite}/{self.rule}"


class Waiver(Frozen):
    """That a rule may fail for one release: the one that follows `after` (a tag; None before there was any).

    It is published with the release, so `reason` and `by` name no patient.
    """

    rule: str
    reason: str
    by: str
    after: str | None = None


class Verdicts(Frozen):
    """All gates of one release. `curated` is the digest of the tables that were judged.

    `after` is the tag of the release that they were compared with, None for the first. `waivers` are those that count
    for this release, whether their rule failed or not.
    """

    rules: tuple[Verdict, ...]
    curated: str | None = None
    after: str | None = None
    waivers: tuple[Waiver, ...] = ()

    @property
    def blocking(self) -> tuple[Verdict, ...]:
        """The critical rules that failed and are not waived; any one of them stops the release."""
        return tuple(
            rule
            for rule in self.rules
            if not rule.passed and rule.severity == "critical" and self.waiver_of(rule) is None
        )

    @property
    def waived(self) -> tuple[Verdict, ...]:
        """The critical rules that failed, and were let pass by a waiver."""
        return tuple(
            rule
            for rule in self.rules
            if not rule.passed and rule.severity == "critical" and self.waiver_of(rule) is not None
        )

    def waiver_of(self, verdict: Verdict) -> Waiver | None:
        """The waiver of a rule; None where it has none."""
        return next((waiver for waiver in self.waivers if waiver.rule == verdict.name), None)
