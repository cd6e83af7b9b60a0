"""Text as machines burn it into pixels: of a size, a contrast and a font, at a place where it can be read.

`size` is the font's size in pixels (the em; capitals are about 0.7 of it), `contrast` the difference between the
letters and the mean of what is under them, in grey levels of 255.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Picture = npt.NDArray[np.float32]
FONTS = ("DejaVuSans", "DejaVuSansMono", "DejaVuSans-Bold", "default", "DejaVuSerif", "hershey")
SMALL_FONTS = ("DejaVuSans", "DejaVuSansMono", "DejaVuSans-Bold", "default")
_TRIES = 60
_PLATE = 0.04


@dataclass(frozen=True)
class Letters:
    """One burned-in text and where its box starts. `plate` is a plain ground behind it, as labels have it."""

    text: str
    size: int
    contrast: int
    font: str
    row: int
    column: int
    dark: bool = False
    plate: bool = False

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, bottom, right of the ink, with the plate."""
        rows, columns = glyphs(self.text, self.size, self.font).shape
        grow = max(2, self.size // 4) if self.plate else 0
        return self.row - grow, self.column - grow, self.row + rows + grow, self.column + columns + grow


@lru_cache(maxsize=512)
def glyphs(text: str, size: int, font: str) -> Picture:
    """How much of each pixel the letters cover, 0 to 1, cut to the ink."""
    if font == "hershey":
        return _cut(_hershey(text, size))
    face = _face(font, size)
    left, top, right, bottom = face.getbbox(text)
    picture = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(picture).text((2 - left, 2 - top), text, fill=255, font=face)
    return _cut(np.asarray(picture, np.float32) / np.float32(255))


@lru_cache(maxsize=512)
def characters(text: str, size: int, font: str) -> tuple[tuple[int, int], ...]:
    """The columns (from, to) of each blank-separated run of ink: about one a character."""
    ink = glyphs(text, size, font).max(axis=0) > 0.25
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ink, [False]]).astype(np.int8)))
    return tuple((int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True))


def place(
    rng: np.random.Generator, picture: Picture, wanted: tuple[Sequence[str], int, int, str], taken: Sequence[Letters]
) -> Letters | None:
    """Find a place for one of the texts of `wanted` (texts, size, contrast, font); None where none of them fits."""
    texts, size, contrast, font = wanted
    rows, columns = picture.shape
    for text in texts:
        height, width = glyphs(text, size, font).shape
        grow = max(2, size // 4)
        if width + 2 * grow + 4 > columns or height + 2 * grow + 4 > rows:
            continue
        best: tuple[float, Letters] | None = None
        for _ in range(_TRIES):
            row = int(rng.integers(grow + 1, rows - height - grow))
            column = int(rng.integers(grow + 1, columns - width - grow))
            letters = Letters(text, size, contrast, font, row, column)
            if any(_touch(letters, other) for other in taken):
                continue
            ground = picture[row : row + height, column : column + width]
            mean, spread = float(ground.mean()), float(ground.std())
            dark = mean + contrast / 255 > 1
            plate = spread > 0.3 * contrast / 255 or (dark and mean - contrast / 255 < 0)
            score = spread + 10 * plate
            if best is None or score < best[0]:
                best = score, Letters(text, size, contrast, font, row, column, dark and not plate, plate)
        if best is not None:
            return best[1]
    return None


def burn(picture: Picture, letters: Letters) -> None:
    """Draw the letters into a picture (rows, columns), in place."""
    cover = glyphs(letters.text, letters.size, letters.font)
    if letters.plate:
        top, left, bottom, right = letters.box
        picture[max(top, 0) : bottom, max(left, 0) : right] = _PLATE
    area = picture[letters.row : letters.row + cover.shape[0], letters.column : letters.column + cover.shape[1]]
    change = -letters.contrast / 255 if letters.dark else letters.contrast / 255
    value = np.float32(np.clip(float(area.mean()) + change, 0, 1))
    area += cover * (value - area)


def _touch(letters: Letters, other: Letters) -> bool:
    reach = 2 * max(letters.size, other.size) + 8
    top, left, bottom, right = letters.box
    top2, left2, bottom2, right2 = other.box
    return top - reach < bottom2 and top2 - reach < bottom and left - reach < right2 and left2 - reach < right


@lru_cache(maxsize=64)
def _face(font: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if font == "default":
        return ImageFont.load_default(size)
    origin = find_spec("matplotlib")  # found, not imported: that takes a second
    assert origin is not None
    folder = Path(str(origin.origin)).parent / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / f"{font}.ttf"), size)


def _hershey(text: str, size: int) -> Picture:
    scale = size / 30
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    picture = np.zeros((height + below + 8, width + 8), np.uint8)
    cv2.putText(picture, text, (4, height + 4), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, max(1, size // 16), cv2.LINE_AA)
    return np.asarray(picture, np.float32) / np.float32(255)


def _cut(picture: Picture) -> Picture:
    rows, columns = np.flatnonzero(picture.max(axis=1) > 0.02), np.flatnonzero(picture.max(axis=0) > 0.02)
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
