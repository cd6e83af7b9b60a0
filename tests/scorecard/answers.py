"""The answer key: one row an instance and check, as MIDI-B has it, and its file. What passes is judge.py's business."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.scorecard.place import Place, Step, label

CATEGORIES = (
    "tag_retained",
    "text_notnull",
    "text_retained",
    "text_removed",
    "date_shifted",
    "uid_changed",
    "uid_consistent",
    "patid_consistent",
    "pixels_hidden",
    "pixels_retained",
)
MEANINGS = {
    "tag_retained": "the attribute is there",
    "text_notnull": "the attribute is there and has a value",
    "text_retained": "the text, or each word of it, is in the value",
    "text_removed": "neither the text nor a word of it is in the value",
    "date_shifted": "the date is gone, or moved by the days that all dates of this patient moved",
    "uid_changed": "the old UID is not in the value",
    "uid_consistent": "the value is what uid.csv says, here as everywhere",
    "patid_consistent": "the value is what patient.csv says",
    "pixels_hidden": "the text that was burned in can't be seen any more",
    "pixels_retained": "all other pixels have the values they had",
}


@dataclass(frozen=True)
class Check:
    """One row. `text` is what must stay or go; `whole` says that only the text as a whole counts, not its words."""

    category: str
    place: Place
    text: str = ""
    whole: bool = False
    why: str = ""  # the rule that asks for it: E.1-1, type, E.3.10-1, KB, planted
    detail: dict[str, Any] = field(default_factory=dict, hash=False)  # of pixels; `vr` of private values

    @property
    def label(self) -> str:
        """What a table of failures calls it."""
        return label(self.place) if self.place else str(self.detail.get("label", "PixelData"))


@dataclass(frozen=True)
class Instance:
    """One file of the source with its rows. `refusal`: "no", or "may" where to refuse it is right as well."""

    file: str
    sop: str
    patient: str
    modality: str
    kind: str  # "synthetic", "real", "text", "clean", "unflagged"
    checks: tuple[Check, ...]
    refusal: str = "no"
    day: str = ""  # StudyDate, from which the patient's shift is found
    identifiers: tuple[str, ...] = ()  # values that may stand nowhere in the output, whatever the attribute


def write(path: Path, instances: Iterable[Instance]) -> None:
    """Write the answer key, one instance a line."""
    with path.open("w", encoding="utf-8") as handle:
        for instance in instances:
            handle.write(json.dumps(asdict(instance), ensure_ascii=False) + "\n")


def read(path: Path) -> list[Instance]:
    """The answer key in `path`."""
    with path.open(encoding="utf-8") as handle:
        return [_instance(json.loads(line)) for line in handle]


def _instance(row: dict[str, Any]) -> Instance:
    checks = tuple(
        Check(**{**check, "place": tuple(Step(*step) for step in check["place"])}) for check in row["checks"]
    )
    return Instance(**{**row, "checks": checks, "identifiers": tuple(row["identifiers"])})
