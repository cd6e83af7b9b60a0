"""The ranges of numbers that are worth showing of a grey image, from black to white."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from tasks.deidentify.headers.read import text_of
from tasks.deidentify.pixels.layout import Array

Range = tuple[float, float]


def ranges_of(values: Array, header: Dataset) -> tuple[Range, ...]:
    """The bulk of the values, the same without the ground, the header's windows, and all; each if it adds something."""
    least, most = float(values.min()), float(values.max())
    if most <= least:
        return ((least, least + 1),)
    counts, edges = _histogram(values, least, most)
    coarse = counts.copy()
    share = -(-len(counts) // 64)
    for start in range(0, len(counts), share):  # what a quarter of the image has is the ground
        if coarse[start : start + share].sum() > counts.sum() / 4:
            coarse[start : start + share] = 0
    wanted = [_between(counts, edges, 0.001)]
    if coarse.sum() > counts.sum() / 20:
        wanted.append(_between(coarse, edges, 0.02))
    wanted += [window for window in _windows(header) if window[0] < most and window[1] > least]
    wanted.append((least, most))
    kept: list[Range] = []
    for one in wanted:
        width = one[1] - one[0]
        if width > 0 and not any(
            abs(one[0] - other[0]) < 0.25 * width and abs(one[1] - other[1]) < 0.25 * width for other in kept
        ):
            kept.append(one)
    return tuple(kept)


def _histogram(values: Array, least: float, most: float) -> tuple[Array, Array]:
    """Counts and the edges of their bins, of which there are at most 4096."""
    if values.dtype.kind == "f":
        return np.histogram(values, 4096, (least, most))
    counts = np.bincount(np.subtract(values, int(least), dtype=np.int32).reshape(-1))
    width = -(-len(counts) // 4096)
    counts = np.add.reduceat(counts, np.arange(0, len(counts), width))
    return counts, least + width * np.arange(len(counts) + 1, dtype=np.float64)


def _between(counts: Array, edges: Array, cut: float) -> Range:
    """The range without the share `cut` at either end."""
    sums = np.cumsum(counts)
    low = int(np.searchsorted(sums, sums[-1] * cut, side="right"))
    high = int(np.searchsorted(sums, sums[-1] * (1 - cut)))
    return float(edges[low]), float(edges[min(high + 1, len(edges) - 1)])


def _windows(header: Dataset) -> list[Range]:
    """The header's windows in stored values (PS3.3 C.11.2.1.2), at most two."""
    slope, intercept = (_numbers(header, name) or [default] for name, default in _RESCALE)
    centres, widths = _numbers(header, "WindowCenter"), _numbers(header, "WindowWidth")
    found = []
    for centre, width in list(zip(centres, widths, strict=False))[:2]:
        if width >= 1 and slope[0]:
            ends = [(centre + side * width / 2 - intercept[0]) / slope[0] for side in (-1, 1)]
            found.append((min(ends), max(ends)))
    return found


_RESCALE = (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))


def _numbers(header: Dataset, keyword: str) -> list[float]:
    numbers = []
    for text in text_of(header, keyword).split("\\"):
        try:
            numbers.append(float(text))
        except ValueError:
            return numbers
    return numbers
