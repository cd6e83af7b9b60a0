"""To one size: non-square pixels are made square first, then the longer side fills the square and the rest is black.

`stretch` fills the square in both directions, whatever the shape. Pixel spacing follows: what was h mm high stays so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from tasks.transform.windows import Image

Spacing = tuple[float, float]


@dataclass(frozen=True)
class Fitted:
    """An image of size x size, and the distance of its rows and of its columns in mm, where the source's is known."""

    image: Image
    spacing: Spacing | None


def fit(
    image: Image, size: int, how: Literal["pad", "stretch"], spacing: Spacing | None, aspect: float | None = None
) -> Fitted:
    """Resize `image`, shape (rows, columns[, 3]), to `size`; `spacing` is (between rows, between columns) in mm.

    `aspect` is the height of a pixel by its width, where no spacing is known (PixelAspectRatio). Reducing averages
    over areas, enlarging is bilinear; both keep [0, 1].
    """
    rows, columns = image.shape[:2]
    if how == "stretch":
        height = width = size
    else:
        tall = rows * (spacing[0] / spacing[1] if spacing else aspect or 1.0)
        scale = size / max(tall, columns)
        height, width = max(1, min(size, round(tall * scale))), max(1, min(size, round(columns * scale)))
    resized = _resize(image, height, width)
    fitted = (rows * spacing[0] / height, columns * spacing[1] / width) if spacing else None
    if (height, width) == (size, size):
        return Fitted(resized, fitted)
    square = np.zeros((size, size, *image.shape[2:]), dtype=np.float32)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = resized
    return Fitted(square, fitted)


def _resize(image: Image, height: int, width: int) -> Image:
    """Reduce first, then enlarge: OpenCV's INTER_AREA is no mean over areas if one direction is enlarged."""
    rows, columns = image.shape[:2]
    small = (min(rows, height), min(columns, width))
    if small != (rows, columns):
        image = np.asarray(cv2.resize(image, small[::-1], interpolation=cv2.INTER_AREA), dtype=np.float32)
    if small != (height, width):
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    return image
