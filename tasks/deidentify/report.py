"""What a run over a folder did, for people and for programs: counts by outcome, and each file by its pseudonym.

Nothing of it identifies, and no date is in it: the same source, profile and key give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tasks.core.errors import ConfigurationError
from tasks.core.files import atomic_path, told_plainly
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.reasons import Disposition, Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify import VERSION
from tasks.deidentify.bulk.journal import Journal, Row
from tasks.deidentify.pixels.risk import class_name
from tasks.deidentify.rules import tables as rules
from tasks.deidentify.rules.profile import Profile, profile_digest


@dataclass(frozen=True)
class Counts:
    """Files by outcome. `reasons`, `classes` and `notes` map a code or name to a count."""

    files: int
    kept: int
    reasons: dict[str, int]
    classes: dict[str, int]
    notes: dict[str, int]

    @property
    def quarantined(self) -> int:
        """Refused, and somebody should look at it."""
        return self._of(Disposition.QUARANTINED)

    @property
    def skipped(self) -> int:
        """Not taken, and nothing is lost by it: no DICOM, duplicates, directories."""
        return self._of(Disposition.SKIPPED)

    @classmethod
    def of(cls, journal: Journal) -> Counts:
        """Count what is in the journal."""
        by_reason = journal.counts()
        notes: dict[str, int] = {}
        for several, count in journal.notes().items():
            for note in several.split(" "):
                notes[note] = notes.get(note, 0) + count
        classes = {class_name(uid) or uid: count for uid, count in journal.classes().items()}
        return cls(sum(by_reason.values()), by_reason.pop("", 0), by_reason, classes, dict(sorted(notes.items())))

    def _of(self, disposition: Disposition) -> int:
        return sum(count for code, count in self.reasons.items() if Reason.of(code).disposition is disposition)


def facts_of(settings: DeidentifySettings, pseudonymiser: Pseudonymiser) -> dict[str, Any]:
    """By which key, profile and engine a run works; equal facts (and sources) give equal outputs."""
    profile, table = Profile.of(settings), rules.load("e1_1.json")
    return {
        "key": pseudonymiser.key_id,
        "engine": VERSION,
        "profile": {
            "name": profile.name,
            "options": sorted(profile.options),
            "overrides": dict(profile.overrides),
            "table": table["source"],
            "edition": profile.edition,
            "digest": profile_digest(settings),
        },
    }


def check_report(path: Path) -> None:
    """Refuse a place where no report can be written, before the work and not after it."""
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder: name a file for the report")
    with told_plainly(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path.with_name(f".{path.name}.probe")) as draft:
            draft.touch()
        path.with_name(f".{path.name}.probe").unlink()


def write_report(path: Path, facts: dict[str, Any], counts: Counts, rows: Iterable[Row]) -> None:
    """Write the report as JSON; `rows` are streamed, one to a line."""
    head = {
        "sluice": version("sluice"),
        **facts,
        "files": counts.files,
        "kept": counts.kept,
        "quarantined": counts.quarantined,
        "skipped": counts.skipped,
        "outcomes": {code: _explained(code, count) for code, count in counts.reasons.items()},
        "classes": counts.classes,
        "notes": counts.notes,
    }
    with atomic_path(path) as draft, draft.open("w", encoding="utf-8") as handle:
        handle.write(json.dumps(head, indent=2, sort_keys=True)[:-2] + ',\n  "items": [')
        separator = "\n    "
        for row in rows:
            handle.write(separator + json.dumps(_item(row)))
            separator = ",\n    "
        handle.write("\n  ]\n}\n")


def _explained(code: str, count: int) -> dict[str, Any]:
    reason = Reason.of(code)
    return {
        "count": count,
        "outcome": reason.disposition.value,
        "meaning": reason.sentence,
        "what to do": reason.remedy,
    }


def _item(row: Row) -> dict[str, Any]:
    """`number` is the file's place in the order of the source's paths, from 1."""
    told = {"number": row.number, "item": row.item, "outcome": row.reason or "kept"}
    if row.sop:
        told["sop"] = row.sop
    if row.notes:
        told["notes"] = row.notes
    return told
