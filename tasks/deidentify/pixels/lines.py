"""Lines of text in one grey image: what the detector proposes, and what they say.

The detector marks the core of a line; a line's box is that core, widened. Views, scales and tiles are detect.py's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from tasks.deidentify.pixels import ocr
from tasks.deidentify.pixels.ocr import Image, Reading

_CORE = 0.3  # likelihood of a pixel in a core
_SMALLEST_CORE = 8  # pixels
_UNCLIP = 1.6  # the detector was trained on lines that were shrunk so (DB, Liao et al. 2020)
_STRAIGHT = 8  # degrees
_UPRIGHT = 1.5  # a line that is so many times higher than wide is read turned

Box = tuple[float, float, float, float]


@dataclass(frozen=True, repr=False)
class Line:
    """A proposed line, in pixels of the image that was looked at.

    `box` is (top, left, bottom, right); `length` and `height` are its sides whatever its angle; `likelihood` is the
    mean of its core; `crop` is the line laid flat.
    """

    box: Box
    length: float
    height: float
    likelihood: float
    crop: Image

    def scaled(self, scale: float) -> Line:
        """In pixels of an image that is `scale` times as large; the crop stays."""
        top, left, bottom, right = (side * scale for side in self.box)
        return replace(self, box=(top, left, bottom, right), length=self.length * scale, height=self.height * scale)

    def moved(self, down: float, right: float) -> Line:
        """In pixels of an image that begins that much higher and farther left."""
        return replace(self, box=(self.box[0] + down, self.box[1] + right, self.box[2] + down, self.box[3] + right))

    def without_crop(self) -> Line:
        """Without its pixels, which may be many: for keeping."""
        return replace(self, crop=np.empty((0, 0), np.uint8))


def propose(image: Image) -> list[Line]:
    """Every line that the detector sees in a grey image, from top to bottom."""
    likely = ocr.likelihood(image)
    _, core = cv2.threshold(likely, _CORE, 1, cv2.THRESH_BINARY)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(core.astype(np.uint8), connectivity=8)
    lines = []
    for label in range(1, count):
        left, top, width, height, area = (int(n) for n in stats[label])
        if area < _SMALLEST_CORE:
            continue
        window = (slice(top, top + height), slice(left, left + width))
        inside = labels[window] == label
        lines.append(_line(image, inside, (top, left), float(likely[window][inside].mean())))
    return lines


def read(line: Line) -> Reading:
    """What a line says; one that is higher than wide is tried upwards and downwards."""
    if line.crop.size == 0:
        return Reading()
    if line.crop.shape[0] <= _UPRIGHT * line.crop.shape[1]:
        return ocr.read(line.crop)
    turned = (np.ascontiguousarray(np.rot90(line.crop, turns)) for turns in (1, 3))
    return max((ocr.read(image) for image in turned), key=lambda reading: reading.score * len(reading.text))


def _line(image: Image, inside: npt.NDArray[np.bool_], corner: tuple[int, int], likelihood: float) -> Line:
    ys, xs = np.nonzero(inside)
    points = np.stack([xs + corner[1], ys + corner[0]], axis=1).astype(np.float32)
    (x, y), (one, other), angle = cv2.minAreaRect(points)
    one, other = one + 1, other + 1  # from centres of pixels to their edges
    wide = _UNCLIP * one * other / (2 * (one + other))
    one, other = one + 2 * wide, other + 2 * wide
    straight = min(angle % 90, 90 - angle % 90) < _STRAIGHT
    top, left = corner
    box = (top - wide, left - wide, top + inside.shape[0] + wide, left + inside.shape[1] + wide)
    crop = _cut(image, box) if straight else _turned(image, (x, y), (one, other), angle)
    return Line(box, max(one, other), min(one, other), likelihood, crop)


def _cut(image: Image, box: Box) -> Image:
    top, left, bottom, right = box
    return image[max(0, int(top)) : int(np.ceil(bottom)), max(0, int(left)) : int(np.ceil(right))]


def _turned(image: Image, centre: tuple[float, float], size: tuple[float, float], angle: float) -> Image:
    """The rectangle around `centre` laid flat, the longer side across."""
    width, height = size
    if width < height:
        width, height, angle = height, width, angle + 90
    if angle > 90:
        angle -= 180
    turn = cv2.getRotationMatrix2D(centre, angle, 1.0)
    turn[0, 2] += width / 2 - centre[0]
    turn[1, 2] += height / 2 - centre[1]
    whole = (max(1, round(width)), max(1, round(height)))
    flat = cv2.warpAffine(image, turn, whole, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8)
