"""Text in one frame: each place where strokes are is looked at, what reads as text is kept, and boxes are made whole.

What a box says decides in tokens.py whether it may stay. Import this late: it loads the networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from tasks.deidentify.pixels import slices
from tasks.deidentify.pixels.grow import grown
from tasks.deidentify.pixels.lines import Line, find_lines
from tasks.deidentify.pixels.ocr import Reading
from tasks.deidentify.pixels.strokes import Image, Place, find_places, find_strokes
from tasks.deidentify.pixels.views import Array, Plane, Range, local_contrast, view

_LARGEST = 224  # pixels to a side of a place; tripled it is what the detector gets at once
_LEVELS = (1, 4, 16)  # letters of 8 to 32 px, and those that are so many times larger
_SMALLEST = 24  # pixels to a side: less holds no text
_SCALE, _QUICK_SCALE = 3, 2
_STEPS = 12, 24  # for contrasts of 40 grey levels in the widest range, and of 80 in the others
_LOWEST, _HIGHEST_SHAPE, _HUGE = 5, 24, 40  # pixels that a line is high


@dataclass(frozen=True, repr=False)
class Found:
    """A box with text, in pixels of the frame, ends excluded. May name a patient, so its repr is silent."""

    place: Place
    height: float
    reading: Reading
    line_shaped: bool = False


def find_text(planes: Sequence[Plane], *, thorough: bool = True) -> list[Found]:
    """The text of one frame. Not `thorough` is three times as fast and misses some small letters in clutter."""
    found: list[Found] = []
    for plane in planes:
        for level in _LEVELS:
            if level > 1 and min(plane.values.shape) / level < _SMALLEST * 4:
                break
            found += _at_level(_reduced(plane, level), level, thorough)
    return found


def busy(planes: Sequence[Plane]) -> bool:
    """Whether there is anything in a frame that could be letters; takes milliseconds."""
    return any(_strokes(_reduced(plane, level)).any() for plane in planes for level in _LEVELS[:2])


def _at_level(plane: Plane, level: int, thorough: bool) -> list[Found]:
    if min(plane.values.shape) < _SMALLEST // 2:
        return []
    found = []
    for place in find_places(_strokes(plane), _LARGEST):
        part = plane.values[place.top : place.bottom, place.left : place.right]
        lines = [line for image, scale in _images(part, plane.ranges, thorough) for line in _scaled(image, scale)]
        texts = [line for line in lines if is_text(line)]
        found += [_in_frame(line, part, place, level) for line in texts]
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


def _strokes(plane: Plane) -> Image:
    strokes = np.zeros(plane.values.shape, np.uint8)
    for number, shown in enumerate(plane.ranges):
        image, step = view(plane.values, shown), _STEPS[min(number, 1)]
        strokes |= find_strokes(image, step)
        half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # letters of 16 px and more
        strokes |= cv2.resize(find_strokes(half, step), image.shape[::-1], interpolation=cv2.INTER_NEAREST)
    if plane.only is not None:
        strokes &= plane.only
    return strokes


def _images(part: Array, ranges: tuple[Range, ...], thorough: bool) -> Iterator[tuple[Image, float]]:
    """What the detector is shown of a place, and how many times it is enlarged."""
    shown = min(ranges, key=lambda one: one[1] - one[0])
    even = 255 - local_contrast(part, shown)  # the detector knows dark letters better
    scale = _SCALE if thorough else _QUICK_SCALE
    yield _enlarged(even, scale), scale
    if thorough:
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
