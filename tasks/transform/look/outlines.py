"""Which slices of a volume are shown, and the masks of regions on them. One region is in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from tasks.transform.roi.grid import Mask
from tasks.transform.roi.model import Roi
from tasks.transform.volumes.series import Candidate

MOST = 24
"""Regions that a sheet shows of a volume; of more, only how many there are is said."""


@dataclass
class Laid:
    """Masks by slice (index in the group) and region, and the legend of the regions: number on the sheet → words."""

    masks: dict[int, dict[int, Mask]] = field(default_factory=dict)
    legend: dict[int, str] = field(default_factory=dict)
    largest: dict[int, int] = field(default_factory=dict)
    more: int = 0

    def choose(self, total: int, count: int) -> list[int]:
        """At most `count` of `total` slices, evenly spaced; the nearest gives way to where a region is largest."""
        chosen = choose_evenly(total, count)
        kept: set[int] = set()
        for index in sorted(set(self.largest.values()))[:count]:
            if index not in chosen:
                free = [place for place, other in enumerate(chosen) if other not in kept]
                if not free:
                    break
                chosen[min(free, key=lambda place: abs(chosen[place] - index))] = index
            kept.add(index)
        return sorted(chosen)


def choose_evenly(total: int, count: int) -> list[int]:
    """Indices of at most `count` of `total` slices: the middles of as many equal parts."""
    if total <= count:
        return list(range(total))
    return [int((index + 0.5) * total / count) for index in range(count)]


def lay(rois: Iterable[Roi], candidate: Candidate, count: int) -> Laid:
    """Lay `rois` on the slices of `candidate` that are shown if at most `count` are.

    Regions are numbered from 1 in their order, since names may name a person; the legend gives their own number, their
    size and what was found about them.
    """
    laid, places = Laid(), depths(candidate)
    even = set(choose_evenly(len(candidate.slices), count))
    for number, roi in enumerate(rois, start=1):
        if number > MOST:
            laid.more += 1
            continue
        areas = np.count_nonzero(roi.mask, axis=(1, 2))
        voxels = int(areas.sum())
        found = "".join(f", {finding.value}" for finding in roi.findings)
        laid.legend[number] = f"region {roi.number}: {_size(voxels, candidate)}{found}"
        if not voxels:
            continue
        peak = max(places, key=lambda index: (areas[places[index]], -index), default=None)
        shown = even | ({peak} if peak is not None else set())
        if peak is not None and areas[places[peak]]:
            laid.largest[number] = peak
        for index in sorted(shown & places.keys()):
            if areas[places[index]]:
                laid.masks.setdefault(index, {})[number] = roi.mask[places[index]].copy()
    return laid


def depths(candidate: Candidate) -> dict[int, int]:
    """The index in the volume of each slice of the group that is in it as it is."""
    if candidate.grid is None:
        return {}
    return {lower: index for index, (lower, _, share) in enumerate(candidate.grid.sources) if share == 0.0}


def _size(voxels: int, candidate: Candidate) -> str:
    """Voxels in millilitres."""
    if candidate.grid is None or not voxels:
        return f"{voxels} voxels"
    millilitres = voxels * float(np.prod(candidate.grid.spacing)) / 1000.0
    return f"{millilitres:.3g} ml"
