"""From a volume and a region to what features are calculated on: interpolated, cropped, resegmented (IBSI 2.4, 2.5).

The volume is interpolated once for all of its regions. Discretisation is left to the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.core.settings.radiomics import RadiomicsSettings, Resegmentation
from tasks.transform.radiomics.interpolate import (
    Box,
    Floats,
    Lattice,
    Triple,
    bounding_box,
    interpolate_image,
    interpolate_mask,
    pad_box,
    plan,
)
from tasks.transform.radiomics.problems import Problem
from tasks.transform.roi.grid import Grid, Mask

PEAK_MM = 6.2
"""The radius of the sphere of local intensity (1 cm3, IBSI 3.2): what must be around an ROI."""


class CannotPrepare(Exception):
    """No features can be made of this region, for `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True, eq=False)
class Prepared:
    """A volume ready for regions: as it was, and on the lattice of its features."""

    values: npt.NDArray[Any]
    spacing: Triple
    lattice: Lattice
    image: npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Region:
    """A region on a box of the lattice with `PEAK_MM` around it; arrays are (z, y, x).

    `image` has every voxel of the box, `shape` is the morphological mask, `counted` the intensity mask: what is left
    of it after resegmentation. `before` is the mask as it came, on the volume's own grid.
    """

    image: Floats
    shape: Mask
    counted: Mask
    spacing: Triple
    lower: float
    range: tuple[float, float] | None
    before: Mask
    not_finite: int


def prepare_volume(values: npt.NDArray[Any], grid: Grid, settings: RadiomicsSettings) -> Prepared:
    """Interpolate a volume (z, y, x); `CannotPrepare` where it would grow beyond the limit, before memory is taken."""
    lattice = plan(grid.shape, grid.spacing, settings.interpolation)
    if int(np.prod(lattice.shape, dtype=np.int64)) > settings.max_voxels:
        raise CannotPrepare(Problem.OVERSIZED)
    image = interpolate_image(values, grid.spacing, lattice, settings.interpolation)
    return Prepared(values, grid.spacing, lattice, image)


def prepare_region(prepared: Prepared, mask: Mask, settings: RadiomicsSettings) -> Region:
    """Lay a mask of the volume's own grid on the lattice and resegment it; `CannotPrepare` where nothing is left."""
    if not mask.any():
        raise CannotPrepare(Problem.EMPTY)
    inside, where = interpolate_mask(mask, prepared.spacing, prepared.lattice, settings.interpolation)
    if not inside.any():
        raise CannotPrepare(Problem.LOST)
    tight = _shift(bounding_box(inside), where)
    box = pad_box(tight, prepared.lattice.spacing, PEAK_MM, prepared.lattice.shape)
    if int(np.prod([part.stop - part.start for part in box], dtype=np.int64)) > settings.max_region_voxels:
        raise CannotPrepare(Problem.TOO_LARGE)
    image = np.ascontiguousarray(prepared.image[box], np.float64)
    shape = np.zeros(image.shape, bool)
    shape[_relative(tight, box)] = inside[_relative(tight, where)]
    finite = np.isfinite(image)
    counted = _resegment(image, shape & finite, settings.resegmentation)
    if not counted.any():
        raise CannotPrepare(Problem.RESEGMENTED)
    limits = settings.resegmentation.range
    upper = None if limits is None else float("inf") if limits[1] is None else limits[1]
    return Region(
        image=image,
        shape=shape,
        counted=counted,
        spacing=prepared.lattice.spacing,
        lower=float(image[counted].min()) if limits is None else limits[0],
        range=None if limits is None or upper is None else (limits[0], upper),
        before=mask,
        not_finite=int(np.count_nonzero(shape & ~finite)),
    )


def _resegment(image: Floats, mask: Mask, settings: Resegmentation) -> Mask:
    """The voxels of `mask` in the range, and of these those within so many standard deviations of their mean."""
    if settings.range is not None:
        low, high = settings.range
        mask = mask & (image >= low)
        if high is not None:
            mask &= image <= high
    if settings.outliers is not None and mask.any():
        values = image[mask]
        reach = settings.outliers * values.std()
        mask = mask & (image >= values.mean() - reach) & (image <= values.mean() + reach)
    return mask


def _shift(box: Box, by: Box) -> Box:
    z, y, x = (slice(part.start + start.start, part.stop + start.start) for part, start in zip(box, by, strict=True))
    return z, y, x


def _relative(box: Box, to: Box) -> Box:
    z, y, x = (slice(part.start - start.start, part.stop - start.start) for part, start in zip(box, to, strict=True))
    return z, y, x
