"""A frame as grey images in which text can be seen: planes of numbers, and the ranges of numbers that show it.

Text can hide from any one window, so there are several. Nothing is found here.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from tasks.deidentify.headers.read import text_of
from tasks.deidentify.pixels.frames import Decoded
from tasks.deidentify.pixels.layout import Array, Layout
from tasks.deidentify.pixels.palette import Palette

Image = npt.NDArray[np.uint8]
Range = tuple[float, float]

_LONGEST_TABLE = 2**17
_LETTERS, _APART = 15, 8  # pixels to a side, and grey levels by which letters of another colour change its mean
_ALIKE = 16  # grey levels
_COLOURFUL = 24  # of 255: channels that differ by less are grey
_NEIGHBOURS = 31  # pixels to a side that a local contrast is taken from
_LEVELS = 48.0  # grey levels of a standard deviation in it
_CALM = 0.02  # of the range: less than this is noise, which is not made stronger


@dataclass(frozen=True, repr=False)
class Plane:
    """Numbers (rows, columns), the ranges that show them, and where it is worth looking (None: everywhere)."""

    values: Array
    ranges: tuple[Range, ...]
    only: Image | None = None


def planes_of(frame: Decoded, layout: Layout, header: Dataset, palette: Palette | None) -> list[Plane]:
    """The planes of a frame: its grey levels; where it has colour also the brightest and the darkest channel."""
    words = frame.words
    if layout.samples == 1 and palette is not None:
        return _colour_planes(palette.colours(words & layout.word.type(layout.used)))
    if words.ndim == 2:
        values = _packed_luminance(words, layout) if layout.subsampled else layout.values(words)
        values = _plain(values)
        return [Plane(values, _ranges(values, _windows(header)))]
    values = np.asarray(words & layout.word.type(layout.used))
    if layout.stored > 8:
        values = values >> layout.word.type(layout.high - 7)
    colours = values.astype(np.uint8)
    if frame.photometric.startswith("YBR"):
        colours = cv2.cvtColor(np.ascontiguousarray(colours[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB)
    return _colour_planes(colours)


def view(values: Array, shown: Range) -> Image:
    """The values as grey levels, `shown` from black to white."""
    low, high = shown
    if values.dtype == np.uint8 and (low, high) == (0, 255):
        return values
    scale = 255 / max(high - low, 1e-6)
    if values.dtype.kind in "iu":
        least, most = int(values.min()), int(values.max())
        if most - least < _LONGEST_TABLE:
            table = np.clip((np.arange(least, most + 1) - low) * scale, 0, 255).astype(np.uint8)
            return np.asarray(table[np.subtract(values, least, dtype=np.int32)], np.uint8)
    grey = (values.astype(np.float32) - np.float32(low)) * np.float32(scale)
    return np.asarray(np.clip(grey, 0, 255), np.uint8)


def narrowest(ranges: tuple[Range, ...]) -> Range:
    """The range that shows most."""
    return min(ranges, key=lambda shown: shown[1] - shown[0])


def local_contrast(values: Array, shown: Range) -> Image:
    """Every neighbourhood with the same mean and spread, so that text is alike on bone, in the dark and in noise."""
    numbers = values.astype(np.float32)
    size = (_NEIGHBOURS, _NEIGHBOURS)
    mean = cv2.blur(numbers, size)
    numbers -= mean
    spread = np.sqrt(np.maximum(cv2.blur(numbers * numbers, size), 0))  # rounding leaves some below zero
    np.maximum(spread, np.float32((shown[1] - shown[0]) * _CALM), out=spread)
    return np.asarray(np.clip(numbers / spread * np.float32(_LEVELS) + 128, 0, 255), np.uint8)


def _colour_planes(colours: Image) -> list[Plane]:
    full = ((0.0, 255.0),)
    most, least = colours.max(axis=2), colours.min(axis=2)
    grey = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
    coloured = (cv2.subtract(most, least) >= _COLOURFUL).astype(np.uint8)
    planes = [Plane(grey, full)]
    if coloured.any():
        planes += [Plane(one, full, coloured & _told_by_colour(one, grey)) for one in (most, least)]
    return planes


def _told_by_colour(channel: Image, grey: Image) -> Image:
    """1 where a channel shows what its grey levels don't: not in a picture that is only tinted."""
    counts = np.bincount(grey.reshape(-1), minlength=256)
    sums = np.bincount(grey.reshape(-1), channel.reshape(-1), minlength=256)
    usual = _smooth(sums) / np.maximum(_smooth(counts), 1e-6)
    apart = cv2.absdiff(channel, np.clip(usual, 0, 255).astype(np.uint8)[grey])
    return np.asarray(cv2.blur(apart, (_LETTERS, _LETTERS)) >= _APART, np.uint8)


def _smooth(counts: Array) -> npt.NDArray[np.float64]:
    """Over neighbouring grey levels, so that letters of one value don't tell what is usual at theirs."""
    spread = np.exp(-0.5 * (np.arange(-3 * _ALIKE, 3 * _ALIKE + 1) / _ALIKE) ** 2)
    return np.asarray(np.convolve(counts, spread, "same")[: len(counts)], np.float64)


def _packed_luminance(words: Array, layout: Layout) -> Array:
    """Of native YBR_FULL_422: Y, Y, B, R for each two pixels."""
    return np.ascontiguousarray(words.reshape(layout.rows, -1, 4)[..., :2]).reshape(layout.rows, layout.columns)


def _plain(values: Array) -> Array:
    """As OpenCV takes it: 8 or 16 bits or float32, and finite."""
    if values.dtype.kind == "f":
        return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
    return values if values.dtype.itemsize <= 2 and values.dtype != np.int8 else values.astype(np.float32)


def _ranges(values: Array, windows: list[Range]) -> tuple[Range, ...]:
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
    wanted += [window for window in windows if window[0] < most and window[1] > least]
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
