"""Parts of a plane that are looked at: cut out with some ground, told apart from others, put back into the whole."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import cv2
import numpy as np

from tasks.deidentify.pixels.layout import Array
from tasks.deidentify.pixels.place import Place
from tasks.deidentify.pixels.strokes import Image
from tasks.deidentify.pixels.texts import Text

GROUND = 8  # pixels around a place
_NEAR = 24  # pixels around a box in which something may be left
_AROUND = 0.25  # heights of a line over and under its letters


def with_ground(values: Array, place: Place) -> Array:
    """A place with `GROUND` pixels more on each side: at the image's border plain ones, so that letters end there."""
    rows, columns = values.shape
    part = values[
        max(0, place.top - GROUND) : place.bottom + GROUND, max(0, place.left - GROUND) : place.right + GROUND
    ]
    lacking = tuple(
        max(0, GROUND - room) for room in (place.top, rows - place.bottom, place.left, columns - place.right)
    )
    edges = (part[0], part[-1], part[:, 0], part[:, -1])
    for side, (lack, edge) in enumerate(zip(lacking, edges, strict=True)):
        if lack:
            top, bottom, left, right = (lack if at == side else 0 for at in range(4))
            ground = float(np.median(edge))
            part = cv2.copyMakeBorder(part, top, bottom, left, right, cv2.BORDER_CONSTANT, value=ground)
    return part


def around(boxes: Sequence[Place], level: int, shape: tuple[int, ...]) -> Image:
    """1 in the boxes and around them, else 0."""
    near = np.zeros(shape, np.uint8)
    for box in boxes:
        top, left = (max(0, side // level - _NEAR) for side in (box.top, box.left))
        near[top : box.bottom // level + _NEAR, left : box.right // level + _NEAR] = 1
    return near


def inked(strokes: Image, place: Place) -> Place:
    """The part of a place that has strokes, with a little ground."""
    rows, columns = (
        np.flatnonzero(strokes[place.top : place.bottom, place.left : place.right].any(axis)) for axis in (1, 0)
    )
    return Place(
        max(place.top, place.top + int(rows[0]) - GROUND),
        max(place.left, place.left + int(columns[0]) - GROUND),
        min(place.bottom, place.top + int(rows[-1]) + 1 + GROUND),
        min(place.right, place.left + int(columns[-1]) + 1 + GROUND),
    )


def key_of(part: Array, *how: object) -> bytes:
    """Tells parts that look alike, and how they are looked at, from others."""
    told = hashlib.blake2b(repr((part.shape, part.dtype.str, how)).encode(), digest_size=16)
    told.update(np.ascontiguousarray(part).data)
    return told.digest()


def core_of(text: Text) -> Place:
    """A line's box without the ground over and under its letters; not shorter, since its ends are letters."""
    top, left, bottom, right = text.line.box
    ground = _AROUND * text.line.height
    if right - left >= bottom - top:
        return Place(int(top + ground), int(left), int(bottom - ground), int(right))
    return Place(int(top), int(left + ground), int(bottom), int(right - ground))


def scaled(place: Place, level: int) -> Place:
    """A place of a plane that is `level` times as small, in the whole plane."""
    return Place(place.top * level, place.left * level, place.bottom * level, place.right * level)
