"""The grid of a volume: its shape and where its voxels lie in the patient; and nearest resampling from one to another.

Knows no file and no image values. Axes of arrays are (z, y, x): slice, row, column. Points and indices are (x, y, z).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_ALIGNED = 0.01
"""How far, in voxels over the whole grid, two grids may be apart and still be called the same."""


@dataclass(frozen=True, eq=False)
class Grid:
    """`shape` is (z, y, x); `affine` (4, 4) takes the index (x, y, z, 1) of a voxel's centre to mm in LPS.

    Its columns are the steps in mm from column to column, row to row and slice to slice, then the first voxel's centre
    (PS3.3 C.7.6.2.1.1).
    """

    shape: tuple[int, int, int]
    affine: Floats

    @cached_property
    def inverse(self) -> Floats:
        """From mm in LPS to indices (x, y, z)."""
        return np.asarray(np.linalg.inv(self.affine), np.float64)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """The distance of neighbouring centres along x, y, z in mm."""
        x, y, z = (float(length) for length in np.linalg.norm(self.affine[:3, :3], axis=0))
        return x, y, z

    @property
    def origin(self) -> tuple[float, float, float]:
        """The centre of the first voxel, LPS in mm."""
        x, y, z = (float(part) for part in self.affine[:3, 3])
        return x, y, z

    @property
    def direction(self) -> Floats:
        """Unit vectors along x, y, z as columns, shape (3, 3)."""
        return np.asarray(self.affine[:3, :3] / np.array(self.spacing))

    def to_index(self, points: Floats) -> Floats:
        """Indices (x, y, z), fractions included, of points in mm; shapes (n, 3)."""
        return np.asarray(points @ self.inverse[:3, :3].T + self.inverse[:3, 3])


def grid_of(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Grid:
    """An axial grid at the patient's origin, for arrays that come without a place; `spacing` is (x, y, z) in mm."""
    return Grid(shape, np.diag([*spacing, 1.0]))


def same_grid(one: Grid, other: Grid) -> bool:
    """Whether both have one shape, and no voxel lies further apart than a hundredth of a voxel."""
    return one.shape == other.shape and _is_shift(one, other) == (0, 0, 0)


def resample_nearest(values: npt.NDArray[Any], source: Grid, target: Grid) -> npt.NDArray[Any]:
    """`values` of `source` at the nearest centre of each voxel of `target`; 0 outside of `source`.

    Grids that differ by whole voxels are copied. Others are worked slice by slice, so memory stays flat.
    """
    found = np.zeros(target.shape, values.dtype)
    shift = _is_shift(source, target)
    if shift is not None:
        into, out_of = zip(
            *(_overlap(*sizes) for sizes in zip(shift[::-1], source.shape, target.shape, strict=True)), strict=True
        )
        found[into] = values[out_of]
        return found
    step = source.inverse @ target.affine  # index of target to index of source
    rows, columns = np.meshgrid(np.arange(target.shape[1]), np.arange(target.shape[2]), indexing="ij")
    plane = [step[axis, 0] * columns + step[axis, 1] * rows + step[axis, 3] for axis in range(3)]
    for slice_ in range(target.shape[0]):
        index = [np.floor(plane[axis] + step[axis, 2] * slice_ + 0.5).astype(np.int64) for axis in (2, 1, 0)]
        inside = np.ones(rows.shape, bool)
        for part, size in zip(index, source.shape, strict=True):
            inside &= (part >= 0) & (part < size)
        if inside.any():
            z, y, x = (part[inside] for part in index)
            found[slice_][inside] = values[z, y, x]
    return found


def _is_shift(source: Grid, target: Grid) -> tuple[int, int, int] | None:
    """The index (x, y, z) in `source` of the first voxel of `target` if the two differ by whole voxels alone."""
    step = source.inverse @ target.affine
    whole = np.rint(step[:3, 3])
    off = np.abs(step[:3, :3] - np.eye(3)) @ np.array(target.shape[::-1]) + np.abs(step[:3, 3] - whole)
    if off.max() > _ALIGNED:
        return None
    x, y, z = (int(part) for part in whole)
    return x, y, z


def _overlap(shift: int, source: int, target: int) -> tuple[slice, slice]:
    """Along one axis: which part of the target is filled, and from which part of the source."""
    low, high = max(0, -shift), min(target, source - shift)
    return slice(low, max(low, high)), slice(low + shift, max(low, high) + shift)
