"""Volumes as other rooms get them: an array with its geometry, its instances and what was found about it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.core.settings import TransformSettings
from tasks.transform.volumes.noted import Note, VolumeRefused
from tasks.transform.volumes.series import Candidate, Series, find_series
from tasks.transform.volumes.values import choose_dtype, fill_array, regrid

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Volume:
    """One volume in output units (HU for CT).

    `array` has shape (z, y, x): slices along the normal (row × column), rows, columns; the narrowest whole-number
    dtype that is exact, else float32. `affine` (4 x 4) takes (x, y, z, 1) = (column, row, slice, 1), counted from 0 at
    voxel centres, to mm in LPS (PS3.3 C.7.6.2.1.1). `spacing` is (z, y, x) in mm. `sops` and `frames` (from 1) say
    which instance each slice came from, "" and 0 for one that is interpolated. `findings` holds all that was found,
    with the policy that was followed.
    """

    array: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]
    spacing: tuple[float, float, float]
    sops: tuple[str, ...]
    frames: tuple[int, ...]
    findings: tuple[Note, ...]
    modality: str
    unit: str
    series: str
    series_number: int
    frame_of_reference: str | None
    label: dict[str, str]

    @property
    def axes(self) -> npt.NDArray[np.float64]:
        """Unit vectors as columns (3 x 3): along x (columns), y (rows), z (slices)."""
        return np.asarray(self.affine[:3, :3] / np.array(self.spacing[::-1]))


def load_volumes(
    sources: Path | Sequence[Path], settings: TransformSettings | None = None, *, strict: bool = False
) -> list[Volume]:
    """The volumes in `sources` (files, folders or zips of DICOM), by series and group.

    What a finding refuses is left out with a warning in the log; with `strict` that is an error. Raises
    `VolumeRefused` where nothing is left, `QuarantineUnit` where pixels cannot be decoded, and `ConfigurationError`
    where a source does not exist.
    """
    return list(iterate_volumes(sources, settings, strict=strict))


def iterate_volumes(
    sources: Path | Sequence[Path], settings: TransformSettings | None = None, *, strict: bool = False
) -> Iterator[Volume]:
    """As `load_volumes`, with one volume in memory at a time."""
    chosen = settings or TransformSettings()
    found = find_series([sources] if isinstance(sources, Path) else sources, chosen)
    made, refused = 0, []
    for series in found.series:
        for candidate in series.candidates:
            if candidate.grid is not None:
                made += 1
                yield assemble(series, candidate, chosen)
                continue
            told = [note for note in candidate.notes if note.refuses]
            refused.extend(told)
            log.warning("series %d: no volume (%s)", series.number, ", ".join(note.finding.value for note in told))
            if strict:
                raise VolumeRefused(told)
    if not made:
        raise VolumeRefused(_once(refused))


def assemble(series: Series, candidate: Candidate, settings: TransformSettings) -> Volume:
    """The volume of a candidate that nothing refuses, in memory."""
    grid = candidate.grid
    if grid is None:
        raise VolumeRefused(candidate.notes)
    slices = candidate.slices
    array = fill_array(slices, settings, choose_dtype(slices, grid))
    if grid.resampled:
        array = np.stack(list(regrid(array, grid)))
    own = [slices[lower] if share == 0.0 else None for lower, _, share in grid.sources]
    return Volume(
        array=array,
        affine=grid.affine,
        spacing=grid.spacing,
        sops=tuple(one.plane.sop if one else "" for one in own),
        frames=tuple(one.plane.frame if one else 0 for one in own),
        findings=candidate.notes,
        modality=slices[0].modality,
        unit=slices[0].values.unit,
        series=series.uid,
        series_number=series.number,
        frame_of_reference=slices[0].frame_of_reference,
        label=candidate.label,
    )


def _once(notes: Iterable[Note]) -> list[Note]:
    """Each finding once, in the order that they were met."""
    return list({note.finding: note for note in notes}.values())
