"""The geometry of a stack of parallel slices: its axes, positions along the normal, spacing, gaps and shear.

Spacing comes from positions alone; SliceThickness and SpacingBetweenSlices are never used for it. Works on numbers,
so it can be tested without a file. Directions and positions are in mm in patient coordinates (LPS, PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ORTHONORMAL = 1e-3
"""How far cosines may be from unit length and from a right angle: more than rounding in a header makes."""

SAME_MM = 0.01
"""Positions nearer than this are one position."""

SHIFT_MM = 0.05
"""Origins may be this far off the line along the normal: rounding to 0.1 mm, which some scanners do, is not a shift."""


@dataclass(frozen=True)
class Axes:
    """Unit vectors: `row` along increasing column index, `column` along increasing row index, and their normal."""

    row: Floats
    column: Floats

    @property
    def normal(self) -> Floats:
        """row × column."""
        return np.cross(self.row, self.column)


@dataclass(frozen=True)
class Stack:
    """Slices at `positions` (sorted, along the normal), on a line that is sheared by `shift` mm in-plane a slice.

    `steps` is the whole number of spacings between neighbours; None where distances are no whole multiples. `residual`
    is the largest distance in mm of an origin from its line; `offsets`, shape (n, 2), is how far each origin is from
    the line along the normal through the first one, in mm along row and column.
    """

    positions: Floats
    spacing: float | None
    steps: tuple[int, ...] | None
    shift: tuple[float, float]
    residual: float
    offsets: Floats


def is_orthonormal(orientation: tuple[float, ...]) -> bool:
    """Whether six cosines are two unit vectors at a right angle, within rounding."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm([row, column], axis=1)
    return bool(np.all(np.abs(lengths - 1) <= ORTHONORMAL) and abs(float(row @ column)) <= ORTHONORMAL)


def make_axes(orientation: tuple[float, ...]) -> Axes | None:
    """The axes of six cosines, made exactly orthonormal (Gram-Schmidt, row first); None where they span no plane."""
    row, column = np.array(orientation[:3], dtype=np.float64), np.array(orientation[3:], dtype=np.float64)
    length = float(np.linalg.norm(row))
    if length < 1e-6:
        return None
    row = row / length
    column = column - (row @ column) * row
    length = float(np.linalg.norm(column))
    return Axes(row, column / length) if length >= 1e-3 else None


def measure_stack(origins: Floats, axes: Axes, tolerance: float) -> Stack:
    """Measure `origins`, shape (n, 3), sorted along the normal and at distinct positions.

    `tolerance` is how much a distance may differ from a whole multiple of the spacing, as a share of the spacing.
    """
    positions = origins @ axes.normal
    relative = origins - origins[0]
    offsets = np.stack([relative @ axes.row, relative @ axes.column], axis=1)
    if len(positions) < 2:
        return Stack(positions, None, None, (0.0, 0.0), 0.0, offsets)
    spacing, steps = _regular(positions, tolerance)
    along = positions - positions[0]
    slope = (along @ offsets) / float(along @ along)
    residual = float(np.abs(offsets - along[:, None] * slope).max())
    unit = spacing if spacing is not None else float(np.median(np.diff(positions)))
    shift = slope * unit
    return Stack(positions, spacing, steps, (float(shift[0]), float(shift[1])), residual, offsets)


def _regular(positions: Floats, tolerance: float) -> tuple[float | None, tuple[int, ...] | None]:
    """(spacing, steps): the mean distance of one step; (None, None) where distances aren't whole multiples of one."""
    gaps = np.diff(positions)
    base = float(np.median(gaps))
    if base > 1.5 * float(gaps.min()):  # more is missing than is there
        base = float(gaps.min())
    steps = np.maximum(np.rint(gaps / base), 1)
    if steps.sum() > 2 * len(positions):  # more would be missing than is there: these are no gaps
        return None, None
    spacing = float(gaps.sum() / steps.sum())
    allowed = max(tolerance * spacing, SAME_MM)
    if np.abs(gaps - steps * spacing).max() > allowed:
        return None, None
    return spacing, tuple(int(step) for step in steps)


def is_sheared(stack: Stack) -> bool:
    """Whether the stack leans: by more than rounding from its first slice to its last, and by 0.05 degrees."""
    count = len(stack.positions) - 1 if stack.steps is None else sum(stack.steps)
    lean = float(np.hypot(*stack.shift)) * count
    extent = float(stack.positions[-1] - stack.positions[0])
    return lean > 2 * SHIFT_MM and lean > extent * np.tan(np.radians(0.05))


def wanders(stack: Stack) -> bool:
    """Whether origins are off the (leaning or upright) line through the stack."""
    return stack.residual > 2 * SHIFT_MM


def distinct(positions: Floats) -> list[list[int]]:
    """Indices of sorted `positions`, gathered where they are the same place."""
    found: list[list[int]] = [[0]] if len(positions) else []
    for index, (before, after) in enumerate(pairwise(positions.tolist()), start=1):
        if after - before > SAME_MM:
            found.append([])
        found[-1].append(index)
    return found


def make_affine(axes: Axes, origin: Any, spacing: tuple[float, float, float]) -> Floats:
    """The matrix (4 x 4) from (column, row, slice, 1) to mm in LPS; `spacing` is between slices, rows, columns."""
    between_slices, between_rows, between_columns = spacing
    affine = np.eye(4)
    affine[:3, 0] = axes.row * between_columns
    affine[:3, 1] = axes.column * between_rows
    affine[:3, 2] = axes.normal * between_slices
    affine[:3, 3] = origin
    return affine


def to_ras(affine: Floats) -> Floats:
    """The same matrix in RAS, as NIfTI has it: x and y change their sign."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
