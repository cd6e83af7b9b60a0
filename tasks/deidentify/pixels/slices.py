"""Letters that are drawn in one exact value, cut out of whatever they stand on.

Machines write text with one grey level. All pixels of that level are then letters and a few others, and letters are
readable even on bone.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from tasks.deidentify.pixels.layout import Array
from tasks.deidentify.pixels.strokes import Image

_MOST = 3  # slices of a place
_TRIED = 24  # values
_FEWEST = 40  # pixels of strokes that letters have
_FLAT, _AROUND = np.ones((7, 7), np.uint8), np.ones((9, 9), np.uint8)


def of_one_value(part: Array) -> Iterator[Image]:
    """White on black, the thin strokes of the values that have most of them; nothing where no value has many."""
    alike = np.zeros(part.shape, np.bool_)
    alike[:, :-1] |= part[:, 1:] == part[:, :-1]
    alike[:-1] |= part[1:] == part[:-1]
    values, counts = np.unique(part[alike], return_counts=True)
    ranked = []
    for value in values[np.argsort(-counts, kind="stable")[:_TRIED]]:
        strokes = _thin((part == value).astype(np.uint8))
        ranked.append((_letters(strokes), float(value), strokes))
    ranked.sort(key=lambda one: (-one[0], one[1]))
    for pixels, _, strokes in ranked[:_MOST]:
        if pixels >= _FEWEST:
            yield strokes * np.uint8(255)


def _thin(level: Image) -> Image:
    """Without areas that no stroke is as wide as."""
    flat = cv2.dilate(cv2.erode(level, _FLAT), _AROUND)
    return np.asarray(level & (1 - flat), np.uint8)


def _letters(strokes: Image) -> int:
    """How many pixels are in pieces of a letter's size."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    width, height, area = (stats[1:count, at] for at in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA))
    good = (area >= 5) & (height >= 4) & (height <= 40) & (width <= 60)
    return int(area[good].sum())
