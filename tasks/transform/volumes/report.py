"""What is said of a source: each series, its volumes, their geometry and findings. No identifier is in it.

Series are named by their number, in the order of their UIDs; no UID, date or text of the header is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tasks.transform.rows import rounded
from tasks.transform.volumes.noted import Note
from tasks.transform.volumes.series import Candidate, Found, Series
from tasks.transform.volumes.values import choose_dtype

Told = dict[str, Any]


def describe_source(found: Found) -> Told:
    """All of it, ready for JSON."""
    return {
        "series": [describe_series(series) for series in found.series],
        "outside": {reason.code: count for reason, count in sorted(found.outside.items())},
    }


def describe_series(series: Series) -> Told:
    """One series: its volumes, and its findings with those of its volumes left out."""
    return {
        "series": series.number,
        "modality": series.modality,
        "instances": series.instances,
        "findings": describe_notes(series.notes),
        "reasons": {reason.code: count for reason, count in series.reasons.items()},
        "volumes": [
            describe_candidate(candidate, number, series) for number, candidate in enumerate(series.candidates, start=1)
        ],
    }


def describe_candidate(candidate: Candidate, number: int, series: Series) -> Told:
    """One group of slices; `usable` is whether a volume can be made of it."""
    first, grid = candidate.slices[0], candidate.grid
    own = [note for note in candidate.notes if note not in series.notes]
    told: Told = {
        "volume": number,
        "slices": len(candidate.slices),
        "rows": first.rows,
        "columns": first.columns,
        "orientation": first.plane.name,
        "pixel_spacing_mm": [rounded(part) for part in first.spacing] if first.spacing else None,
        "unit": first.values.unit,
        "label": candidate.label,
        "findings": describe_notes(own),
        "usable": grid is not None,
    }
    if grid is not None:
        told |= describe_grid(candidate)
    return told


def describe_grid(candidate: Candidate) -> Told:
    """The geometry of a volume: shape and spacing in array order (z, y, x), affine from (x, y, z, 1) to mm."""
    grid = candidate.grid
    if grid is None:
        return {}
    first = candidate.slices[0]
    return {
        "shape": [len(grid.sources), first.rows, first.columns],
        "dtype": choose_dtype(candidate.slices, grid).name,
        "spacing_mm": [rounded(part) for part in grid.spacing],
        "affine_lps": [[rounded(float(part)) for part in row] for row in np.asarray(grid.affine)],
        "interpolated_slices": [index for index, source in enumerate(grid.sources) if source[2] > 0.0],
        "sheared_back": grid.shifts is not None,
    }


def describe_notes(notes: Iterable[Note]) -> list[Told]:
    """Findings with their sentence, in the order that they were made."""
    return [
        {
            "finding": note.finding.value,
            "count": note.count,
            "policy": note.policy,
            "sentence": note.finding.sentence,
        }
        for note in notes
    ]
