"""Text in one frame: each place where strokes are is looked at, what reads as text is kept, and boxes are made whole.

What is text is decided in lines that were read (texts.py); whether a text may stay, in tokens.py. Import this late: it
loads the networks.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat

import cv2
import numpy as np

from tasks.deidentify.pixels import slices
from tasks.deidentify.pixels.care import Care, affordable, cost
from tasks.deidentify.pixels.cutting import GROUND, around, core_of, inked, key_of, scaled, with_ground
from tasks.deidentify.pixels.effort import Effort
from tasks.deidentify.pixels.grow import grown
from tasks.deidentify.pixels.layout import Array
from tasks.deidentify.pixels.lines import propose, read
from tasks.deidentify.pixels.ocr import Reading
from tasks.deidentify.pixels.place import Place
from tasks.deidentify.pixels.ranges import Range
from tasks.deidentify.pixels.strokes import Image, find_places, find_strokes
from tasks.deidentify.pixels.texts import LOWEST, Text, is_line_shaped, is_text
from tasks.deidentify.pixels.tighten import tightened
from tasks.deidentify.pixels.views import Plane, local_contrast, narrowest, view

_COLOURED = 2  # times that a channel is enlarged: what grey shows was looked at before
_LARGEST = 176  # pixels to a side of a place; tripled it is what the detector takes in 100 MB, and fastest a pixel
_LEVELS = (1, 4, 16)  # letters of 8 to 32 px, and those that are so many times larger
_SMALLEST = 24  # pixels to a side: less holds no text
_STRIP, _OVERLAP = 256, 64  # rows
_INSIDE, _FILLED = 0.7, 0.7
_LOWEST_REDUCED = 12  # pixels that a line is high at other levels than the first, which knows smaller ones better


Seen = MutableMapping[bytes, list[Text]]


@dataclass(frozen=True, repr=False)
class Found:
    """A box with text, in pixels of the frame, ends excluded, and the part of it that the letters surely take.

    May name a patient, so its repr is silent.
    """

    place: Place
    core: Place
    height: float
    reading: Reading
    line_shaped: bool = False


@dataclass(frozen=True, repr=False)
class Search:
    """How one frame is looked at: with what care, at the expense of what, and where.

    `near` are boxes around which it is looked at, and `only` is 1 where it is looked at; None is everywhere. `purse` is
    how much of the effort should be spent on detecting (None: all). `seen` keeps what places were found to say, for
    frames that show the same there.
    """

    care: Care
    effort: Effort
    purse: float | None = None
    near: Sequence[Place] | None = None
    only: Image | None = None
    seen: Seen = field(default_factory=dict)


def find_text(planes: Sequence[Plane], search: Search) -> tuple[list[Found], list[Place]]:
    """The text of one frame; and the places with strokes that nobody looked at, since there are too many."""
    found: list[Found] = []
    unread: list[Place] = []
    purse = search.effort.detecting if search.purse is None else search.purse
    looks = [(plane, level) for plane in planes for level in _levels(plane)]
    for at, (plane, level) in enumerate(looks):
        part = purse * _weight(plane, level) / sum(_weight(*look) for look in looks[at:])
        before = search.effort.detecting
        texts = _at_level(_reduced(plane, level), level, search, part, unread)
        purse -= before - search.effort.detecting
        texts = [text for text in texts if level == 1 or not _is_known(text.place, found)]
        found += [replace(text, place=tightened(text.place, text.core, text.height, plane.values)) for text in texts]
    return found, unread


def _weight(plane: Plane, level: int) -> float:
    """How much there may be to look at: less in reduced planes, and where only some of it is wanted."""
    return (1.0 if plane.only is None else 0.1 + 0.4 * float(plane.only.mean())) * (1.0 if level == 1 else 0.1)


def _is_known(coarse: Place, found: Sequence[Found]) -> bool:
    """Whether texts that were found in more detail fill most of a box, across or down."""
    inside = [text.place for text in found if coarse.common(text.place) >= _INSIDE * text.place.area]
    if coarse.right - coarse.left >= coarse.bottom - coarse.top:
        spans, length = [(place.left, place.right) for place in inside], coarse.right - coarse.left
    else:
        spans, length = [(place.top, place.bottom) for place in inside], coarse.bottom - coarse.top
    covered = {at for start, end in spans for at in range(start, end)}
    return len(covered) >= _FILLED * length


def _levels(plane: Plane) -> list[int]:
    least = min(plane.values.shape)
    return [level for level in _LEVELS if least >= (_SMALLEST if level == 1 else 4 * _SMALLEST * level)]


def _reduced(plane: Plane, level: int) -> Plane:
    if level == 1:
        return plane
    size = (plane.values.shape[1] // level, plane.values.shape[0] // level)
    only = None if plane.only is None else cv2.resize(plane.only, size, interpolation=cv2.INTER_NEAREST)
    return Plane(cv2.resize(plane.values, size, interpolation=cv2.INTER_AREA), plane.ranges, only)


def _at_level(plane: Plane, level: int, search: Search, purse: float, unread: list[Place]) -> list[Found]:
    found = []
    care = (
        search.care
        if plane.only is None
        else replace(search.care, scale=min(search.care.scale, _COLOURED), slices=False)
    )
    strokes = _strokes(plane, care)
    if search.near is not None:
        strokes &= around(search.near, level, strokes.shape)
    if search.only is not None:
        strokes &= cv2.resize(search.only, strokes.shape[::-1], interpolation=cv2.INTER_NEAREST)
    places = find_places(strokes, _LARGEST)
    care = affordable(places, care, purse)
    lowest = LOWEST if level == 1 else _LOWEST_REDUCED
    for place in places:
        part = with_ground(plane.values, place)
        key = key_of(part, plane.ranges, care, lowest)
        if key not in search.seen:
            if cost(place, care) > search.effort.detecting:
                unread.append(scaled(inked(strokes, place), level))
                continue
            search.effort.detecting -= cost(place, care)
            search.seen[key] = _texts(part, plane.ranges, care, lowest, search.effort)
        for text in search.seen[key]:
            moved = replace(text, line=text.line.moved(place.top - GROUND, place.left - GROUND))
            whole, box = grown(moved, plane.values, narrowest(plane.ranges), search.effort)
            core = scaled(core_of(moved), level)
            height = text.line.height * level
            found.append(Found(scaled(box, level), core, height, whole.reading, is_line_shaped(text)))
    return found


def _strokes(plane: Plane, care: Care) -> Image:
    """Where letters could be, strip by strip, so that a large image needs little memory."""
    rows = plane.values.shape[0]
    strokes = np.zeros(plane.values.shape, np.uint8)
    for start in range(0, rows, _STRIP):
        top, bottom = max(0, start - _OVERLAP), min(rows, start + _STRIP + _OVERLAP)
        strip = strokes[start : start + _STRIP]
        for shown, wanted in zip(plane.ranges, chain([care.first], repeat(care.others)), strict=False):
            if not wanted:
                break
            image = view(plane.values[top:bottom], shown)
            half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # letters of 16 px and more
            for one in wanted:
                large = cv2.resize(find_strokes(half, one), image.shape[::-1], interpolation=cv2.INTER_NEAREST)
                strip |= (find_strokes(image, one) | large)[start - top : start - top + len(strip)]
    if plane.only is not None:
        strokes &= plane.only
    return strokes


def _texts(part: Array, ranges: tuple[Range, ...], care: Care, lowest: int, effort: Effort) -> list[Text]:
    """The lines of a place that are text, each read once: what reads well needs no second look."""
    texts: list[Text] = []
    for image, scale in _images(part, ranges, care):
        for line in (line.scaled(1 / scale) for line in propose(image)):
            if line.height >= lowest and not any(text.covers(line) for text in texts):
                readable = effort.reads(line.length, line.height)
                text = Text(line, read(line)) if readable else Text(line, Reading(), unread=True)
                if is_text(text):
                    texts.append(text)
    return [replace(text, line=text.line.without_crop()) for text in texts]


def _images(part: Array, ranges: tuple[Range, ...], care: Care) -> Iterator[tuple[Image, float]]:
    """What the detector is shown of a place, and how many times it is enlarged."""
    even = 255 - local_contrast(part, narrowest(ranges))  # the detector knows dark letters better
    yield cv2.resize(even, None, fx=care.scale, fy=care.scale, interpolation=cv2.INTER_CUBIC), care.scale
    if care.slices:
        for letters in slices.of_one_value(part):
            yield letters, 1
