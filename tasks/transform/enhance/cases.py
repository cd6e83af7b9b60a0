"""What enhancement is judged on: series as pictures in [0, 1], each with its regions of interest.

Regions are RTSTRUCT, SEG or masks that are named, else the RTSTRUCT and SEG that lie in the source itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tasks.core.errors import ConfigurationError, UnitError
from tasks.core.settings import TransformSettings
from tasks.transform.frames import FrameFinder
from tasks.transform.headers import text, uid
from tasks.transform.pixels import read_pixel_header
from tasks.transform.regions import assign_regions, name_volumes, target_of
from tasks.transform.roi.grid import Mask
from tasks.transform.roi.load import Source, load_rois, open_source
from tasks.transform.roi.rtstruct import RTSTRUCT_CLASS, referenced_uids
from tasks.transform.roi.seg import SEG_CLASSES
from tasks.transform.volumes.noted import VolumeRefused
from tasks.transform.volumes.series import Candidate, Series, find_series
from tasks.transform.volumes.sources import Place, find_places, read_header, read_instance
from tasks.transform.volumes.volume import assemble
from tasks.transform.windows import Image, Window, apply_window, find_voi, window_of

_SAMPLE = 2**20


@dataclass(frozen=True, eq=False)
class Case:
    """One series: `pictures` in [0, 1], shape (z, y, x); `spacing` of (rows, columns) in mm; masks by their number.

    `patient` and `series` are numbers within the source, so that a report names nobody. Names of regions stay out.
    """

    patient: int
    series: int
    modality: str
    pictures: Image
    spacing: tuple[float, float]
    regions: tuple[tuple[int, Mask], ...]


@dataclass(frozen=True)
class _Found:
    """A file of regions whose pixels are not read yet."""

    place: Place
    source: Source


def find_cases(sources: Sequence[Path], regions: Sequence[Path], settings: TransformSettings) -> Iterator[Case]:
    """Every usable grey volume under `sources`, one in memory at a time, in the order of the series' numbers.

    A volume is windowed by params.yaml, else by its first header's window, else between its percentiles. Raises
    `VolumeRefused` where there is none, `ConfigurationError` where a file of regions belongs to none.
    """
    found = find_series(sources, settings)
    every = [(series, one) for series in found.series for one in series.candidates]
    usable = [(series, one) for series, one in every if one.grid is not None]
    if not usable:
        raise VolumeRefused(list({note.finding: note for _, one in every for note in one.notes}.values()))
    laid = _named(regions, usable) if regions else _beside(sources, usable)
    patients: dict[str, int] = {}
    for (series, candidate), files in zip(usable, laid, strict=True):
        try:
            first = read_instance(candidate.slices[0].place)
            volume = assemble(series, candidate, settings)
        except UnitError:
            continue  # `inspect` and `convert` tell why
        named = text(first, "PatientID") or series.uid
        patient = patients.setdefault(named, len(patients) + 1)
        header = read_pixel_header(first)
        voi = find_voi(FrameFinder(first).layers(0), volume.modality, settings, header.signed)
        values = volume.array
        if not isinstance(voi, Window):  # a look-up table is for stored values, which a volume no longer has
            step = max(1, values.size // _SAMPLE) | 1
            voi = window_of(values.ravel()[::step].astype(np.float32), settings.percentiles)
        pictures = np.stack([apply_window(plane.astype(np.float32), voi) for plane in values])
        target = target_of(series, candidate)
        masks = [
            (roi.number, roi.mask)
            for file in files
            for roi in load_rois(file, target, max_voxels=settings.volumes.max_voxels)
            if roi.voxels
        ]
        _, rows, columns = volume.spacing
        yield Case(patient, series.number, volume.modality, pictures, (rows, columns), tuple(masks))


def _named(regions: Sequence[Path], usable: Sequence[tuple[Series, Candidate]]) -> list[list[Source]]:
    opened = [open_source(path) for path in regions]
    return [[opened[number - 1] for number in numbers] for numbers in assign_regions(opened, usable)]


def _beside(sources: Sequence[Path], usable: Sequence[tuple[Series, Candidate]]) -> list[list[Source]]:
    """For each volume the RTSTRUCT and SEG of the source that name it most surely; those that name none are left."""
    laid: list[list[Source]] = [[] for _ in usable]
    for found in _find_regions(sources):
        named = name_volumes(found.source, usable)
        best = max(named)
        if best == 0:
            continue
        whole = replace(found.source, ds=read_instance(found.place))
        for index, sureness in enumerate(named):
            if sureness == best:
                laid[index].append(whole)
    return laid


def _find_regions(sources: Sequence[Path]) -> Iterator[_Found]:
    for place in find_places(sources):
        try:
            ds = read_header(place)
        except UnitError:
            continue
        sop_class = uid(ds, "SOPClassUID")
        if sop_class == RTSTRUCT_CLASS or sop_class in SEG_CLASSES:
            kind = "rtstruct" if sop_class == RTSTRUCT_CLASS else "seg"
            yield _Found(place, Source(Path(place.path), kind, ds, referenced_uids(ds)))


def held_out(workspace_root: Path, release: Path, split: str) -> list[Path]:
    """Where the de-identified DICOM of the patients of `split` in `release` lies, in the workspace that it is of."""
    from tasks.core.tables import read_release_table  # pandas takes a second, and a folder of DICOM needs none

    splits = read_release_table(release, "splits")
    patients = sorted(splits.loc[splits["split"] == split, "patient"].dropna().astype(str))
    places = [workspace_root / "data" / "deidentified" / patient for patient in patients]
    present = [place for place in places if place.is_dir()]
    if not present:
        raise ConfigurationError(
            "the de-identified DICOM of this release is not here, which regions need: run `dvc checkout`, or name a "
            "folder of DICOM"
        )
    return present
