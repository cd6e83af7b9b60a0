"""What volume steps are given and return: values with the place of their voxels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.transform.steps.padding import Mask, fill, known_of

Values = npt.NDArray[np.float32]

Floats = npt.NDArray[np.float64]


class CannotStep(ValueError):
    """These values are none that the step can work on; its text is a few words without any value of the source."""


class TooLarge(CannotStep):
    """The step would return more voxels than it may."""


@dataclass(frozen=True, eq=False)
class Block:
    """`values`, float32 of shape (z, y, x), all of them finite; `affine` (4 x 4) takes (x, y, z, 1) to mm in LPS.

    `limit` is how many voxels a step may return. `known` has the shape of values and says which are no padding; None
    is all. Padding is filled with its neighbours: what counts values must not count it (`counted`).
    """

    values: Values
    affine: Floats
    limit: int = 2**63
    known: Mask | None = None

    @classmethod
    def of(cls, values: npt.NDArray[Any], affine: Floats, limit: int) -> Block:
        """The block of values of which some may be NaN: those are padding."""
        found = np.ascontiguousarray(values, np.float32)
        known = known_of(found)
        return cls(found if known is None else fill(found, known), affine, limit, known)

    def counted(self) -> Values:
        """The values that are no padding, in one dimension."""
        return self.values.ravel() if self.known is None else self.values[self.known]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distances of voxel centres along (z, y, x) in mm."""
        x, y, z = (float(length) for length in np.linalg.norm(self.affine[:3, :3], axis=0))
        return z, y, x

    def check_size(self, voxels: int) -> None:
        """Raise `TooLarge` for more than `limit`: to be asked before a larger array is made."""
        if voxels > self.limit:
            raise TooLarge("it would have too many voxels")

    def with_values(self, values: npt.NDArray[Any]) -> Block:
        """The same place, other values."""
        return replace(self, values=np.asarray(values, np.float32))

    def moved(self, values: npt.NDArray[Any], first: tuple[float, float, float], spacing: Any = None) -> Block:
        """Other values, whose first voxel's centre was at index `first` (x, y, z), fractions included.

        `spacing` (z, y, x) in mm is the new one, where it is another.
        """
        known = None if self.known is None else self._known_at(values.shape, first, spacing)
        affine = self.affine.copy()
        affine[:3, 3] = (self.affine @ np.array([*first, 1.0]))[:3]
        if spacing is not None:
            affine[:3, :3] *= np.array(spacing)[::-1] / np.array(self.spacing)[::-1]
        return replace(self, values=np.asarray(values, np.float32), affine=affine, known=known)

    def _known_at(self, shape: tuple[int, ...], first: tuple[float, float, float], spacing: Any) -> Mask:
        """`known` on another grid, by the nearest voxel."""
        assert self.known is not None
        steps = np.ones(3) if spacing is None else np.array(spacing) / np.array(self.spacing)
        places = [
            np.clip(np.rint(start + step * np.arange(size)), 0, old - 1).astype(np.intp)
            for start, step, size, old in zip(first[::-1], steps, shape, self.known.shape, strict=True)
        ]
        return np.ascontiguousarray(self.known[np.ix_(*places)])
