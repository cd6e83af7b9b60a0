"""Text in one frame: each place where strokes are is looked at, what reads as text is kept, and boxes are made whole.

What a box says decides in tokens.py whether it may stay. Import this late: it loads the networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat

import cv2
import numpy as np

from tasks.deidentify.pixels import slices
from tasks.deidentify.pixels.grow import grown
from tasks.deidentify.pixels.lines import Line, find_lines
from tasks.deidentify.pixels.ocr import Reading
from tasks.deidentify.pixels.place import Place
from tasks.deidentify.pixels.strokes import Image, find_places, find_strokes
from tasks.deidentify.pixels.views import Array, Plane, Range, local_contrast, view

_LARGEST = 160  # pixels to a side of a place; tripled it is what the detector takes in 70 MB, and fastest a pixel
_LEVELS = (1, 4, 16)  # letters of 8 to 32 px, and those that are so many times larger
_SMALLEST = 24  # pixels to a side: less holds no text
_STEP = 24  # in the narrower ranges: for contrasts of 80 grey levels
_STRIP, _OVERLAP = 256, 64  # rows
_LOWEST, _HIGHEST_SHAPE, _HUGE = 5, 24, 40  # pixels that a line is high


@dataclass(frozen=True)
class Care:
    """How carefully a frame is looked at: from which step between pixels on, how much enlarged, by one value too."""

    step: int
    scale: int
    slices: bool


THOROUGH = Care(step=12, scale=3, slices=True)  # letters of 8 px from a contrast of 40
QUICK = Care(step=12, scale=2, slices=False)  # a third of the time; some small letters in clutter are missed
COARSE = Care(step=24, scale=2, slices=False)  # for what is clean by its header: a contrast of 80


@dataclass(frozen=True, repr=False)
class Found:
    """A box with text, in pixels of the frame, ends excluded. May name a patient, so its repr is silent."""

    place: Place
    height: float
    reading: Reading
    line_shaped: bool = False


def find_text(planes: Sequence[Plane], care: Care = THOROUGH) -> list[Found]:
    """The text of one frame."""
    return [
        found
        for plane in planes
        for level in _levels(plane)
        for found in _at_level(_reduced(plane, level), level, care)
    ]


def _levels(plane: Plane) -> list[int]:
    return [
        level for level in _LEVELS if min(plane.values.shape) / level >= (_SMALLEST * 4 if level > 1 else _SMALLEST)
    ]


def _at_level(plane: Plane, level: int, care: Care) -> list[Found]:
    found = []
    for place in find_places(_strokes(plane, care), _LARGEST):
        part = plane.values[place.top : place.bottom, place.left : place.right]
        lines = [line for image, scale in _images(part, plane.ranges, care) for line in _scaled(image, scale)]
        found += [_in_frame(line, part, place, level) for line in lines if is_text(line)]
    return found


def is_text(line: Line) -> bool:
    """Whether a proposed line is text: it reads well, or it has the shape of a line of small letters."""
    letters = "".join(character for character in line.reading.text if character.isalnum())
    score, count = line.reading.score, len(letters)
    varied = len(set(letters.upper().replace("O", "0"))) > 1 or count > 4  # rows of round things read as 000
    if varied and line.height >= _LOWEST:
        huge = line.height > _HUGE
        if count >= 3 and score >= (0.7 if huge else 0.5):
            return True
        if count == 2 and score >= 0.8 and not huge:
            return True
        if count >= 4 and score >= 0.45 and line.likelihood >= 0.9 and line.length >= 2.5 * line.height and not huge:
            return True
    return is_line_shaped(line)


def is_line_shaped(line: Line) -> bool:
    """Whether the detector is sure of a long line of small letters, whatever they say; no anatomy looks so."""
    long = line.length >= 4 * line.height and _LOWEST <= line.height <= _HIGHEST_SHAPE
    return long and line.likelihood >= 0.9 and len(line.reading.text) > 1


def _strokes(plane: Plane, care: Care) -> Image:
    """Where letters could be, strip by strip, so that a large image needs little memory."""
    rows = plane.values.shape[0]
    strokes = np.zeros(plane.values.shape, np.uint8)
    for start in range(0, rows, _STRIP):
        top, bottom = max(0, start - _OVERLAP), min(rows, start + _STRIP + _OVERLAP)
        strip = strokes[start : start + _STRIP]
        for shown, step in zip(plane.ranges, chain([care.step], repeat(_STEP)), strict=False):
            image = view(plane.values[top:bottom], shown)
            half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # letters of 16 px and more
            large = cv2.resize(find_strokes(half, step), image.shape[::-1], interpolation=cv2.INTER_NEAREST)
            strip |= (find_strokes(image, step) | large)[start - top : start - top + len(strip)]
    if plane.only is not None:
        strokes &= plane.only
    return strokes


def _images(part: Array, ranges: tuple[Range, ...], care: Care) -> Iterator[tuple[Image, float]]:
    """What the detector is shown of a place, and how many times it is enlarged."""
    shown = min(ranges, key=lambda one: one[1] - one[0])
    even = 255 - local_contrast(part, shown)  # the detector knows dark letters better
    yield _enlarged(even, care.scale), care.scale
    if care.slices:
        for letters in slices.of_one_value(part):
            yield letters, 1


def _scaled(image: Image, scale: float) -> list[Line]:
    """The lines of an enlarged image, in pixels of the original."""
    return [
        replace(
            line,
            box=tuple(side / scale for side in line.box),
            length=line.length / scale,
            height=line.height / scale,
        )
        for line in find_lines(image)
    ]


def _in_frame(line: Line, part: Array, place: Place, level: int) -> Found:
    top, left, bottom, right = grown(line, part)
    rows, columns = part.shape
    box = Place(
        (max(0, top) + place.top) * level,
        (max(0, left) + place.left) * level,
        (min(rows, bottom) + place.top) * level,
        (min(columns, right) + place.left) * level,
    )
    return Found(box, line.height * level, line.reading, is_line_shaped(line))


def _reduced(plane: Plane, level: int) -> Plane:
    if level == 1:
        return plane
    size = (max(1, plane.values.shape[1] // level), max(1, plane.values.shape[0] // level))
    only = None if plane.only is None else cv2.resize(plane.only, size, interpolation=cv2.INTER_NEAREST)
    return Plane(cv2.resize(plane.values, size, interpolation=cv2.INTER_AREA), plane.ranges, only)


def _enlarged(image: Image, scale: int) -> Image:
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
