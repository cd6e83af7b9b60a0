"""DICOM Segmentation (PS3.3 A.51, and the label map of A.85) to regions, one for each segment.

Reads the functional groups itself: a frame goes to the slice that it lies on, whatever the order of frames and with
empty ones left out; frames on another grid are stacked first and resampled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pydicom import Dataset

from tasks.transform.decode import Array, decode_frames
from tasks.transform.frames import FrameFinder, first_number, first_numbers
from tasks.transform.headers import integer, items, number, text, uid
from tasks.transform.pixels import check_limits, read_pixel_header
from tasks.transform.roi.grid import Floats, Grid, Mask, resample_nearest
from tasks.transform.roi.model import Finding, Roi, make_roi

SEG_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
_ALIGNED = 0.1  # how far from a pixel's centre, in pixels, a frame may lie and still be on the grid
_ON_SLICE = 0.1


@dataclass
class _Segment:
    """Frames of one segment: those on slices of the volume, cut to what is inside, and those on another grid."""

    laid: list[tuple[int, int, int, Mask]]  # slice, row and column of the first pixel, what is inside
    loose: list[tuple[Floats, Mask]]
    found: Counter[Finding]


def read_seg(ds: Dataset, grid: Grid, max_pixels: int, frame_of_reference: str | None = None) -> Iterator[Roi]:
    """The segments of a DICOM SEG on `grid`, by number; raises `UnitError` where its pixels cannot be decoded.

    Fractions of half or more of MaximumFractionalValue are inside, and that is said. A segmentation of another frame of
    reference than the volume's gives empty regions that say so.
    """
    names = {integer(item, "SegmentNumber"): text(item, "SegmentLabel") for item in items(ds, "SegmentSequence")}
    kind = text(ds, "SegmentationType") or "BINARY"
    frame = uid(ds, "FrameOfReferenceUID")
    segments: dict[int, _Segment] = {}

    def segment(number_: int) -> _Segment:
        return segments.setdefault(number_, _Segment([], [], Counter()))

    for known in names:
        if known is not None and not (kind == "LABELMAP" and known == 0):  # 0 is the background
            segment(known)
    refused = _refusal(kind, frame, frame_of_reference)
    if refused is not None:
        for one in segments.values():
            one.found[refused] += 1
    else:
        header = read_pixel_header(ds)
        check_limits(header, max_pixels)
        finder = FrameFinder(ds)
        groups = items(ds, "PerFrameFunctionalGroupsSequence")
        unassigned = 0
        half = (number(ds, "MaximumFractionalValue") or 255.0) / 2
        for index, pixels in enumerate(decode_frames(ds, header)):
            place = _frame_affine(finder, index, grid)
            shown = _split(ds, groups, index, pixels, kind, half)
            unassigned += shown is None
            for number_, inside in shown or []:
                _lay(segment(number_), place, inside, grid)
                if kind == "FRACTIONAL":
                    segments[number_].found[Finding.THRESHOLDED] = 1
        for one in segments.values():
            one.found[Finding.UNASSIGNED] = unassigned
    for number_ in sorted(segments):
        yield _finish(number_, segments.pop(number_), names.get(number_), grid)


def _refusal(kind: str, frame: str | None, wanted: str | None) -> Finding | None:
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
        return Finding.UNSUPPORTED
    return Finding.OTHER_FRAME if frame and wanted and frame != wanted else None


def _split(
    ds: Dataset, groups: list[Dataset], index: int, pixels: Array, kind: str, half: float
) -> list[tuple[int, Mask]] | None:
    """The segments that a frame shows, each with its pixels; None where it does not say."""
    if kind == "LABELMAP":
        return [(int(label), np.asarray(pixels == label)) for label in np.unique(pixels) if label != 0]
    for group in (*groups[index : index + 1], *items(ds, "SharedFunctionalGroupsSequence")[:1]):
        for item in items(group, "SegmentIdentificationSequence")[:1]:
            number_ = integer(item, "ReferencedSegmentNumber")
            if number_ is not None:
                return [(number_, np.asarray(pixels >= half if kind == "FRACTIONAL" else pixels > 0))]
    return None


def _frame_affine(finder: FrameFinder, index: int, grid: Grid) -> Floats | None:
    """From (x, y, 0, 1) of a frame to mm; its third column is the normal in steps of the slice distance."""
    layers = finder.layers(index)
    position = first_numbers(layers, "ImagePositionPatient", 3)
    orientation = first_numbers(layers, "ImageOrientationPatient", 6)
    spacing = first_numbers(layers, "PixelSpacing", 2)
    if position is None or orientation is None or spacing is None or min(spacing) <= 0:
        return None
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    apart = first_number(layers, "SpacingBetweenSlices") or first_number(layers, "SliceThickness") or grid.spacing[2]
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * spacing[1], column * spacing[0]
    affine[:3, 2], affine[:3, 3] = np.cross(row, column) * abs(apart), position
    return affine


def _lay(one: _Segment, place: Floats | None, inside: Mask, grid: Grid) -> None:
    """Keep a frame with the slice that it lies on; else for resampling, or count that it has no place."""
    if place is None:
        one.found[Finding.NO_GEOMETRY] += 1
        return
    step = grid.inverse @ place
    apart = np.abs(step[:3, 3] - np.rint(step[:3, 3]))
    rows, columns = inside.shape
    skewed = np.abs(step[:3, :2] - np.eye(3)[:, :2]) @ np.array([columns, rows])
    if skewed.max() > _ALIGNED or apart[:2].max() > _ALIGNED or apart[2] > _ON_SLICE:
        one.loose.append((place, inside))
        return
    if not inside.any():
        return
    x, y, z = (int(part) for part in np.rint(step[:3, 3]))
    height, width = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, left = y + int(height[0]), x + int(width[0])
    bottom, right = y + int(height[-1]) + 1, x + int(width[-1]) + 1
    cut_top, cut_bottom = max(0, top), min(grid.shape[1], bottom)
    cut_left, cut_right = max(0, left), min(grid.shape[2], right)
    if not 0 <= z < grid.shape[0] or cut_top >= cut_bottom or cut_left >= cut_right:
        one.found[Finding.OUT_OF_FIELD] += 1
        return
    one.found[Finding.CUT] += int((cut_top, cut_left, cut_bottom, cut_right) != (top, left, bottom, right))
    one.laid.append((z, cut_top, cut_left, inside[cut_top - y : cut_bottom - y, cut_left - x : cut_right - x].copy()))


def _finish(number_: int, one: _Segment, name: str | None, grid: Grid) -> Roi:
    mask = np.zeros(grid.shape, bool)
    for z, y, x, inside in one.laid:
        mask[z, y : y + inside.shape[0], x : x + inside.shape[1]] |= inside
    if one.loose:
        stack = _stack(one.loose)
        if stack is None:
            one.found[Finding.NOT_PARALLEL] += len(one.loose)
        else:
            one.found[Finding.RESAMPLED] = len(one.loose)
            mask |= resample_nearest(*stack, grid)
    matched = "both" if one.loose and one.laid else "resampled" if one.loose else "position" if one.laid else "none"
    return make_roi("seg", number_, name, matched, mask, dict(one.found))


def _stack(frames: list[tuple[Floats, Mask]]) -> tuple[Mask, Grid] | None:
    """Frames of one orientation as a grid of their own, frames that were left out being empty; else None."""
    first = frames[0][0]
    normal = first[:3, 2] / np.linalg.norm(first[:3, 2])
    if any(np.abs(place[:3, :3] - first[:3, :3]).max() > 1e-3 for place, _ in frames) or any(
        inside.shape != frames[0][1].shape for _, inside in frames
    ):
        return None
    depths = [float(normal @ place[:3, 3]) for place, _ in frames]
    gaps = [after - before for before, after in pairwise(sorted(set(depths))) if after - before > 1e-3]
    apart = min([*gaps, float(np.linalg.norm(first[:3, 2]))])
    lowest = min(range(len(frames)), key=depths.__getitem__)
    index = [round((depth - depths[lowest]) / apart) for depth in depths]
    values = np.zeros((max(index) + 1, *frames[0][1].shape), bool)
    for place, (_, inside) in zip(index, frames, strict=True):
        values[place] |= inside
    affine = frames[lowest][0].copy()
    affine[:3, 2] = normal * apart
    return values, Grid((values.shape[0], values.shape[1], values.shape[2]), affine)
