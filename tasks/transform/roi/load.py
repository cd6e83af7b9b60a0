"""A file of regions, whatever its kind, to regions on the grid of a volume; and to which volume it belongs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset, dcmread

from tasks.core.errors import ConfigurationError, UnitError
from tasks.transform.headers import uid
from tasks.transform.roi.brush import read_brush
from tasks.transform.roi.grid import Grid
from tasks.transform.roi.model import Roi
from tasks.transform.roi.nifti import read_nifti
from tasks.transform.roi.rtstruct import RTSTRUCT_CLASS, read_rtstruct, referenced_uids
from tasks.transform.roi.seg import SEG_CLASSES, read_seg

_NIFTI = (".nii", ".nii.gz", ".hdr", ".img")

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Target:
    """What regions are laid on: a grid, which slice each SOPInstanceUID is, and the UIDs of series and frame."""

    grid: Grid
    slices: dict[str, int]
    series: str
    frame_of_reference: str | None


@dataclass(frozen=True, eq=False)
class Source:
    """A file of regions, opened once: an object of DICOM with all that it refers to, or a path of another kind."""

    path: Path
    kind: str
    ds: Dataset | None = None
    references: frozenset[str] = frozenset()


def open_source(path: Path) -> Source:
    """Find out what a file is: rtstruct, seg, nifti or brush; `ConfigurationError` for anything else."""
    if not path.is_file():
        raise ConfigurationError("--roi names no file: give an RTSTRUCT, a SEG, a NIfTI mask or a Label Studio export")
    if path.name.lower().endswith(_NIFTI):
        return Source(path, "nifti")
    if path.suffix.lower() == ".json":
        return Source(path, "brush")
    try:
        ds = dcmread(path, force=True)
    except Exception as error:  # pydicom raises anything; its text may quote the header
        log.debug("reading regions stopped with %s", type(error).__name__)
        raise ConfigurationError("the file of --roi cannot be read as DICOM, and it is no .nii.gz or .json") from None
    found = source_of(ds, path)
    if found is None:
        raise ConfigurationError("the file of --roi is neither an RTSTRUCT nor a SEG, a .nii.gz or a .json")
    return found


def source_of(ds: Dataset, path: Path) -> Source | None:
    """The source that an instance is, or None for one that is neither an RTSTRUCT nor a SEG."""
    sop_class = uid(ds, "SOPClassUID")
    if sop_class == RTSTRUCT_CLASS:
        return Source(path, "rtstruct", ds, referenced_uids(ds))
    if sop_class in SEG_CLASSES:
        return Source(path, "seg", ds, referenced_uids(ds))
    return None


def belongs(source: Source, target: Target) -> int:
    """How surely a source belongs to a volume: 3 names an instance, 2 the series, 1 the frame of reference, 0 neither.

    NIfTI and brushes name nothing, so 0.
    """
    if not target.slices.keys().isdisjoint(source.references):
        return 3
    if target.series in source.references:
        return 2
    frame = target.frame_of_reference
    own = uid(source.ds, "FrameOfReferenceUID") if source.ds is not None else None
    return int(frame is not None and (frame in source.references or frame == own))


def load_rois(source: Source, target: Target, *, any_frame: bool = False, max_voxels: int = 2**28) -> Iterator[Roi]:
    """Every region of `source` on the grid of `target`, by number, one mask in memory at a time.

    `any_frame` lays a region on the volume even though it belongs to another frame of reference. Raises
    `ConfigurationError` in one line where the file as a whole cannot be used.
    """
    frame = None if any_frame else target.frame_of_reference
    try:
        if source.kind == "rtstruct" and source.ds is not None:
            yield from read_rtstruct(source.ds, target.grid, target.slices, frame)
        elif source.kind == "seg" and source.ds is not None:
            yield from read_seg(source.ds, target.grid, max_voxels, frame)
        elif source.kind == "brush":
            yield from read_brush(source.path, target.grid)
        else:
            yield from read_nifti(source.path, target.grid, max_voxels)
    except UnitError as error:
        raise ConfigurationError(f"the segmentation of --roi cannot be used: {error.reason.sentence}") from None
