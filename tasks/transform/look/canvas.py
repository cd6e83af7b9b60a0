"""A dark page to draw on: text in the typeface that Pillow carries, lines, boxes, pictures, and its PNG.

Knows nothing of images or series. The same drawing gives the same bytes: no font of the machine is used, and the PNG
has no metadata.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Picture = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

PAGE: Colour = (17, 19, 23)
PANEL: Colour = (28, 31, 37)
LINE: Colour = (74, 80, 92)
TEXT: Colour = (232, 234, 238)
MUTED: Colour = (152, 159, 171)
WARNING: Colour = (240, 196, 88)
ALARM: Colour = (255, 122, 92)
OUTLINES: tuple[Colour, ...] = (
    (86, 200, 255),
    (255, 176, 0),
    (64, 220, 150),
    (240, 90, 170),
    (248, 236, 90),
    (160, 140, 255),
    (255, 130, 60),
    (200, 200, 200),
)
"""Of regions, by their number on the sheet; told apart by people who are colour-blind, too (after Okabe and Ito)."""


_PLAIN = str.maketrans({"×": "x", "−": "-", "–": "-"})  # which the typeface lacks


class Canvas:
    """A page of `width` x `height` pixels; places are (x, y) from the upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width, height), PAGE)
        self._draw = ImageDraw.Draw(self._image)

    def text(self, place: tuple[float, float], words: str, size: int, colour: Colour = TEXT, anchor: str = "la") -> int:
        """Write one line and return how wide it is; `anchor` as Pillow has it (la: upper left, ra, ma, mm …)."""
        self._draw.text(place, words.translate(_PLAIN), fill=colour, font=_font(size), anchor=anchor)
        return width_of(words, size)

    def box(self, corners: tuple[float, float, float, float], fill: Colour | None, edge: Colour | None = None) -> None:
        """A rectangle (left, top, right, bottom), both ends included."""
        self._draw.rectangle(corners, fill=fill, outline=edge)

    def line(self, points: list[tuple[float, float]], colour: Colour, width: int = 1) -> None:
        """A line through `points`."""
        self._draw.line(points, fill=colour, width=width)

    def dot(self, place: tuple[float, float], radius: float, colour: Colour) -> None:
        """A filled circle."""
        x, y = place
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def paste(self, picture: Picture, left: int, top: int) -> None:
        """A grey (rows, columns) or RGB (rows, columns, 3) picture."""
        self._image.paste(Image.fromarray(picture).convert("RGB"), (left, top))

    def png(self) -> bytes:
        """The page as PNG."""
        return encode(np.asarray(self._image))


def width_of(words: str, size: int) -> int:
    """How many pixels wide `words` are."""
    length: float = _font(size).getlength(words.translate(_PLAIN))
    return round(length)


def wrap(words: str, size: int, width: int) -> list[str]:
    """`words` cut into lines of at most `width` pixels, between words."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_of(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def encode(picture: Picture) -> bytes:
    """A grey or RGB picture as PNG, with a fixed compression and no metadata."""
    turned = np.ascontiguousarray(picture[..., ::-1]) if picture.ndim == 3 else picture
    encoded, content = cv2.imencode(".png", turned, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not encoded:
        raise RuntimeError("the PNG encoder failed")
    return content.tobytes()


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)
