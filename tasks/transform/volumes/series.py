"""A source to its series: headers read once, slices split into groups, each judged. No pixels are decoded here."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tasks.core.errors import UnitError
from tasks.core.findings import Finding
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings, VolumeSettings
from tasks.transform.headers import uid
from tasks.transform.volumes.groups import split_series
from tasks.transform.volumes.judge import Grid, judge
from tasks.transform.volumes.noted import Note, noted
from tasks.transform.volumes.slices import Slice, read_slices
from tasks.transform.volumes.sources import digest_of, find_places, read_header

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """A group of slices; `grid` is None where a finding refuses it. `notes` are its own and those of its series."""

    slices: tuple[Slice, ...]
    label: dict[str, str]
    notes: tuple[Note, ...]
    grid: Grid | None


@dataclass(frozen=True)
class Series:
    """One series of a source. `number` counts from 1 in the order of the SeriesInstanceUIDs."""

    number: int
    uid: str
    modality: str
    instances: int
    notes: tuple[Note, ...]
    reasons: dict[Reason, int]
    candidates: tuple[Candidate, ...]


@dataclass
class Found:
    """All series of a source, and how many of its files belong to none, by reason."""

    series: list[Series] = field(default_factory=list)
    outside: Counter[Reason] = field(default_factory=Counter)


@dataclass
class _Heap:
    slices: dict[str, list[Slice]] = field(default_factory=dict)
    reasons: Counter[Reason] = field(default_factory=Counter)
    repeated: int = 0
    collided: int = 0


def find_series(sources: Iterable[Path], settings: TransformSettings) -> Found:
    """Read the headers under `sources` (files, folders, zips) and sort out what volumes they make."""
    heaps: dict[str, _Heap] = defaultdict(_Heap)
    found = Found()
    for place in find_places(sources):
        series = None
        try:
            ds = read_header(place)
            series = uid(ds, "SeriesInstanceUID")
            slices = read_slices(ds, place, settings)
            _add(heaps[slices[0].series], slices)
        except UnitError as error:
            if series is None or error.reason is Reason.NOT_AN_IMAGE:
                found.outside[error.reason] += 1
            else:
                heaps[series].reasons[error.reason] += 1
    for number, (name, heap) in enumerate(sorted(heaps.items()), start=1):
        found.series.append(_sort_out(number, name, heap, settings))
    return found


def _add(heap: _Heap, slices: list[Slice]) -> None:
    """Count an instance once, however often it is there; another file under the same UID is a collision."""
    sop = slices[0].plane.sop
    known = heap.slices.get(sop)
    if known is None:
        heap.slices[sop] = slices
    elif _same(known, slices):
        heap.repeated += 1
    else:
        heap.collided += 1


def _same(known: list[Slice], others: list[Slice]) -> bool:
    """Whether two files with one UID have the same geometry and, decoded or not, the same bytes."""
    if [one.plane for one in known] != [one.plane for one in others]:
        return False
    return digest_of(known[0].place) == digest_of(others[0].place)


def _sort_out(number: int, name: str, heap: _Heap, settings: TransformSettings) -> Series:
    volumes = settings.volumes
    slices = [one for sop in sorted(heap.slices) for one in heap.slices[sop]]
    notes = []
    if heap.collided:
        notes.append(noted(Finding.UID_COLLISION, heap.collided, volumes))
    if heap.repeated:
        notes.append(noted(Finding.REPEATED_INSTANCE, heap.repeated, volumes))
    if heap.reasons:
        notes.append(noted(Finding.UNUSABLE_INSTANCE, heap.reasons.total(), volumes))
    notes, candidates = judge_slices(slices, notes, volumes)
    return Series(
        number=number,
        uid=name,
        modality=slices[0].modality if slices else "OT",
        instances=len(heap.slices) + heap.reasons.total(),
        notes=tuple(notes),
        reasons=dict(sorted(heap.reasons.items())),
        candidates=tuple(candidates),
    )


def judge_slices(
    slices: list[Slice], notes: list[Note], settings: VolumeSettings
) -> tuple[list[Note], list[Candidate]]:
    """What is found about one series, after the `notes` that are known already, and its groups."""
    if not slices:
        return notes, []
    groups, more = split_series(slices, settings)
    notes = [*notes, *more]
    refused = any(note.refuses for note in notes)
    candidates = []
    for group in groups:
        own, grid = judge(group, settings)
        candidates.append(Candidate(tuple(group.slices), group.label, (*notes, *own), None if refused else grid))
    return notes, candidates
