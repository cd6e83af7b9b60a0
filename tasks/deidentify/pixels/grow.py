"""A box around a line of text made whole: letters that the detector left out at its ends are taken in."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from tasks.deidentify.pixels.layout import Array
from tasks.deidentify.pixels.lines import Box, Line
from tasks.deidentify.pixels.place import Place

_FARTHEST = 4.0  # heights of the line, to either side
_WINDOW = 0.8  # heights: a gap between words
_SHARE = 0.35  # of the strokes that there are inside the box
_MARGIN = 0.15  # heights
_LEAST = 2  # pixels


def grown(line: Line, values: Array) -> Place:
    """The place of a line with what goes on at its ends, within the image that it is in."""
    top, left, bottom, right = line.box
    margin = _LEAST + _MARGIN * line.height
    if right - left >= bottom - top:
        before, after = _reach(values, line.box, line.height)
        left, right = left - before, right + after
    else:
        before, after = _reach(values.T, (left, top, right, bottom), line.height)
        top, bottom = top - before, bottom + after
    rows, columns = values.shape
    return Place(
        max(0, math.floor(top - margin)),
        max(0, math.floor(left - margin)),
        min(rows, math.ceil(bottom + margin)),
        min(columns, math.ceil(right + margin)),
    )


def _reach(part: Array, box: Box, height: float) -> tuple[int, int]:
    """How many pixels before and after the box strokes like those in it go on."""
    top, bottom = max(0, int(box[0])), min(part.shape[0], int(np.ceil(box[2])))
    left, right = max(0, int(box[1])), min(part.shape[1], int(np.ceil(box[3])))
    if bottom - top < 3 or right - left < 3:
        return 0, 0
    far, window = int(_FARTHEST * height), max(3, int(_WINDOW * height))
    start, end = max(0, left - far), min(part.shape[1], right + far)
    band = np.ascontiguousarray(part[top:bottom, start:end]).astype(np.float32)
    across = _strokes(band, left - start, right - start)
    usual = float(across[left - start : right - start].mean())
    after = _run(across[right - start :], window, usual)
    before = _run(across[: left - start][::-1], window, usual)
    return before, after


def _strokes(band: npt.NDArray[np.float32], left: int, right: int) -> npt.NDArray[np.float32]:
    """How much of each column is stroke, of the kind, bright or dark, that prevails between `left` and `right`."""
    kernel = np.ones((9, 9), np.uint8)
    bright = cv2.morphologyEx(band, cv2.MORPH_TOPHAT, kernel)
    dark = cv2.morphologyEx(band, cv2.MORPH_BLACKHAT, kernel)
    found = bright if bright[:, left:right].mean() >= dark[:, left:right].mean() else dark
    limit = 0.5 * float(np.percentile(found[:, left:right], 90))
    return np.asarray((found > max(limit, 1e-6)).mean(axis=0), np.float32)


def _run(across: npt.NDArray[np.float32], window: int, usual: float) -> int:
    """For how many columns, from the first on, the strokes in the next `window` columns are dense enough."""
    reach = 0
    while reach < len(across) and across[reach : reach + window].mean() >= _SHARE * usual:
        reach += 1
    return min(len(across), reach + (window if reach else 0))
