"""Geometry of a series: where each slice lies along the normal, in what order, how far apart, and how it is called.

Works on `Plane` values alone, so it can be tested without a file. Volumes (gaps, tilt, phases) come with a later issue.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import median

Vector = tuple[float, float, float]

_UNIT_TOLERANCE = 0.01
_SAME_POSITION_MM = 1e-3
_OBLIQUE = math.cos(math.radians(30))
_NAMES = ("sagittal", "coronal", "axial")  # the normal lies along x, y, z of the patient (PS3.3 C.7.6.2.1.1)


@dataclass(frozen=True)
class Plane:
    """One frame of an image: `frame` counts from 1; geometry in mm in patient coordinates, None where unknown."""

    sop: str
    frame: int
    instance_number: int | None = None
    orientation: tuple[float, ...] | None = None
    origin: tuple[float, ...] | None = None

    @property
    def normal(self) -> Vector | None:
        """The unit normal of the plane; None where ImageOrientationPatient isn't two orthogonal unit vectors."""
        return None if self.orientation is None else _normal(self.orientation)

    @property
    def position(self) -> float | None:
        """The distance of the plane's first pixel from the patient's origin along the normal, in mm."""
        normal = self.normal
        if normal is None or self.origin is None:
            return None
        return sum(a * b for a, b in zip(normal, self.origin, strict=True))

    @property
    def name(self) -> str | None:
        """axial, sagittal, coronal; oblique if the normal is more than 30 degrees off the nearest axis."""
        normal = self.normal
        return None if normal is None else _name(normal)


@lru_cache(maxsize=64)  # a series has few orientations, and each of its slices is asked several times
def _normal(orientation: tuple[float, ...]) -> Vector | None:
    row, column = orientation[:3], orientation[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    dot = sum(a * b for a, b in zip(row, column, strict=True))
    if max(abs(length - 1) for length in lengths) > _UNIT_TOLERANCE or abs(dot) > _UNIT_TOLERANCE:
        return None
    x, y, z = (
        row[1] * column[2] - row[2] * column[1],
        row[2] * column[0] - row[0] * column[2],
        row[0] * column[1] - row[1] * column[0],
    )
    length = math.hypot(x, y, z)
    return x / length, y / length, z / length


@lru_cache(maxsize=64)
def _name(normal: Vector) -> str:
    size, axis = max((abs(part), axis) for axis, part in enumerate(normal))
    return _NAMES[axis] if size >= _OBLIQUE else "oblique"


def order_planes(planes: Iterable[Plane]) -> list[Plane]:
    """`planes` in slice order: by orientation, then position along the normal, InstanceNumber, SOPInstanceUID, frame.

    Planes without a position stand behind those with one, by InstanceNumber. Frames at one position stay in time order.
    """
    return sorted(planes, key=_order)


def measure_spacing(planes: Sequence[Plane]) -> float | None:
    """The median distance in mm of neighbouring positions of the most frequent orientation; None for fewer than two."""
    directions = Counter(_direction(plane) for plane in planes if plane.position is not None)
    if not directions:
        return None
    main = min(directions, key=lambda direction: (-directions[direction], direction))
    found = sorted(plane.position for plane in planes if plane.position is not None and _direction(plane) == main)
    gaps = [after - before for before, after in pairwise(found) if after - before > _SAME_POSITION_MM]
    return median(gaps) if gaps else None


def _order(plane: Plane) -> tuple[bool, tuple[float, ...], float, bool, int, str, int]:
    position = plane.position
    return (
        position is None,
        _direction(plane) if position is not None else (),
        round(position / _SAME_POSITION_MM) if position is not None else 0.0,
        plane.instance_number is None,
        plane.instance_number or 0,
        plane.sop,
        plane.frame,
    )


def _direction(plane: Plane) -> tuple[float, ...]:
    """The normal to one decimal: slices of one stack share it, whatever the rounding in their headers."""
    return tuple(round(part, 1) + 0.0 for part in plane.normal or ())
