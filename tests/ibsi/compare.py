"""Values against reference values: within tolerance, or not, or not there."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from tasks.transform.radiomics.engine import Values


@dataclass(frozen=True)
class Reference:
    """One standardised value of IBSI-1; given to three significant digits."""

    dataset: str
    family: str
    tag: str
    value: float
    tolerance: float


@dataclass(frozen=True)
class Score:
    """How many of the references are met; `missed` are (tag, value or None, reference, tolerance)."""

    total: int
    met: int
    missed: tuple[tuple[str, float | None, float, float], ...]


def read_references(path: Path) -> list[Reference]:
    """The standardised values; the others have no number."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return [
            Reference(
                row["dataset"], row["family"], row["tag"], float(row["reference_value"]), float(row["tolerance"] or 0)
            )
            for row in csv.DictReader(handle)
            if row["reference_value"]
        ]


def compare(values: Values, references: list[Reference]) -> Score:
    """Whether each reference is met by the value, or by it rounded to the digits that references have."""
    missed = []
    for reference in references:
        value = values.get(reference.tag)
        if value is None or not _meets(value, reference):
            missed.append((reference.tag, value, reference.value, reference.tolerance))
    return Score(len(references), len(references) - len(missed), tuple(missed))


def _meets(value: float, reference: Reference) -> bool:
    slack = 1e-9 * max(1.0, abs(reference.value))
    rounded = float(f"{value:.3g}") if abs(reference.value) < 1000 or reference.value % 10 == 0 else value
    return min(abs(value - reference.value), abs(rounded - reference.value)) <= reference.tolerance + slack
