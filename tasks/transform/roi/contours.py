"""Closed planar contours in mm to a mask on a grid: projection, matching to slices, and what went wrong on the way.

Knows no DICOM. Which contours share a slice decides which are holes of which, so contours of different planes are never
filled together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from tasks.transform.roi.grid import Floats, Grid, Mask
from tasks.transform.roi.model import Finding
from tasks.transform.roi.scanline import fill_polygons

_ON_PLANE = 0.1
"""How far from a slice, in slice distances, a contour may lie and still be on it: positions are rounded in headers."""
_FLAT_MM = 0.5
"""How far the points of one contour may lie apart along the normal, in mm."""


@dataclass(frozen=True, eq=False)
class Contour:
    """Points (n, 3) in mm, LPS, and the index of the slice that its reference names, if that is one of the volume."""

    points: Floats
    referenced: int | None = None


@dataclass(frozen=True, eq=False)
class _Outline:
    polygon: Floats  # (n, 2): x and y in voxels
    depth: float  # in slices
    slice: int | None  # the one it lies on or refers to


def rasterise(contours: Sequence[Contour], grid: Grid) -> tuple[Mask, str, Counter[Finding]]:
    """The mask of `contours`, how they were matched (position, reference or both), and the findings with their counts.

    A contour belongs to the slice that it lies on, to a tenth of the slice distance. One that lies on none belongs to
    the slice that its reference names if that is next to it; else the stack of contours is sampled: each slice takes
    the nearest plane of contours, as far as that is within half of the distance of the planes.
    """
    found: Counter[Finding] = Counter()
    outlines: list[_Outline] = []
    by_reference = 0
    for contour in contours:
        outline = _project(contour, grid, found)
        if outline is not None:
            outlines.append(outline)
            by_reference += contour.referenced is not None and contour.referenced == outline.slice
    mask = np.zeros(grid.shape, bool)
    if outlines:
        layers = _sample(outlines, grid.shape[0], found)
        for index, layer in layers.items():
            mask[index] = fill_polygons(layer, grid.shape[1:])
        taken = sorted(layers)
        found[Finding.GAPS] += sum(after - before - 1 for before, after in pairwise(taken))
    matched = "position" if not by_reference else "reference" if by_reference == len(outlines) else "both"
    return mask, matched, found


def _project(contour: Contour, grid: Grid, found: Counter[Finding]) -> _Outline | None:
    """The contour in voxels; None, and counted, where it cannot be used."""
    if len(contour.points) < 3 or not np.isfinite(contour.points).all():
        found[Finding.BROKEN] += 1
        return None
    index = grid.to_index(contour.points)
    low, high = index.min(axis=0), index.max(axis=0)
    if (high[2] - low[2]) * grid.spacing[2] > _FLAT_MM:
        found[Finding.NOT_PARALLEL] += 1
        return None
    depth = float(index[:, 2].mean())
    size = np.array(grid.shape[::-1])
    outside = (high[:2] < -0.5) | (low[:2] > size[:2] - 0.5)
    if outside.any() or not -0.5 <= depth <= size[2] - 0.5:
        found[Finding.OUT_OF_FIELD] += 1
        return None
    if (low[:2] < -0.5).any() or (high[:2] > size[:2] - 0.5).any():
        found[Finding.CUT] += 1
    nearest = min(max(round(depth), 0), int(size[2]) - 1)
    if contour.referenced is not None and abs(contour.referenced - depth) >= 1:
        found[Finding.REFERENCE_ELSEWHERE] += 1
    on = abs(depth - nearest) <= _ON_PLANE
    beside = contour.referenced is not None and abs(contour.referenced - depth) < 1
    if not on:
        found[Finding.OFF_PLANE] += 1
    return _Outline(index[:, :2], depth, nearest if on else contour.referenced if beside else None)


def _sample(outlines: Sequence[_Outline], slices: int, found: Counter[Finding]) -> dict[int, list[Floats]]:
    """The polygons of each slice: those that lie on it or refer to it, else those of the nearest free plane."""
    layers: dict[int, list[Floats]] = {}
    free: dict[float, list[Floats]] = {}
    for outline in outlines:
        if outline.slice is not None:
            layers.setdefault(outline.slice, []).append(outline.polygon)
        else:
            free.setdefault(round(outline.depth, 2), []).append(outline.polygon)
    if not free:
        return layers
    depths = sorted(free)
    steps = [after - before for before, after in pairwise(depths) if after - before > _ON_PLANE]
    reach = max(median(steps), 1.0) / 2 if steps else 0.5
    used: set[float] = set()
    for index in range(max(0, int(depths[0]) - 1), min(slices, int(depths[-1]) + 3)):
        nearest = min(depths, key=lambda depth: (abs(depth - index), depth))
        if index not in layers and abs(nearest - index) <= reach:
            layers[index] = free[nearest]
            used.add(nearest)
    found[Finding.UNUSED] += sum(len(free[depth]) for depth in depths if depth not in used)
    return layers
