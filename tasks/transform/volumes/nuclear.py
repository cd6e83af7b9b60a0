"""Nuclear medicine (NM Image, PS3.3 A.5): a frame's place is told by vectors, not by functional groups.

Reconstructions get the position of each frame from SliceVector, the detector's geometry and SpacingBetweenSlices, whose
sign is the direction of stacking (C.8.4.15). Everything else is a projection or a planar image, and no volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset

from tasks.transform.headers import items, number, numbers, text, uid
from tasks.transform.volumes.geometry import make_axes

if TYPE_CHECKING:
    from tasks.transform.volumes.slices import Slice

_NM = frozenset({"1.2.840.10008.5.1.4.1.1.20", "1.2.840.10008.5.1.4.1.1.5"})
_APART = ("RRIntervalVector", "TimeSlotVector", "EnergyWindowVector", "PhaseVector", "TimeSliceVector")


def is_nuclear(ds: Dataset) -> bool:
    """Whether `ds` is an NM Image, of today's or the retired class."""
    return uid(ds, "SOPClassUID") in _NM


def place_frames(ds: Dataset, frames: Sequence[Slice]) -> list[Slice]:
    """The frames of an NM Image with their positions, or marked as projections.

    A reconstruction whose header lacks a vector or the geometry keeps frames without a position, which is a finding.
    """
    if not _is_reconstruction(frames[0]):
        return [replace(one, projection=True) for one in frames]
    detector = next(iter(items(ds, "DetectorInformationSequence")), ds)
    orientation = _six(detector) or frames[0].plane.orientation
    origin = numbers(detector, "ImagePositionPatient") or frames[0].plane.origin or ()
    axes = make_axes(orientation) if orientation else None
    step, places = number(ds, "SpacingBetweenSlices"), _places(ds, len(frames))
    apart = [values for name in _APART if len(values := numbers(ds, name)) == len(frames)]
    placed = []
    for index, one in enumerate(frames):
        plane = replace(one.plane, orientation=orientation, origin=None)
        if axes is not None and len(origin) == 3 and places is not None and (step or max(places) == 1):
            shift = axes.normal * (step or 0.0) * (places[index] - 1)
            plane = replace(plane, origin=tuple(float(part) for part in np.array(origin) + shift))
        dimension = tuple(values[index] for values in apart) or None
        placed.append(replace(one, plane=plane, dimension=dimension))
    return placed


def _is_reconstruction(one: Slice) -> bool:
    """Value 3 of ImageType says what frames are: RECON TOMO and RECON GATED TOMO are slices (C.8.4.9.1.1.3)."""
    parts = (one.image_type or "").split("\\")
    return len(parts) > 2 and parts[2].strip().startswith("RECON")


def _six(detector: Dataset) -> tuple[float, ...] | None:
    found = numbers(detector, "ImageOrientationPatient")
    return found if len(found) == 6 else None


def _places(ds: Dataset, frames: int) -> list[int] | None:
    """The slice of each frame, from 1: by SliceVector; without one where there is a frame for each slice."""
    told = numbers(ds, "SliceVector")
    if len(told) == frames:
        return [int(place) for place in told]
    plain = text(ds, "SliceVector") is None and number(ds, "NumberOfSlices") == frames
    return list(range(1, frames + 1)) if plain else None
