"""A box around a line of text made whole: letters that the detector left out at its ends are taken in.

Strokes that go on at an end may be letters or bone; what reads as more letters is taken in.
"""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from tasks.deidentify.pixels import ocr
from tasks.deidentify.pixels.effort import Effort
from tasks.deidentify.pixels.layout import Array
from tasks.deidentify.pixels.place import Place
from tasks.deidentify.pixels.ranges import Range
from tasks.deidentify.pixels.texts import Text, letters
from tasks.deidentify.pixels.views import local_contrast

_FARTHEST = 4.0  # heights of the line, to either side
_WINDOW = 0.8  # heights: a gap between words
_SHARE = 0.35  # of the strokes that there are inside the box
_UNREAD = 0.5  # heights that are taken in without being read
_GAP = 1.2  # heights between two letters
_HALF = 0.45  # heights from the middle of a letter to its end
_SCORE = 0.6  # of a longer reading
_MARGIN = 0.1  # heights
_LEAST = 2  # pixels
_HEIGHT = 32  # that a line is read in


def grown(text: Text, values: Array, shown: Range, effort: Effort) -> tuple[Text, Place]:
    """The place of a line with what goes on at its ends, within the image that it is in; and what it says then."""
    top, left, bottom, right = text.line.box
    height = text.line.height
    readings = [text.reading]
    if right - left >= bottom - top:
        left, right, reading = _longer(values, (top, left, bottom, right), height, shown, effort)
        readings.append(reading)
    elif right - left < 1.5 * height:  # written upwards or downwards, and no line at an angle
        rows, columns = values.shape
        one = _longer(np.rot90(values, -1), (left, rows - bottom, right, rows - top), height, shown, effort)
        other = _longer(np.rot90(values, 1), (columns - right, top, columns - left, bottom), height, shown, effort)
        top, bottom = min(rows - one[1], other[0]), max(rows - one[0], other[1])
        readings += [one[2], other[2]]
    margin = _LEAST + _MARGIN * height
    rows, columns = values.shape
    place = Place(
        max(0, math.floor(top - margin)),
        max(0, math.floor(left - margin)),
        min(rows, math.ceil(bottom + margin)),
        min(columns, math.ceil(right + margin)),
    )
    return replace(text, reading=max(readings, key=letters)), place


def _longer(
    values: Array, box: tuple[float, float, float, float], height: float, shown: Range, effort: Effort
) -> tuple[float, float, ocr.Reading]:
    """The ends of a line across, farther out where letters go on, and what it then says; nothing where it doesn't."""
    top, left, bottom, right = box
    before, after = _reach(values, box, height)
    if not before and not after:
        return left, right, ocr.Reading()
    over, under = max(0, int(top)), min(values.shape[0], math.ceil(bottom))
    start = max(0, int(left - before - height))  # a letter's height farther, so that no letter is cut
    end = min(values.shape[1], math.ceil(right + after + height))
    reading = ocr.Reading()
    if effort.reads(end - start, under - over):
        line = 255 - local_contrast(np.ascontiguousarray(values[over:under, start:end]), shown)
        scale = _HEIGHT / (under - over)
        reading = ocr.read(cv2.resize(line, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))
    if reading.score < _SCORE:
        return left - min(before, _UNREAD * height), right + min(after, _UNREAD * height), ocr.Reading()
    first, last = _letters(reading, start, end - start, (left, right), height)
    return first, last, reading if (first, last) != (left, right) else ocr.Reading()


def _letters(
    reading: ocr.Reading, start: int, length: int, ends: tuple[float, float], height: float
) -> tuple[float, float]:
    """How far letters go on from the line's ends without a gap."""
    left, right = ends
    places = [
        start + place * length for place, letter in zip(reading.places, reading.text, strict=True) if letter != " "
    ]
    for place in sorted(places):
        if right < place <= right + _GAP * height:
            right = max(right, place + _HALF * height)
    for place in sorted(places, reverse=True):
        if left - _GAP * height <= place < left:
            left = min(left, place - _HALF * height)
    return left, right


def _reach(part: Array, box: tuple[float, float, float, float], height: float) -> tuple[int, int]:
    """How many pixels before and after the box strokes like those in it go on."""
    top, bottom = max(0, int(box[0])), min(part.shape[0], math.ceil(box[2]))
    left, right = max(0, int(box[1])), min(part.shape[1], math.ceil(box[3]))
    if bottom - top < 3 or right - left < 3:
        return 0, 0
    far, window = int(_FARTHEST * height), max(3, int(_WINDOW * height))
    start, end = max(0, left - far), min(part.shape[1], right + far)
    band = np.ascontiguousarray(part[top:bottom, start:end]).astype(np.float32)
    across = _strokes(band, left - start, right - start)
    usual = float(across[left - start : right - start].mean())
    after = _run(across[right - start :], window, usual)
    before = _run(across[: left - start][::-1], window, usual)
    return before, after


def _strokes(band: npt.NDArray[np.float32], left: int, right: int) -> npt.NDArray[np.float32]:
    """How much of each column is stroke, of the kind, bright or dark, that prevails between `left` and `right`."""
    kernel = np.ones((9, 9), np.uint8)
    bright = cv2.morphologyEx(band, cv2.MORPH_TOPHAT, kernel)
    dark = cv2.morphologyEx(band, cv2.MORPH_BLACKHAT, kernel)
    found = bright if bright[:, left:right].mean() >= dark[:, left:right].mean() else dark
    limit = 0.5 * float(np.percentile(found[:, left:right], 90))
    return np.asarray((found > max(limit, 1e-6)).mean(axis=0), np.float32)


def _run(across: npt.NDArray[np.float32], window: int, usual: float) -> int:
    """For how many columns, from the first on, the strokes in the next `window` columns are dense enough."""
    reach = 0
    while reach < len(across) and across[reach : reach + window].mean() >= _SHARE * usual:
        reach += 1
    return min(len(across), reach + (window if reach else 0))
