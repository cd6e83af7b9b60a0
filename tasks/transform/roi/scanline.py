"""Polygons to pixels by the even-odd rule over pixel centres; the only place where contours become areas.

Libraries for drawing (OpenCV, Pillow) paint the outline as well, which adds thousands of voxels to an organ; here a
pixel is inside if its centre is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.transform.roi.grid import Floats, Mask

_AT_ONCE = 2**21
"""Crossings of edges and rows that are in memory at a time, however many points a contour has."""


def fill_polygons(polygons: Sequence[Floats], shape: tuple[int, int]) -> Mask:
    """Pixels of (rows, columns) whose centre lies in an odd number of `polygons`, so an inner one is a hole.

    Each polygon is (n, 2): x (column) and y (row) in pixels, a centre having whole numbers; it closes by itself. Of
    centres that lie on an edge, those on a left or upper one are inside. Parts outside of `shape` are cut off.
    """
    rows, columns = shape
    mask = np.zeros(shape, bool)
    edges = [np.concatenate([points, np.roll(points, -1, axis=0)], axis=1) for points in polygons if len(points) >= 3]
    if not edges:
        return mask
    x0, y0, x1, y1 = np.concatenate(edges).astype(np.float64).T
    first = np.clip(np.ceil(np.minimum(y0, y1)), 0, rows).astype(np.int64)
    last = np.clip(np.ceil(np.maximum(y0, y1)), 0, rows).astype(np.int64)  # not met any more
    crosses = last > first
    if not crosses.any():
        return mask
    x0, y0, x1, y1, first, last = (part[crosses] for part in (x0, y0, x1, y1, first, last))
    top, bottom = int(first.min()), int(last.max())
    low, high = np.minimum(x0, x1), np.maximum(x0, x1)
    left, right = (int(np.clip(np.ceil(edge), 0, columns)) for edge in (low.min(), high.max()))
    width = right - left + 1
    counts = np.zeros((bottom - top) * width, np.int64)
    block = max(1, _AT_ONCE // (bottom - top))
    for start in range(0, len(first), block):
        part = slice(start, start + block)
        met = last[part] - first[part]  # how many rows an edge crosses
        edge = np.repeat(np.arange(start, start + len(met)), met)
        row = np.arange(len(edge)) - np.repeat(np.cumsum(met) - met, met) + first[edge]
        share = (row - y0[edge]) / (y1[edge] - y0[edge])  # how far down the edge: in [0, 1], so it cannot overflow
        crossing = x0[edge] + share * (x1[edge] - x0[edge])
        crossing = np.clip(crossing, low[edge], high[edge])  # rounding may leave the edge by the last digit
        column = np.clip(np.ceil(crossing), left, right).astype(np.int64)
        counts += np.bincount((row - top) * width + column - left, minlength=counts.size)
    inside = (np.cumsum(counts.reshape(bottom - top, width), axis=1) & 1).astype(bool)
    mask[top:bottom, left : min(right, columns)] = inside[:, : min(right, columns) - left]
    return mask
