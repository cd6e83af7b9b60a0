"""Image and region to the voxels that features are made of (IBSI 2.4), the region only around itself.

Works along the axes of the array, in mm from the first voxel: features don't depend on where the patient lay. Grid
centres are aligned, as IBSI recommends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.core.settings.radiomics import Interpolation
from tasks.transform.roi.grid import Mask

Floats = npt.NDArray[np.float64]
Triple = tuple[float, float, float]
Box = tuple[slice, slice, slice]

_MASK_MARGIN = 2
"""Voxels of the new grid around the old ROI in which interpolation can set one."""


@dataclass(frozen=True)
class Lattice:
    """A grid along the axes of the source: shape (z, y, x), spacing and first centre (x, y, z) in mm."""

    shape: tuple[int, int, int]
    spacing: Triple
    origin: Triple


def plan(shape: tuple[int, int, int], spacing: Triple, settings: Interpolation) -> Lattice:
    """The grid that `settings` ask for: as many voxels as cover the old ones, with the same centre."""
    if settings.spacing is None:
        return Lattice(shape, spacing, (0.0, 0.0, 0.0))
    counts, sizes, origins = [], [], []
    for count, old, wanted in zip(shape[::-1], spacing, settings.spacing, strict=True):
        new = old if wanted is None else wanted
        number = count if wanted is None else max(1, math.ceil(round(count * old / new, 6)))
        counts.append(number)
        sizes.append(new)
        origins.append((old * (count - 1) - new * (number - 1)) / 2)
    return Lattice(
        (counts[2], counts[1], counts[0]), (sizes[0], sizes[1], sizes[2]), (origins[0], origins[1], origins[2])
    )


def interpolate_image(
    image: npt.NDArray[Any], spacing: Triple, lattice: Lattice, settings: Interpolation
) -> npt.NDArray[Any]:
    """The image on `lattice` as float64, rounded if settings say so; itself if nothing is interpolated."""
    if settings.spacing is None:
        return image
    whole = (slice(0, lattice.shape[0]), slice(0, lattice.shape[1]), slice(0, lattice.shape[2]))
    found = _resample(image.astype(np.float64, copy=False), spacing, (0.0, 0.0, 0.0), lattice, whole, settings.method)
    return np.rint(found, out=found) if settings.rounding == "integer" else found


def interpolate_mask(mask: Mask, spacing: Triple, lattice: Lattice, settings: Interpolation) -> tuple[Mask, Box]:
    """The region on a box of `lattice` that holds it, and that box. The mask must have a voxel."""
    box = bounding_box(mask)
    if settings.spacing is None:
        return mask[box], box
    source = _grow(box, (1, 1, 1), mask.shape)
    start: Triple = (
        source[2].start * spacing[0],
        source[1].start * spacing[1],
        source[0].start * spacing[2],
    )
    target = []
    for axis, part in enumerate(box):
        old, new, origin = spacing[2 - axis], lattice.spacing[2 - axis], lattice.origin[2 - axis]
        low = math.floor(((part.start - 0.5) * old - origin) / new) - _MASK_MARGIN
        high = math.ceil(((part.stop - 0.5) * old - origin) / new) + _MASK_MARGIN
        target.append(slice(max(0, low), min(lattice.shape[axis], high)))
    where: Box = (target[0], target[1], target[2])
    found = _resample(mask[source].astype(np.float64), spacing, start, lattice, where, settings.roi_method)
    inside: Mask = found >= settings.roi_threshold - 1e-9
    return inside, where


def bounding_box(mask: Mask) -> Box:
    """The smallest box that holds all voxels of a mask that has one."""
    parts = []
    for axis in range(3):
        held = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        parts.append(slice(int(held[0]), int(held[-1]) + 1))
    return parts[0], parts[1], parts[2]


def pad_box(box: Box, spacing: Triple, millimetres: float, shape: tuple[int, ...]) -> Box:
    """`box` with at least `millimetres` around it, as far as there is image."""
    return _grow(box, tuple(math.ceil(millimetres / spacing[2 - axis]) for axis in range(3)), shape)


def _grow(box: Box, by: tuple[int, ...], shape: tuple[int, ...]) -> Box:
    z, y, x = (
        slice(max(0, part.start - more), min(size, part.stop + more))
        for part, more, size in zip(box, by, shape, strict=True)
    )
    return z, y, x


def _resample(values: Floats, spacing: Triple, origin: Triple, lattice: Lattice, box: Box, method: str) -> Floats:
    import SimpleITK as sitk  # noqa: N813 - the name that its own manual gives it

    source = sitk.GetImageFromArray(values)
    source.SetSpacing(spacing)
    source.SetOrigin(origin)
    resampler = sitk.ResampleImageFilter()
    resampler.SetOutputSpacing(lattice.spacing)
    resampler.SetOutputOrigin([lattice.origin[axis] + box[2 - axis].start * lattice.spacing[axis] for axis in range(3)])
    resampler.SetSize([box[2 - axis].stop - box[2 - axis].start for axis in range(3)])
    resampler.SetOutputPixelType(sitk.sitkFloat64)
    resampler.SetInterpolator(
        {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear, "cubic": sitk.sitkBSpline}[method]
    )
    return np.asarray(sitk.GetArrayFromImage(resampler.Execute(source)))
