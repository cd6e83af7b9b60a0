"""What volume steps are given and return: values with the place of their voxels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


class CannotStep(ValueError):
    """These values are none that the step can work on; its text is a few words without any value of the source."""


class TooLarge(CannotStep):
    """The step would return more voxels than it may."""


@dataclass(frozen=True, eq=False)
class Block:
    """`values`, float32 of shape (z, y, x), all of them finite; `affine` (4 x 4) takes (x, y, z, 1) to mm in LPS.

    `limit` is how many voxels a step may return.
    """

    values: Values
    affine: Floats
    limit: int = 2**63

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
        affine = self.affine.copy()
        affine[:3, 3] = (self.affine @ np.array([*first, 1.0]))[:3]
        if spacing is not None:
            affine[:3, :3] *= np.array(spacing)[::-1] / np.array(self.spacing)[::-1]
        return replace(self, values=np.asarray(values, np.float32), affine=affine)
