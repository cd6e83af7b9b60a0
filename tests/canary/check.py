"""A canary file through the engine: is it released, who sings, is what is needed still there, is it valid.

What a preset retains on purpose (a K in E.1-1's columns) is no leak and is told apart; nor is the time of day where
dates are shifted by days.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pydicom

from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.file import Deidentifier
from tasks.deidentify.parts import content as content_of
from tests.canary import search, validity
from tests.canary.base import FILLED, KEPT, PRESENT, tag_of
from tests.canary.tokens import Mint, Place
from tests.canary.writing import File, value_of

KEY = bytes(range(32))
PRESETS = ("basic", "research")
# The options of `research` that keep values as they are.
_KEEPING = frozenset({"retain-patient-characteristics", "retain-device-identity"})


@dataclass
class Verdict:
    """What became of one file under one preset. `reason` is "" where it was released."""

    case: str
    preset: str
    reason: str
    leaks: list[Place] = field(default_factory=list)
    retained: list[Place] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    where: dict[Place, list[str]] = field(default_factory=dict)
    errors: tuple[str, ...] | None = None
    output: bytes = b""

    @property
    def released(self) -> bool:
        """Whether there is an output."""
        return not self.reason


@cache
def deidentifier(preset: str) -> Deidentifier:
    """The engine with a preset as it stands, and the key of the tests."""
    return Deidentifier(DeidentifySettings.model_validate({"profile": preset}), Pseudonymiser(KEY))


def check(case: str, file: File, mint: Mint, preset: str, *, valid: bool = True) -> Verdict:
    """De-identify `file` and look for the canaries of `mint`; `valid` also asks dciodvfy."""
    with TemporaryDirectory() as made:
        source = Path(made) / file.name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(file.content())
        outcome = deidentifier(preset).deidentify(source, "item", scratch=Path(made))
        output = content_of(outcome.parts) if outcome.reason is None else b""
        verdict = judge(case, file, mint, preset, output, f"{outcome.sop}.dcm")
        verdict.reason = outcome.reason.code if outcome.reason is not None else ""
        if valid and output:
            target = Path(made) / "output.dcm"
            target.write_bytes(output)
            verdict.errors = validity.new_errors(source, target)
        return verdict


def judge(case: str, file: File, mint: Mint, preset: str, output: bytes, *names: str) -> Verdict:
    """The verdict on an output's bytes, without asking dciodvfy."""
    verdict = Verdict(case, preset, "", output=output)
    if not output:
        return verdict
    times = preset != "research"
    places = search.found(mint, output, *names, times=times)
    verdict.where = search.where(mint, output, times=times) if places else {}
    for place in sorted(places):
        kept = is_retained(place, preset, verdict.where.get(place, ()))
        (verdict.retained if kept else verdict.leaks).append(place)
    verdict.lost = _lost(file, output)
    return verdict


def is_retained(place: Place, preset: str, where: Sequence[str] = ()) -> bool:
    """Whether a preset keeps this attribute, or all that the canary stands in, on purpose (E.1-1's column says K)."""
    if preset != "research":
        return False
    kept = _retained_by_research()
    return place.name in kept or (bool(where) and all(path.rsplit(".", 1)[-1] in kept for path in where))


@cache
def _retained_by_research() -> frozenset[str]:
    rows = json.loads((files("tasks.deidentify") / "data" / "e1_1.json").read_text(encoding="utf-8"))["rows"]
    kept = {row[0] for row in rows.values() if any(row[2].get(option) == "K" for option in _KEEPING)}
    return frozenset(kept)


def _lost(file: File, output: bytes) -> list[str]:
    """What a CT needs and the output hasn't: attributes of Type 1 and 2, geometry and pixels, and matching UIDs."""
    dataset = pydicom.dcmread(BytesIO(output))
    lost = []
    for keyword in (*KEPT, "PixelData"):
        tag = tag_of(keyword)
        if tag not in file.body or keyword in file.hides_in or keyword == "SpecificCharacterSet":
            continue
        before = value_of(file.body[tag], file.syntax).rstrip(b" \0")
        after = dataset.get_item(tag).value if tag in dataset else None
        if not isinstance(after, bytes) or after.rstrip(b" \0") != before:
            lost.append(keyword)
    lost += [keyword for keyword in FILLED if not dataset.get(keyword)]
    lost += [keyword for keyword in PRESENT if keyword not in dataset]
    if dataset.file_meta.get("MediaStorageSOPInstanceUID") != dataset.get("SOPInstanceUID"):
        lost.append("MediaStorageSOPInstanceUID")
    return lost
