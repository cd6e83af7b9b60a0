"""The values of slices: decoded once an instance, rescaled slice by slice, and put where their volume has them.

Memory holds one instance at a time, a file the rest: `fill_file` writes each slice to its place with a seek.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.transform.decode import decode_frames
from tasks.transform.frames import FrameFinder
from tasks.transform.modality import apply_modality, find_padding
from tasks.transform.pixels import check_limits, read_pixel_header
from tasks.transform.volumes.judge import Grid
from tasks.transform.volumes.mosaic import cut_tile
from tasks.transform.volumes.slices import Slice
from tasks.transform.volumes.sources import Place, read_instance

Array = npt.NDArray[Any]


class Planes(Protocol):
    """Slices by index, each of shape (rows, columns): an array, or what reads them from a file."""

    def __getitem__(self, index: int, /) -> Array:
        """The slice at `index`."""


_INTEGERS = ("uint8", "int16", "uint16", "int32")


def choose_dtype(slices: Sequence[Slice], grid: Grid) -> np.dtype[Any]:
    """The narrowest of uint8, int16, uint16, int32 that holds every rescaled value exactly; else float32.

    Decided from headers: from BitsStored and the rescale of each slice. Interpolated voxels are float32.
    """
    if grid.resampled or not all(one.values.exact for one in slices):
        return np.dtype(np.float32)
    low, high = min(one.values.low for one in slices), max(one.values.high for one in slices)
    for name in _INTEGERS:
        if np.iinfo(name).min <= low and high <= np.iinfo(name).max:
            return np.dtype(name)
    return np.dtype(np.float32)


def read_values(
    slices: Sequence[Slice], settings: TransformSettings, *, mark: bool = False
) -> Iterator[tuple[int, Array]]:
    """Yield (index in `slices`, its values in output units, shape (rows, columns)); in the order of the files.

    With `mark`, padding is NaN, as a chain of steps takes it. Raises `QuarantineUnit` where pixels can't be decoded, or
    are other ones than when headers were read.
    """
    wanted: dict[Place, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, one in enumerate(slices):
        wanted[one.place][one.plane.frame].append(index)
    for place in sorted(wanted):
        yield from _read_place(place, wanted[place], slices, settings, mark)


def _read_place(
    place: Place, wanted: dict[int, list[int]], slices: Sequence[Slice], settings: TransformSettings, mark: bool
) -> Iterator[tuple[int, Array]]:
    ds = read_instance(place)
    header = read_pixel_header(ds)
    check_limits(header, settings.max_pixels)
    finder, last = FrameFinder(ds), max(wanted)
    for number, stored in enumerate(decode_frames(ds, header), start=1):
        if number in wanted:
            values = apply_modality(stored, header, finder.layers(number - 1))
            if mark and (padding := find_padding(stored, header, ds)) is not None:
                values[padding] = np.nan
            for index in wanted[number]:
                one = slices[index]
                tile = values if one.tile is None else cut_tile(values, one.tile, one.rows, one.columns)
                if tile.shape != (one.rows, one.columns):
                    raise QuarantineUnit(Reason.BAD_PIXEL_HEADER)
                yield index, tile * np.float32(one.suv) if one.suv else tile
        if number >= last:
            return


def fill_array(
    slices: Sequence[Slice], settings: TransformSettings, dtype: np.dtype[Any], *, mark: bool = False
) -> Array:
    """The values of `slices` in memory, shape (slices, rows, columns); `mark` as in `read_values`."""
    array = np.empty((len(slices), slices[0].rows, slices[0].columns), dtype=dtype)
    for index, values in read_values(slices, settings, mark=mark):
        array[index] = to_dtype(values, dtype)
    return array


def fill_file(
    handle: BinaryIO, slices: Sequence[Slice], settings: TransformSettings, dtype: np.dtype[Any], *, mark: bool = False
) -> None:
    """The values of `slices`, one after the other from where `handle` stands, little endian; `mark` as above."""
    start, size = handle.tell(), slices[0].rows * slices[0].columns * dtype.itemsize
    little = dtype.newbyteorder("<")
    for index, values in read_values(slices, settings, mark=mark):
        handle.seek(start + index * size)
        handle.write(to_dtype(values, dtype).astype(little, copy=False).tobytes())
    handle.seek(start + len(slices) * size)


def to_dtype(values: Array, dtype: np.dtype[Any]) -> Array:
    """`values` as `dtype`, whole numbers clipped to what it holds (headers promise that nothing is clipped)."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    return np.clip(values, limits.min, limits.max).astype(dtype)


def regrid(planes: Planes, grid: Grid) -> Iterator[Array]:
    """The slices of the volume, one at a time, from those of the group.

    Shifts are undone within the plane, then slices are interpolated between their neighbours, both linearly. What
    comes from outside of an image has the lowest value of its slice.
    """
    for lower, upper, share in grid.sources:
        below = _shifted(planes, lower, grid)
        if share == 0.0:
            yield below
            continue
        above = _shifted(planes, upper, grid)
        yield (below * np.float32(1 - share) + above * np.float32(share)).astype(np.float32)


def _shifted(planes: Planes, index: int, grid: Grid) -> Array:
    plane: Array = np.asarray(planes[index])
    if grid.shifts is None:
        return plane
    along_row, along_column = grid.shifts[index] / (grid.spacing[2], grid.spacing[1])
    matrix = np.array([[1.0, 0.0, -along_row], [0.0, 1.0, -along_column]])
    edge = float(np.fmin.reduce(plane, axis=None))
    moved = cv2.warpAffine(
        plane.astype(np.float32),
        matrix,
        (plane.shape[1], plane.shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=edge if math.isfinite(edge) else 0.0,
    )
    return np.asarray(moved, dtype=np.float32)
