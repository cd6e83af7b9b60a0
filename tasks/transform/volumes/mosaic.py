"""Mosaics: one image that holds the slices of a volume as tiles, left to right, then down (Siemens, UIH).

How many tiles there are and where they lie is in private attributes only. Where those are missing or contradict each
other, as after a strict de-identification, the image is one slice that is refused.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset

from tasks.transform.headers import numbers
from tasks.transform.volumes.geometry import make_axes

if TYPE_CHECKING:
    from tasks.transform.volumes.slices import Slice

Array = npt.NDArray[Any]

_SIEMENS, _UIH = "SIEMENS CSA HEADER", "Image Private Header"
_CENTRE = re.compile(rb"sSliceArray\.asSlice\[(\d{1,4})\]\.sPosition\.d(Sag|Cor|Tra)[ \t]*=[ \t]*([-+0-9.eE]{1,30})")
_AXIS = {b"Sag": 0, b"Cor": 1, b"Tra": 2}
_AGREE_MM = 0.1


def is_mosaic(one: Slice) -> bool:
    """Whether ImageType says that the image is a mosaic."""
    return bool({"MOSAIC", "VFRAME"} & set((one.image_type or "").split("\\")))


def cut_mosaic(ds: Dataset, whole: Slice) -> list[Slice]:
    """A slice for each tile; one slice that is marked `unread` where the layout or the geometry cannot be read."""
    try:
        found = _read_uih(ds, whole) or _read_siemens(ds, whole)
    except Exception:  # private attributes hold anything, and nibabel's reader raises anything
        found = None
    return found or [replace(whole, unread=True)]


def cut_tile(values: Array, tile: int, rows: int, columns: int) -> Array:
    """Tile number `tile`, from 0, of a mosaic whose tiles are `rows` x `columns`."""
    across = max(1, values.shape[1] // columns)
    top, left = tile // across * rows, tile % across * columns
    return np.ascontiguousarray(values[top : top + rows, left : left + columns])


def _read_siemens(ds: Dataset, whole: Slice) -> list[Slice] | None:
    """Siemens: ImagePositionPatient is that of a plane of the mosaic's size; its centre is the first tile's.

    Distances come from the slice centres of the protocol in the CSA series header, the direction from the slice
    normal of the CSA image header.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom import csareader

    tags = csareader.read(ds.private_block(0x0029, _SIEMENS)[0x10].value)["tags"]
    count = int(tags["NumberOfImagesInMosaic"]["items"][0])
    normal = np.array(tags["SliceNormalVector"]["items"][:3], dtype=np.float64)
    across = math.ceil(math.sqrt(count))
    centres = _protocol_centres(bytes(ds.private_block(0x0029, _SIEMENS)[0x20].value), count)
    geometry = _axes_of(whole)
    if centres is None or geometry is None or count < 1 or whole.rows % across or whole.columns % across:
        return None
    row, column, cross, between_rows, between_columns = geometry
    rows, columns = whole.rows // across, whole.columns // across
    first = np.array(whole.plane.origin) + row * between_columns * (whole.columns - columns) / 2
    first = first + column * between_rows * (whole.rows - rows) / 2
    along = np.sort(centres @ normal)
    if abs(abs(float(normal @ cross)) - 1) > 1e-3 or abs(float(first @ normal) - along[0]) > _AGREE_MM:
        return None
    return _tiles(whole, rows, columns, [first + normal * (place - along[0]) for place in along])


def _protocol_centres(text: bytes, count: int) -> Array | None:
    """Slice centres, shape (count, 3), in mm in LPS; a coordinate that is not written is 0."""
    centres = np.zeros((count, 3))
    seen = set()
    for index, axis, value in _CENTRE.findall(text):
        if int(index) < count:
            centres[int(index), _AXIS[axis]] = float(value)
            seen.add(int(index))
    return centres if len(seen) >= count - 1 else None  # a slice through the isocentre has no line at all


def _read_uih(ds: Dataset, whole: Slice) -> list[Slice] | None:
    """UIH: each tile's position is in a private sequence, in the order of the tiles."""
    try:
        block = ds.private_block(0x0065, _UIH)
    except KeyError:
        return None
    origins = [numbers(item, "ImagePositionPatient") for item in block[0x51].value]
    count = len(origins)
    across = math.ceil(math.sqrt(count)) if count else 0
    down = math.ceil(count / across) if across else 0
    if count == 0 or any(len(origin) != 3 for origin in origins) or whole.rows % down or whole.columns % across:
        return None
    b_value = float(block[0x09].value) if 0x09 in block else None
    direction = tuple(float(part) for part in block[0x37].value) if 0x37 in block else None
    whole = replace(whole, b_value=b_value, direction=direction)
    return _tiles(whole, whole.rows // down, whole.columns // across, [np.array(origin) for origin in origins])


def _tiles(whole: Slice, rows: int, columns: int, origins: Sequence[Array]) -> list[Slice]:
    return [
        replace(
            whole,
            rows=rows,
            columns=columns,
            tile=tile,
            plane=replace(whole.plane, origin=tuple(float(part) for part in origin)),
        )
        for tile, origin in enumerate(origins)
    ]


def _axes_of(whole: Slice) -> tuple[Array, Array, Array, float, float] | None:
    axes = make_axes(whole.plane.orientation) if whole.plane.orientation else None
    if axes is None or whole.plane.origin is None or whole.spacing is None:
        return None
    return axes.row, axes.column, axes.normal, *whole.spacing
