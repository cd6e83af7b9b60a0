"""A frame as grey images in which text can be seen: planes of numbers, and the ranges of numbers that show it.

Text can hide from any one window, so there are several. Nothing is found here.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from tasks.deidentify.pixels.frames import Decoded
from tasks.deidentify.pixels.layout import Array, Layout
from tasks.deidentify.pixels.palette import Palette
from tasks.deidentify.pixels.ranges import Range, ranges_of

Image = npt.NDArray[np.uint8]

_FULL: tuple[Range, ...] = ((0.0, 255.0),)
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
        return [Plane(values, ranges_of(values, header))]
    colours = _colours(words, layout)
    if frame.photometric.startswith("YBR"):
        colours = cv2.cvtColor(np.ascontiguousarray(colours[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB)
    return _colour_planes(colours)


def grey_of(frame: Decoded, layout: Layout, palette: Palette | None) -> Array:
    """The grey levels of a frame alone."""
    words = frame.words
    if layout.samples == 1 and palette is not None:
        colours = palette.colours(words & layout.word.type(layout.used))
        return np.asarray(cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY))
    if words.ndim == 2:
        return _plain(_packed_luminance(words, layout) if layout.subsampled else layout.values(words))
    colours = _colours(words, layout)
    if frame.photometric.startswith("YBR"):
        return np.ascontiguousarray(colours[..., 0])
    return np.asarray(cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY))


def grey_plane(values: Array, layout: Layout, header: Dataset, palette: Palette | None) -> Plane:
    """Grey levels as they come from `grey_of`, to be looked at."""
    if layout.samples > 1 or palette is not None:
        return Plane(values, _FULL)
    return Plane(values, ranges_of(values, header))


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


def _colours(words: Array, layout: Layout) -> Image:
    """The samples of a frame with three channels in 8 bits, in its own colour space."""
    values = np.asarray(words & layout.word.type(layout.used))
    if layout.stored > 8:
        values = values >> layout.word.type(layout.high - 7)
    return np.ascontiguousarray(values.astype(np.uint8))


def _colour_planes(colours: Image) -> list[Plane]:
    most, least = colours.max(axis=2), colours.min(axis=2)
    grey = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
    coloured = (cv2.subtract(most, least) >= _COLOURFUL).astype(np.uint8)
    planes = [Plane(grey, _FULL)]
    if coloured.any():
        planes += [Plane(one, _FULL, coloured & _told_by_colour(one, grey)) for one in (most, least)]
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
