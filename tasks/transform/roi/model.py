"""What a region of interest is, wherever it came from, and the findings that it may carry.

A finding says what a reader should know before using the region; it never holds a value of the source.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tasks.core.sentences import Sentence
from tasks.transform.roi.grid import Mask


class Finding(Sentence):
    """A finding with its sentence: `Finding.OFF_PLANE.sentence`."""

    EMPTY = ("roi-empty", "no voxel of the volume lies inside")
    NO_GEOMETRY = ("roi-no-geometry", "where it lies in the patient is not said, so it cannot be laid on the volume")
    OTHER_FRAME = ("roi-other-frame", "it belongs to another frame of reference than the volume")
    NOT_CLOSED = ("contours-not-closed", "points or open lines, which enclose nothing")
    BROKEN = ("contours-broken", "contours with fewer than three points, or with what is no number")
    NOT_PARALLEL = ("contours-not-parallel", "contours that do not lie in the plane of the slices")
    OUT_OF_FIELD = ("contours-out-of-field", "contours or frames that lie outside of the volume altogether")
    CUT = ("contours-cut", "contours that leave the field of view; what is outside is lost")
    OFF_PLANE = ("contours-off-plane", "contours between the slices; each slice took the nearest one")
    UNUSED = ("contours-unused", "contours between the slices that no slice took, as another one was nearer")
    GAPS = ("slices-without-contour", "slices between the first and the last one that have no contour")
    REFERENCE_ELSEWHERE = (
        "reference-elsewhere",
        "contours whose reference names another slice than the one they lie on; the position was believed",
    )
    RESAMPLED = ("roi-resampled", "drawn on another grid; laid on this one by the nearest voxel")
    THRESHOLDED = ("roi-thresholded", "fractions, of which half or more counts as inside")
    UNASSIGNED = ("frames-unassigned", "frames of the segmentation that name no segment")
    UNSUPPORTED = ("roi-unsupported", "a kind of segmentation that cannot be read here")


@dataclass(frozen=True, eq=False)
class Roi:
    """One region on the grid of one volume.

    `source` is rtstruct, seg, nifti, brush or volume. `name` may be free text of a person: never log it. `matched` says
    how it was laid on the slices: position, reference, both, grid (same grid) or resampled. `findings` counts what each
    concerns.
    """

    source: str
    number: int
    name: str | None
    matched: str
    mask: Mask
    findings: dict[Finding, int] = field(default_factory=dict)

    @property
    def voxels(self) -> int:
        """How many voxels are inside."""
        return int(np.count_nonzero(self.mask))


def make_roi(source: str, number: int, name: str | None, matched: str, mask: Mask, findings: dict[Finding, int]) -> Roi:
    """A region whose findings are those with a count, sorted, and EMPTY where no voxel is inside."""
    counted = {finding: count for finding, count in sorted(findings.items()) if count}
    if not mask.any():
        counted[Finding.EMPTY] = 1
    return Roi(source, number, name, matched, mask, counted)


def whole_volume(shape: tuple[int, int, int]) -> Roi:
    """The region that is all of a volume."""
    return Roi("volume", 0, None, "grid", np.ones(shape, bool))
