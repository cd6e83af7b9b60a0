"""A box around a line drawn close to its ink, so that no more of the picture is masked than the letters take.

In noise there is ink everywhere, and the box stays as it is.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from tasks.deidentify.pixels.layout import Array
from tasks.deidentify.pixels.place import Place

_SHARE = 0.2  # of a full stroke: less is no ink
_LEAST = 2  # pixels around the ink
_MARGIN = 0.12  # heights around the ink
_FEW = 0.008  # of a row or column: fewer pixels are noise


def tightened(place: Place, core: Place, height: float, values: Array) -> Place:
    """The part of `place` that has ink in it, with a margin, and `core` whatever it has: letters may fade there.

    `height` is that of the line, in pixels of `values`.
    """
    crop = np.ascontiguousarray(values[place.top : place.bottom, place.left : place.right]).astype(np.float32)
    if min(crop.shape) < 3:
        return place
    ink = _ink(crop, height)
    margin = math.ceil(_LEAST + _MARGIN * height)
    rows, columns = (_span(ink.sum(axis=axis), ink.shape[axis]) for axis in (1, 0))
    return Place(
        max(place.top, min(core.top, place.top + rows[0] - margin)),
        max(place.left, min(core.left, place.left + columns[0] - margin)),
        min(place.bottom, max(core.bottom, place.top + rows[1] + margin)),
        min(place.right, max(core.right, place.left + columns[1] + margin)),
    )


def _ink(crop: npt.NDArray[np.float32], height: float) -> npt.NDArray[np.bool_]:
    """Strokes, bright or dark: which of them are the letters is not always plain."""
    size = max(9, round(height / 3) | 1)
    kernel = np.ones((size, size), np.uint8)
    strokes = cv2.max(*(cv2.morphologyEx(crop, kind, kernel) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)))
    full = float(np.percentile(strokes, 95))
    return np.asarray(strokes > _SHARE * full) if full > 0 else np.ones(crop.shape, np.bool_)


def _span(counts: npt.NDArray[np.int64], length: int) -> tuple[int, int]:
    """The first and the end of the last that has enough ink."""
    inked = np.flatnonzero(counts >= max(1, _FEW * length))
    return (int(inked[0]), int(inked[-1]) + 1) if len(inked) else (0, len(counts))
