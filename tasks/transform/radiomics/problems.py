"""Why features are missing: codes with a sentence, kept in the row of the ROI. They hold no value of the source."""

from __future__ import annotations

from tasks.core.sentences import Sentence


class Problem(Sentence):
    """A reason why features of an ROI, or some of them, could not be made: `Problem.EMPTY.sentence`."""

    EMPTY = ("roi-empty", "no voxel of the volume lies in the ROI; its findings say why")
    LOST = ("roi-lost-in-interpolation", "the ROI is smaller than half a voxel of the interpolated grid")
    RESEGMENTED = ("resegmented-away", "no voxel of the ROI has an intensity in the range that was asked for")
    NOT_FINITE = ("not-finite", "voxels of the ROI without a number, which were left out")
    ONE_LEVEL = (
        "one-grey-level",
        "all intensities of the ROI are the same, so there is no histogram or texture of them",
    )
    TOO_SMALL = ("too-small", "the ROI has fewer voxels or slices than the family of features needs")
    SMALL_SLICES = ("small-slices", "slices with fewer than 3 x 3 voxels, which textures by slice leave out")
    TOO_MANY_LEVELS = ("too-many-levels", "more grey levels than memory allows: take FBN or a larger width")
    OVERSIZED = ("oversized", "interpolation would make more voxels than radiomics.max_voxels allows")
    TOO_LARGE = (
        "roi-too-large",
        "the ROI has more voxels than radiomics.max_region_voxels: interpolate to larger ones, or raise it",
    )
    UNDEFINED = ("undefined", "the feature is not defined for this ROI, such as a ratio to a mean of zero")
    FAILED = ("failed", "the family of features could not be calculated")
