"""Columns derived for the gates on geometry and intensities: what the images of a series say together.

Only series of which exactly one volume can be made are held to its geometry: of all others transform has recorded a
finding (tasks/core/findings.py), and their slices may lie as they like.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.validate.tables import Curated, holds

SMALLEST = 64
"""Pixels each way below which an image is a crop or a thumbnail, and says nothing about a field of view."""

AIR = -200.0
"""HU that a CT must reach somewhere: around the patient there is air, at -1000."""

GAP = 1.5
"""Of the usual distance of slices; above, one is missing."""

_AGREES = 0.02


def of_series(curated: Curated) -> dict[str, pd.Series]:
    """Derived columns of series: bool, but `field_of_view_mm` (mm, the larger side; null where nothing is known)."""
    images = _images(curated)
    units, simple = curated.column("series", "unit"), _simple(curated)
    stacks = {str(unit): rows for unit, rows in images[images["unit"].isin(set(units[simple]))].groupby("unit")}
    spacing = pd.to_numeric(curated.column("series", "slice_spacing_mm"), errors="coerce")
    dropped = pd.to_numeric(curated.column("series", "duplicates_dropped"), errors="coerce").fillna(0) > 0
    steps = [_steps(stacks.get(str(unit))) for unit in units]
    blank = holds(images["intensity_min"] == images["intensity_max"]).groupby(images["unit"]).all()
    lowest = images["intensity_min"].groupby(images["unit"]).min()
    hounsfield = images["unit"][holds(images["intensity_unit"] == "HU")]
    ct = holds(curated.column("series", "modality") == "CT") & units.isin(set(hounsfield)) & _is_large(curated)
    localizer = holds(curated.column("series", "geometry_findings").astype("string").str.contains("localizer"))
    orientations = {unit: rows["orientation"].dropna().nunique() for unit, rows in stacks.items()}
    return {
        "field_of_view_mm": _field_of_view(curated),
        "spacing_of_slices_agrees": _like(
            units, [_agrees(found, given) for found, given in zip(steps, spacing, strict=True)]
        ),
        "slices_are_in_order": _like(units, [bool((found > 0).all() or (found < 0).all()) for found in steps]),
        "no_slice_is_missing": dropped
        | _like(units, [_gap_free(found, given) for found, given in zip(steps, spacing, strict=True)]),
        "one_orientation": units.map(orientations).fillna(0) <= 1,
        "is_not_blank": ~holds(units.map(blank)),
        "ct_reaches_air": ~ct | localizer | holds(units.map(lowest).astype("Float64") <= AIR),
        "modality_agrees": _modality_agrees(curated),
    }


def of_instances(curated: Curated) -> dict[str, pd.Series]:
    """Derived columns of instances, all bool: what the intensities of one image may be."""
    image = holds(curated.column("instances", "kind") == "image")
    low, high = (_number(curated, "instances", name) for name in ("intensity_min", "intensity_max"))
    measured = image & curated.column("instances", "mean").notna()
    modality = curated.column("instances", "modality")
    hounsfield = holds(curated.column("instances", "intensity_unit") == "HU")
    return {
        "intensities_are_ordered": ~measured | holds(low <= high),
        "hounsfield_units_are_of_ct": ~(hounsfield & modality.isin(["MR", "US", "CR", "DX", "MG", "PT", "NM"])),
        "pet_is_not_negative": ~(image & holds(modality == "PT") & holds(low < 0)),
    }


def _images(curated: Curated) -> pd.DataFrame:
    """The rows of images, with what is asked of them, whether the table has the columns or not."""
    names = ("unit", "kind", "slice_index", "orientation", "intensity_unit")
    numbers = ("position_mm", "intensity_min", "intensity_max")
    found = {name: curated.column("instances", name) for name in names}
    found |= {name: _number(curated, "instances", name) for name in numbers}
    frame = pd.DataFrame(found)
    return frame[holds(frame["kind"] == "image")]


def _simple(curated: Curated) -> pd.Series:
    return holds(_number(curated, "series", "volumes") == 1)


def _number(curated: Curated, table: str, name: str) -> pd.Series:
    return pd.to_numeric(curated.column(table, name), errors="coerce").astype("Float64")


def _steps(stack: pd.DataFrame | None) -> np.ndarray:
    """Distances from slice to slice in mm, in the order of slice_index; none where a position is not known."""
    if stack is None or stack["position_mm"].isna().any():
        return np.zeros(0)
    positions = stack.sort_values("slice_index", kind="stable")["position_mm"].to_numpy(dtype=float)
    return np.diff(positions)


def _gap_free(steps: np.ndarray, given: float) -> bool:
    """Whether no step is longer than the distance that transform found before anything could be lost."""
    if not len(steps):
        return True
    usual = float(given) if not pd.isna(given) and given > 0 else float(np.median(np.abs(steps)))
    return bool(np.abs(steps).max() <= GAP * usual)


def _agrees(steps: np.ndarray, given: float) -> bool:
    """Whether the distance that the table gives is the usual one; where either is missing, it does."""
    if not len(steps) or pd.isna(given):
        return True
    usual = float(np.median(np.abs(steps)))
    return abs(float(given) - usual) <= _AGREES * usual


def _is_large(curated: Curated) -> pd.Series:
    sides = [_number(curated, "series", name) >= SMALLEST for name in ("rows", "columns")]
    return holds(sides[0]) & holds(sides[1])


def _field_of_view(curated: Curated) -> pd.Series:
    high, wide = (
        _number(curated, "series", pixels) * _number(curated, "series", f"spacing_{side}_mm")
        for pixels, side in (("rows", "row"), ("columns", "column"))
    )
    return pd.concat([high, wide], axis=1).max(axis=1).where(_is_large(curated)).astype("Float64")


def _modality_agrees(curated: Curated) -> pd.Series:
    """Whether one of a series' instances has the modality that its row says."""
    named = set(zip(curated.column("instances", "unit"), curated.column("instances", "modality"), strict=True))
    pairs = zip(curated.column("series", "unit"), curated.column("series", "modality"), strict=True)
    index = curated.frames["series"].index
    return pd.Series([(unit, modality) in named for unit, modality in pairs], index=index, dtype=bool)


def _like(units: pd.Series, values: list[bool]) -> pd.Series:
    return pd.Series(values, index=units.index, dtype=bool)
