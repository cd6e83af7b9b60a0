"""What is wrong with one group of slices, and the grid that its volume will have.

Everything here comes from headers. A group that nothing refuses has a `Grid`; what must be done to its slices on the
way (fill, resample) is in the grid too.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tasks.core.findings import Finding
from tasks.core.settings import VolumeSettings
from tasks.transform.volumes.geometry import (
    SAME_MM,
    Axes,
    Floats,
    Stack,
    is_orthonormal,
    is_sheared,
    make_affine,
    make_axes,
    measure_stack,
    wanders,
)
from tasks.transform.volumes.groups import Group
from tasks.transform.volumes.noted import Note, noted
from tasks.transform.volumes.slices import Slice


@dataclass(frozen=True)
class Grid:
    """Where the voxels are. `spacing` is between (slices, rows, columns) in mm; `affine` as `make_affine` gives it.

    `sources`, of which there is one for each slice of the volume, are (lower slice, upper slice, share of the upper);
    `shifts`, shape (slices of the group, 2), is how many mm each lies off along row and column, or None.
    """

    affine: Floats
    spacing: tuple[float, float, float]
    sources: tuple[tuple[int, int, float], ...]
    shifts: Floats | None = None

    @property
    def resampled(self) -> bool:
        """Whether any voxel is interpolated."""
        return self.shifts is not None or any(share for _, _, share in self.sources)


def judge(group: Group, settings: VolumeSettings) -> tuple[list[Note], Grid | None]:
    """What was found about `group`, and its grid; None where a finding refuses it."""
    notes = list(group.notes)
    first = group.slices[0]
    if any(one.colour for one in group.slices):
        notes.append(noted(Finding.COLOUR, len(group.slices), settings))
    unread = sum(one.unread for one in group.slices)
    if unread:
        notes.append(noted(Finding.MOSAIC, unread, settings))
    unknown = sum(one.suv == 0.0 for one in group.slices)
    if unknown:
        notes.append(noted(Finding.NO_SUV, unknown, settings))
    projections = sum(one.projection for one in group.slices)
    if projections:
        notes.append(noted(Finding.PROJECTION, projections, settings))
        return notes, None
    lacking = sum(
        one.plane.origin is None or one.plane.orientation is None or one.spacing is None for one in group.slices
    )
    if lacking:
        notes.append(noted(Finding.MISSING_GEOMETRY, lacking, settings))
        return notes, None
    orientation = first.plane.orientation or ()
    if not is_orthonormal(orientation):
        notes.append(noted(Finding.BAD_ORIENTATION, len(group.slices), settings))
    axes = make_axes(orientation)
    if axes is None:
        notes.append(Note(Finding.BAD_ORIENTATION, len(group.slices), "refuse"))
        return notes, None
    if any(note.refuses for note in notes):
        return notes, None
    origins = np.array([one.plane.origin for one in group.slices], dtype=np.float64)
    stack = measure_stack(origins, axes, settings.tolerance)
    notes.extend(_of_stack(stack, group.slices, settings))
    notes.extend(_of_order(group.slices, stack, settings))
    if any(note.refuses for note in notes):
        return notes, None
    return notes, _grid(group.slices, axes, stack, origins)


def _of_stack(stack: Stack, slices: list[Slice], settings: VolumeSettings) -> list[Note]:
    count, notes = len(slices), []
    if count == 1:
        return [noted(Finding.SINGLE_SLICE, 1, settings)]
    if stack.steps is None:
        notes.append(noted(Finding.IRREGULAR_SPACING, count - 1, settings))
    elif sum(stack.steps) > count - 1:
        notes.append(noted(Finding.MISSING_SLICE, sum(stack.steps) - count + 1, settings))
    if wanders(stack):
        notes.append(noted(Finding.WANDERING_ORIGIN, count, settings))
    elif is_sheared(stack):
        notes.append(noted(Finding.GANTRY_TILT, count, settings))
    elif slices[0].header_tilt and abs(slices[0].header_tilt) > 0.05:
        notes.append(noted(Finding.HEADER_TILT, count, settings))
    return notes


def _of_order(slices: list[Slice], stack: Stack, settings: VolumeSettings) -> list[Note]:
    notes = []
    numbers = [(one.plane.instance_number or 0, one.plane.frame) for one in slices]
    if len(slices) > 1 and len(set(numbers)) == len(numbers):
        rising = sum(after > before for before, after in pairwise(numbers))
        if rising == 0:
            notes.append(noted(Finding.REVERSED_ORDER, len(slices), settings))
        elif rising < len(numbers) - 1:
            notes.append(noted(Finding.SHUFFLED_ORDER, len(numbers) - 1 - rising, settings))
    told = slices[0].header_spacing
    if told is not None and stack.spacing is not None:
        differs = abs(abs(told) - stack.spacing) > max(settings.tolerance * stack.spacing, SAME_MM)
        if differs:
            notes.append(noted(Finding.HEADER_SPACING, len(slices), settings))
    rescales = {(one.values.slope, one.values.intercept) for one in slices}
    if len(rescales) > 1:
        notes.append(noted(Finding.RESCALE_DIFFERS, len(rescales), settings))
    return notes


def _grid(slices: list[Slice], axes: Axes, stack: Stack, origins: Floats) -> Grid:
    """The grid of a group that nothing refuses; the first slice's origin is its first voxel's centre."""
    rows, columns = slices[0].spacing or (1.0, 1.0)
    if stack.spacing is not None and stack.steps is not None:
        between = stack.spacing
        places = np.concatenate([[0], np.cumsum(stack.steps)]).astype(np.float64)
        targets = np.arange(int(places[-1]) + 1, dtype=np.float64)
    elif len(slices) == 1:
        between, places, targets = slices[0].thickness or 1.0, np.zeros(1), np.zeros(1)
    else:
        between = float(np.median(np.diff(stack.positions)))
        places = (stack.positions - stack.positions[0]) / between
        targets = np.arange(int(np.floor(places[-1] + 1e-6)) + 1, dtype=np.float64)
    shifted = len(slices) > 1 and (is_sheared(stack) or wanders(stack))
    return Grid(
        affine=make_affine(axes, origins[0], (between, rows, columns)),
        spacing=(between, rows, columns),
        sources=tuple(_source(places, float(target)) for target in targets),
        shifts=stack.offsets if shifted else None,
    )


def _source(places: Floats, target: float) -> tuple[int, int, float]:
    upper = min(int(np.searchsorted(places, target)), len(places) - 1)
    if abs(places[upper] - target) < 1e-6 or upper == 0:
        return upper, upper, 0.0
    lower = upper - 1
    if abs(places[lower] - target) < 1e-6:
        return lower, lower, 0.0
    return lower, upper, float((target - places[lower]) / (places[upper] - places[lower]))
