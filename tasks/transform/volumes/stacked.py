"""Volumes of one series that follow each other in time as one 4D NIfTI: the time axis last, its step in pixdim[4]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from tasks.core.errors import ConfigurationError
from tasks.core.files import atomic_path
from tasks.core.settings import TransformSettings
from tasks.transform.steps.chain import chain_for
from tasks.transform.volumes.series import Candidate, Series
from tasks.transform.volumes.slices import Slice
from tasks.transform.volumes.values import choose_dtype
from tasks.transform.volumes.write import Laid, gzip_to, lay, nifti_header

_NO_TIME = frozenset({"volume", "phase"})  # labels that count, and say nothing of what differs
_MOST = 32767


@dataclass(frozen=True)
class Run:
    """Volumes of a series in the order of time; `numbers` from 1 as in `Series.candidates`.

    `times` are seconds since the first one, and `step` their distance; None where the header does not tell.
    """

    numbers: tuple[int, ...]
    candidates: tuple[Candidate, ...]
    times: tuple[float, ...] | None
    step: float | None


def find_runs(series: Series) -> list[Run]:
    """The volumes of `series` that differ in time alone and lie on one grid; what stands alone is a run of one."""
    heaps: list[list[int]] = []
    for index, candidate in enumerate(series.candidates):
        if candidate.grid is None:
            continue
        for heap in heaps:
            if _follows(series.candidates[heap[0]], candidate):
                heap.append(index)
                break
        else:
            heaps.append([index])
    return [_make_run(series, heap) for heap in heaps]


def write_run(target: Path, run: Run, settings: TransformSettings) -> tuple[Laid, int]:
    """Write a run as .nii.gz of shape (x, y, z, t); returns the first volume as it was laid, and their number.

    One plane is in memory at a time. Raises `ConfigurationError` where a step of the chain gives volumes other grids.
    """
    if len(run.candidates) > _MOST:
        raise ConfigurationError("the series has more than 32,767 volumes: convert it without --4d")
    first = lay(target, run.candidates[0], settings)
    every = [one for candidate in run.candidates for one in candidate.slices]
    whole = all(candidate.grid and not candidate.grid.resampled for candidate in run.candidates)
    plain = whole and not chain_for(settings, every[0].modality)
    grid = run.candidates[0].grid
    dtype = choose_dtype(every, grid) if plain and grid is not None else np.dtype(np.float32)
    with atomic_path(target) as draft, gzip_to(draft) as handle:
        handle.write(nifti_header(Laid(first.shape, dtype, first.affine, ()), len(run.candidates), run.step))
        for number, candidate in enumerate(run.candidates):
            laid = first if number == 0 else lay(target, candidate, settings)
            if laid.shape != first.shape or not np.allclose(laid.affine, first.affine, atol=1e-3):
                raise ConfigurationError("the steps give the volumes of a series different grids: leave --4d out")
            for plane in laid.planes:
                handle.write(np.asarray(plane).astype(dtype.newbyteorder("<"), copy=False).tobytes())
    return first, len(run.candidates)


def _follows(one: Candidate, other: Candidate) -> bool:
    """Whether two volumes lie on one grid and nothing but time sets them apart."""
    if one.grid is None or other.grid is None or not _same_place(one, other):
        return False
    labels = [{name: value for name, value in each.label.items() if name not in _NO_TIME} for each in (one, other)]
    ours, theirs = one.slices[0], other.slices[0]
    alike = all(
        getattr(ours, name) == getattr(theirs, name)
        for name in ("image_type", "direction", "b_value", "echo", "modality")
    )
    counted = "phase" in one.label and "phase" in other.label
    return alike and labels[0] == labels[1] and (counted or _moment(ours) != _moment(theirs))


def _same_place(one: Candidate, other: Candidate) -> bool:
    first, second = one.grid, other.grid
    return (
        first is not None
        and second is not None
        and len(first.sources) == len(second.sources)
        and (one.slices[0].rows, one.slices[0].columns) == (other.slices[0].rows, other.slices[0].columns)
        and bool(np.allclose(first.affine, second.affine, atol=1e-3))
    )


def _moment(one: Slice) -> tuple[float | None, float | None, str | None]:
    return one.temporal, one.phase, one.time


def _make_run(series: Series, heap: Sequence[int]) -> Run:
    candidates = tuple(series.candidates[index] for index in heap)
    times = _times(candidates) if len(candidates) > 1 else None
    if times is None:
        known = {one.repetition for candidate in candidates for one in candidate.slices}
        lone = known.pop() if len(known) == 1 else None
        step = lone / 1000.0 if lone and len(candidates) > 1 else None
    else:
        gaps = np.diff(times)
        step = float(np.median(gaps))
        if np.abs(gaps - step).max() > max(0.02 * step, 0.001):
            step = None
    return Run(tuple(index + 1 for index in heap), candidates, times, step)


def _times(candidates: Sequence[Candidate]) -> tuple[float, ...] | None:
    """Seconds from the first volume, by the earliest trigger or reference time of each, else by acquisition times."""
    for read in (_phase, _clock):
        found = [
            [seconds for one in candidate.slices if (seconds := read(one)) is not None] for candidate in candidates
        ]
        if all(found):
            earliest = [min(own) for own in found]
            if all(after > before for before, after in pairwise(earliest)):
                return tuple(round(moment - earliest[0], 6) for moment in earliest)
    return None


def _phase(one: Slice) -> float | None:
    return None if one.phase is None else one.phase / 1000.0


def _clock(one: Slice) -> float | None:
    """Seconds of the day (and month) of HHMMSS.ffffff or YYYYMMDDHHMMSS.ffffff."""
    digits, _, fraction = (one.time or "").partition(".")
    if not digits.isdigit() or len(digits) not in (6, 14) or not (fraction == "" or fraction.isdigit()):
        return None
    clock = digits[-6:]
    day = int(digits[6:8]) * 86400 if len(digits) == 14 else 0
    return day + int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + int(clock[4:]) + float(f"0.{fraction or 0}")
