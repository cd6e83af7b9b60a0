"""Where letters could stand, found in a millisecond: rows in which it gets bright and dark by turns.

Knows nothing of letters: vessels and noise do it too. What doesn't, as nearly all of a radiograph, has no text, and is
not looked at further. OpenCV only.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tasks.deidentify.pixels.place import Place

Image = npt.NDArray[np.uint8]

CELL = 16
MARGIN = 24
_SHARED = 32  # pixels that two pieces of one place share: a line of letters is whole in one of them
_NEAR = np.ones((3, 3), np.uint8)
_WINDOW = 32  # pixels along a line: three letters or more
_ROWS, _OF = 3, 5  # neighbouring rows of a line in which that is so
_ABOVE_NOISE = 3
_FEW = 0.05  # share of pixels that letters have, in an image of nothing else


@dataclass(frozen=True)
class Strokes:
    """What counts as strokes: so many `turns` to bright and to dark in the width of three letters, by `step` or more.

    Steps are grey levels from one pixel to the next; letters make one of a third of their contrast. Where there is
    little noise, smaller steps count, down to `faintest`.
    """

    step: int
    faintest: int
    turns: int


FAINT = Strokes(step=18, faintest=5, turns=4)  # of letters from a contrast of 54, and of 17 where it is calm
PLAIN = Strokes(step=24, faintest=5, turns=4)  # from a contrast of 80
SHORT = Strokes(step=24, faintest=12, turns=3)  # words of three letters from a contrast of 72
STRONG = Strokes(step=24, faintest=24, turns=4)  # of letters from a contrast of 72, however calm it is
CLEAR = Strokes(step=24, faintest=24, turns=5)  # the same, and hardly ever anything else


def find_strokes(image: Image, wanted: Strokes) -> Image:
    """1 at the pixels of a grey image around which letters of 8 to 20 px could be, else 0.

    Along a line of text, written across or down, it gets brighter and darker by turns, many times in a small space and
    in several rows alike; hardly anything else does.
    """
    if min(image.shape) < _OF:
        return np.zeros(image.shape, np.uint8)
    step = wanted.step
    if wanted.faintest < step:
        step = round(min(step, max(wanted.faintest, _ABOVE_NOISE * _noise(image))))
    across, down = _turns(image, step, wanted.turns), _turns(np.ascontiguousarray(image.T), step, wanted.turns)
    return np.asarray(across | down.T, np.uint8)


def _turns(image: Image, step: int, turns: int) -> Image:
    """1 where text written across could be."""
    before, after = image[:, :-1], image[:, 1:]
    fewest: Any = None
    for one, other in ((after, before), (before, after)):
        _, changes = cv2.threshold(cv2.subtract(one, other), step - 1, 1, cv2.THRESH_BINARY)
        begins = changes.copy()
        begins[:, 1:] &= 1 - changes[:, :-1]
        count = cv2.boxFilter(begins, cv2.CV_8U, (_WINDOW, 1), normalize=False, borderType=cv2.BORDER_CONSTANT)
        fewest = count if fewest is None else cv2.min(fewest, count)
    _, rows = cv2.threshold(fewest, turns - 1, 1, cv2.THRESH_BINARY)
    count = cv2.boxFilter(rows, cv2.CV_8U, (1, _OF), normalize=False, borderType=cv2.BORDER_CONSTANT)
    _, lines = cv2.threshold(count, _ROWS - 1, 1, cv2.THRESH_BINARY)
    return np.asarray(cv2.copyMakeBorder(lines, 0, 0, 0, 1, cv2.BORDER_REPLICATE), np.uint8)


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
    count, groups = cv2.connectedComponents(cv2.dilate(cells, _NEAR), connectivity=8)
    groups = groups * cells
    places = []
    for group in range(1, count):
        ys, xs = np.nonzero(groups == group)
        tall = _cuts(int(ys.min()) * CELL - MARGIN, int(ys.max() + 1) * CELL + MARGIN, shape[0], largest)
        wide = _cuts(int(xs.min()) * CELL - MARGIN, int(xs.max() + 1) * CELL + MARGIN, shape[1], largest)
        for (y0, y1), (x0, x1) in product(tall, wide):
            if strokes[y0:y1, x0:x1].any():
                places.append(Place(y0, x0, y1, x1))
    return _without_covered(places)


def _noise(image: Image) -> float:
    """How much neighbouring pixels differ where they do: the third quartile; 0 where nearly all are alike."""
    counts = np.bincount(cv2.absdiff(image[:, 1:], image[:, :-1]).reshape(-1), minlength=256)[1:]
    if counts.sum() < _FEW * image.size:
        return 0.0
    return float(np.searchsorted(np.cumsum(counts), counts.sum() * 0.75)) + 1


def _cuts(start: int, end: int, size: int, largest: int) -> list[tuple[int, int]]:
    """`start` to `end` within 0 and `size`, in equal pieces of at most `largest` that overlap."""
    start, end = max(0, start), min(size, end)
    if end - start <= largest:
        return [(start, end)]
    pieces = -(-(end - start - _SHARED) // (largest - _SHARED))
    length = -(-(end - start + (pieces - 1) * _SHARED) // pieces)
    starts = [start + round(k * (end - start - length) / (pieces - 1)) for k in range(pieces)]
    return [(at, at + length) for at in starts]


def _without_covered(places: list[Place]) -> list[Place]:
    """Without those that lie wholly in another."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda one: (-one.area, one)):
        if not any(other.holds(place) for other in kept):
            kept.append(place)
    return sorted(kept)
