"""Where letters could stand, found in a millisecond: places with thin strokes that have edges to all four sides.

Knows nothing of letters: bones and noise have strokes too. What has none, as most of a radiograph, has no text, and is
not looked at further. OpenCV only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

CELL = 16
MARGIN = 24
_STROKE = np.ones((9, 9), np.uint8)  # wider than a stroke of letters of 8 to 32 px
_NEAR = np.ones((3, 3), np.uint8)
_WINDOW = (24, 12)  # about three letters of 8 px
_EDGES = 10  # in the window, to each side; the least that letters of 8 px at a contrast of 40 were seen to have is 17
_FAINTEST, _PLAIN = 12, 30  # grey levels of 255
_ABOVE_NOISE = 5


@dataclass(frozen=True, order=True)
class Place:
    """A rectangle of an image, in its pixels: rows `top` to `bottom`, columns `left` to `right`, ends excluded.

    `busy` is the share of it that looks like strokes.
    """

    top: int
    left: int
    bottom: int
    right: int
    busy: float = 0.0


def find_strokes(image: Image) -> Image:
    """1 at the pixels of a grey image around which letters of 8 to 32 px could be, else 0.

    Sees contrasts from 30 grey levels, and fainter ones where there is little noise.
    """
    if min(image.shape) < 4:
        return np.zeros(image.shape, np.uint8)
    contrast = round(min(_PLAIN, max(_FAINTEST, _ABOVE_NOISE * _noise(image))))
    bright = cv2.morphologyEx(image, cv2.MORPH_TOPHAT, _STROKE)
    dark = cv2.morphologyEx(image, cv2.MORPH_BLACKHAT, _STROKE)
    _, strokes = cv2.threshold(cv2.max(bright, dark), contrast - 1, 1, cv2.THRESH_BINARY)
    strokes = cv2.dilate(strokes, _NEAR)
    fewest: Any = None
    up, down, left, right = image[:-1], image[1:], image[:, :-1], image[:, 1:]
    for one, other in ((up, down), (down, up), (left, right), (right, left)):
        edges = np.zeros(image.shape, np.uint8)
        _, steps = cv2.threshold(cv2.subtract(one, other), contrast // 2 - 1, 1, cv2.THRESH_BINARY)
        edges[: steps.shape[0], : steps.shape[1]] = steps
        edges &= strokes
        count = cv2.boxFilter(edges, cv2.CV_16S, _WINDOW, normalize=False, borderType=cv2.BORDER_CONSTANT)
        fewest = count if fewest is None else cv2.min(fewest, count)
    return (fewest >= _EDGES).astype(np.uint8)


def find_places(strokes: Image, largest: int) -> list[Place]:
    """Rectangles, none wider or higher than `largest`, that hold all strokes with some ground around them."""
    shape = strokes.shape
    rows, columns = (-(-side // CELL) for side in shape)
    padded = cv2.copyMakeBorder(
        strokes, 0, rows * CELL - shape[0], 0, columns * CELL - shape[1], cv2.BORDER_CONSTANT, value=0
    )
    cells = padded.reshape(rows, CELL, columns, CELL).max(axis=(1, 3))
    if not cells.any():
        return []
    count, _, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(cells, _NEAR), connectivity=8)
    places = []
    for left, top, width, height, _ in stats[1:count]:
        for y0, y1 in _cuts(top * CELL - MARGIN, (top + height) * CELL + MARGIN, shape[0], largest):
            for x0, x1 in _cuts(left * CELL - MARGIN, (left + width) * CELL + MARGIN, shape[1], largest):
                busy = float(strokes[y0:y1, x0:x1].mean())
                if busy:
                    places.append(Place(y0, x0, y1, x1, busy))
    return _without_covered(places)


def _noise(image: Image) -> float:
    """How much neighbouring pixels differ, typically: the median, which strokes of letters don't move."""
    counts = np.bincount(cv2.absdiff(image[:, 1:], image[:, :-1]).reshape(-1), minlength=256)
    return float(np.searchsorted(np.cumsum(counts), counts.sum() / 2))


def _cuts(start: int, end: int, size: int, largest: int) -> list[tuple[int, int]]:
    """`start` to `end` within 0 and `size`, in equal pieces of at most `largest` that overlap by twice the margin."""
    start, end = max(0, start), min(size, end)
    if end - start <= largest:
        return [(start, end)]
    pieces = -(-(end - start - 2 * MARGIN) // (largest - 2 * MARGIN))
    length = -(-(end - start + (pieces - 1) * 2 * MARGIN) // pieces)
    starts = [start + round(k * (end - start - length) / (pieces - 1)) for k in range(pieces)]
    return [(at, at + length) for at in starts]


def _without_covered(places: list[Place]) -> list[Place]:
    """Without those that lie wholly in another."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda p: (-(p.bottom - p.top) * (p.right - p.left), p)):
        if not any(
            p.top <= place.top and p.left <= place.left and p.bottom >= place.bottom and p.right >= place.right
            for p in kept
        ):
            kept.append(place)
    return sorted(kept)
