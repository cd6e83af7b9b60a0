"""Which files of regions are laid on which volumes of a source, and what regions can name of a volume.

Stands between volumes/ and roi/, which don't know each other; features and contact sheets use it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tasks.core.errors import ConfigurationError
from tasks.transform.roi.grid import Grid
from tasks.transform.roi.load import Source, Target, belongs
from tasks.transform.volumes.noted import VolumeRefused
from tasks.transform.volumes.series import Candidate, Series


def assign_regions(
    opened: Sequence[Source], usable: Sequence[tuple[Series, Candidate]], *, any_frame: bool = False
) -> list[list[int]]:
    """For each volume the numbers (from 1) of the files that are laid on it: those it is named by most surely.

    Raises `ConfigurationError` where a file names none of several volumes, or another frame of reference unless
    `any_frame`.
    """
    wanted: list[list[int]] = [[] for _ in usable]
    for file, source in enumerate(opened, start=1):
        named = name_volumes(source, usable)
        best = max(named)
        if best == 0 and len(usable) > 1:
            raise ConfigurationError(
                f"--roi number {file} names none of the {len(usable)} volumes of SRC: give the one series that it is of"
            )
        if best == 0 and source.ds is not None and not any_frame:
            raise ConfigurationError(
                f"--roi number {file} belongs to another frame of reference than SRC: give the series that it was "
                "drawn on, or set any_frame_of_reference if you know that they agree"
            )
        for index, sureness in enumerate(named):
            if sureness == best:
                wanted[index].append(file)
    return wanted


def name_volumes(source: Source, usable: Sequence[tuple[Series, Candidate]]) -> list[int]:
    """How surely `source` belongs to each volume (`roi.load.belongs`)."""
    named = []
    for series, candidate in usable:
        target = target_of(series, candidate)
        every = {one.plane.sop: index for index, one in enumerate(candidate.slices)}
        named.append(belongs(source, replace(target, slices=every)))
    return named


def target_of(series: Series, candidate: Candidate) -> Target:
    """What regions are laid on: the grid of a volume that need not be in memory; `VolumeRefused` where there is none.

    Of an instance with several slices (multi-frame, mosaic) no slice is known by its UID.
    """
    grid = candidate.grid
    if grid is None:
        raise VolumeRefused(candidate.notes)
    first = candidate.slices[0]
    own = [candidate.slices[lower].plane.sop if share == 0.0 else "" for lower, _, share in grid.sources]
    frames = Counter(own)
    return Target(
        Grid((len(own), first.rows, first.columns), grid.affine),
        {sop: index for index, sop in enumerate(own) if sop and frames[sop] == 1},
        series.uid,
        first.frame_of_reference,
    )
