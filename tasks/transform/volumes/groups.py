"""A series to groups of slices, each of which is one volume if nothing is wrong with it (judge.py says what is).

First by what no volume can mix: frame of reference, size, spacing, orientation, colour, unit, b-value, echo. Then,
where several slices are at one position, by what tells them apart there: image type, acquisition, time, phase …
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tasks.core.findings import Finding
from tasks.core.settings import VolumeSettings
from tasks.transform.volumes.geometry import Axes, distinct, make_axes, measure_stack
from tasks.transform.volumes.noted import Note, noted
from tasks.transform.volumes.slices import Slice

SAME_DIRECTION = 1e-3
_SAME_SPACING = 1e-4

Key = Callable[[Slice], Hashable]

_HARD: dict[str, Key] = {"b-value": lambda one: one.b_value, "echo": lambda one: one.echo}
_SOFT: dict[str, Key] = {
    "image type": lambda one: one.image_type,
    "acquisition": lambda one: one.acquisition,
    "temporal position": lambda one: one.temporal,
    "direction": lambda one: one.direction,
    "dimension": lambda one: one.dimension,
    "phase": lambda one: one.phase,
    "time": lambda one: one.time,
}
_RANKED = ("temporal position", "phase", "time")


@dataclass
class Group:
    """Slices that could be one volume, in the order of their positions; `label` says what sets them apart."""

    slices: list[Slice]
    axes: Axes | None
    label: dict[str, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def split_series(slices: Sequence[Slice], settings: VolumeSettings) -> tuple[list[Group], list[Note]]:
    """The groups of one series, and what was found about the series as a whole."""
    notes: list[Note] = []
    kept = list(slices)
    localizers = [one for one in kept if one.localizer]
    groups: list[Group] = []
    if localizers:
        note = noted(Finding.LOCALIZER, len(localizers), settings)
        notes.append(note)
        if note.policy != "accept":
            kept = [one for one in kept if not one.localizer]
            refused = Note(Finding.LOCALIZER, len(localizers), "refuse")
            groups.append(Group(localizers, None, {"kind": "localizer"}, [refused]))
    parts = [Group(kept, None)] if kept else []
    for finding, name, key in (
        (Finding.MIXED_FRAME, "frame of reference", lambda one: one.frame_of_reference),
        (Finding.MIXED_SIZE, "size", lambda one: (one.rows, one.columns)),
        (Finding.MIXED_SPACING, "spacing", _near([one.spacing for one in kept], _SAME_SPACING, lambda s: s.spacing)),
        (
            Finding.MIXED_ORIENTATION,
            "orientation",
            _near([one.plane.orientation for one in kept], SAME_DIRECTION, lambda s: s.plane.orientation),
        ),
        (Finding.MIXED_UNITS, "unit", lambda one: one.values.unit),
        (None, "colour", lambda one: one.colour),
    ):
        before = len(parts)
        parts = [piece for part in parts for piece in _split(part, name, key)]
        if finding is not None and len(parts) > before:
            notes.append(noted(finding, len(parts), settings))
    whole = len(parts)
    for name, hard in _HARD.items():
        parts = [piece for part in parts for piece in _split(part, name, hard)]
    parts = [piece for part in parts for piece in _split_positions(part, settings)]
    if len(parts) > max(whole, 1):
        notes.append(noted(Finding.SEVERAL_VOLUMES, len(parts), settings))
    return [*groups, *parts], notes


def _split(group: Group, name: str, key: Key) -> list[Group]:
    """One group for each value of `key`, in the order of the values."""
    found: dict[Hashable, list[Slice]] = defaultdict(list)
    for one in group.slices:
        found[key(one)].append(one)
    if len(found) == 1:
        return [group]
    ordered = sorted(found.items(), key=lambda entry: _sortable(entry[0]))
    return [
        Group(slices, None, group.label | {name: f"{value:g}" if isinstance(value, float) else str(number)})
        for number, (value, slices) in enumerate(ordered, start=1)
    ]


def _split_positions(group: Group, settings: VolumeSettings) -> list[Group]:
    """Slices that share a position are told apart by the header, or by InstanceNumber where params.yaml says so."""
    placed = _place(group)
    if placed is None:
        return [group]
    axes, places = placed
    if max(len(place) for place in places) == 1:
        single = Group([place[0] for place in places], axes, group.label, group.notes)
        return _part_interleaved(single, axes, settings.tolerance)
    keys: dict[str, dict[int, Hashable]] = {}
    for name, key in _SOFT.items():
        if not any(len({key(one) for one in place}) > 1 for place in places):
            continue
        values = _values_of(name, key, places)
        if values is None:
            continue
        trial = keys | {name: values}
        if _cells(places, trial) > _cells(places, keys):
            keys = trial
        if _cells(places, keys) == sum(len(place) for place in places):
            break
    found: dict[tuple[Hashable, ...], list[list[Slice]]] = defaultdict(list)
    for place in places:
        here: dict[tuple[Hashable, ...], list[Slice]] = defaultdict(list)
        for one in place:
            here[tuple(values[id(one)] for values in keys.values())].append(one)
        for cell, slices in here.items():
            found[cell].append(slices)
    groups = []
    for number, cell in enumerate(sorted(found, key=lambda cell: tuple(map(_sortable, cell))), start=1):
        label = group.label | ({"volume": str(number)} if len(found) > 1 else {})
        groups.extend(_rest(found[cell], axes, label, settings))
    _note_incomplete(groups, places, settings)
    return groups


def _part_interleaved(group: Group, axes: Axes, tolerance: float) -> list[Group]:
    """Volumes whose slices lie between each other's, where one key of the header makes all of them regular.

    Volumes that lie behind each other are not parted: that would hide a gap.
    """
    if _is_regular(group.slices, axes, tolerance):
        return [group]
    for key in _SOFT.values():
        parts: dict[Hashable, list[Slice]] = defaultdict(list)
        for one in group.slices:
            parts[key(one)].append(one)
        if not 1 < len(parts) <= len(group.slices) // 2:
            continue
        ends = sorted((_along(part[0], axes), _along(part[-1], axes)) for part in parts.values())
        overlap = all(after[0] < before[1] for before, after in pairwise(ends))
        if overlap and all(_is_regular(part, axes, tolerance) for part in parts.values()):
            ordered = sorted(parts.items(), key=lambda entry: _sortable(entry[0]))
            return [
                Group(part, axes, group.label | {"volume": str(number)})
                for number, (_, part) in enumerate(ordered, start=1)
            ]
    return [group]


def _is_regular(slices: list[Slice], axes: Axes, tolerance: float) -> bool:
    """Whether `slices`, sorted, are equally far apart, with no gap."""
    stack = measure_stack(np.array([one.plane.origin for one in slices], dtype=np.float64), axes, tolerance)
    return len(slices) == 1 or (stack.steps is not None and max(stack.steps) == 1)


def _along(one: Slice, axes: Axes) -> float:
    return float(np.array(one.plane.origin) @ axes.normal)


def _note_incomplete(groups: list[Group], places: list[list[Slice]], settings: VolumeSettings) -> None:
    """A volume that lies at some of the positions of another one only, lacks slices; at both ends that is no gap."""
    where = {id(one): number for number, place in enumerate(places) for one in place}
    covered = [{where[id(one)] for one in group.slices} for group in groups]
    for group, own in zip(groups, covered, strict=True):
        lacking = max(len(other - own) if own < other else 0 for other in covered)
        if lacking:
            group.notes.append(noted(Finding.INCOMPLETE_PHASE, lacking, settings))


def _rest(places: list[list[Slice]], axes: Axes, label: dict[str, str], settings: VolumeSettings) -> list[Group]:
    """What the header could not tell apart: phases without a name, or duplicates."""
    counts = Counter(len(place) for place in places)
    if set(counts) == {1}:
        return [Group([place[0] for place in places], axes, label)]
    if len(counts) == 1 and len(places) > 1:
        note = noted(Finding.TWO_PHASES, next(iter(counts)), settings)
        counted = all(one.temporal_count == note.count for place in places for one in place)
        if counted or note.policy == "split":
            return [
                Group(
                    [place[phase] for place in places],
                    axes,
                    label | {"phase": str(phase + 1)},
                    [] if counted else [note],
                )
                for phase in range(note.count)
            ]
        return [Group([one for place in places for one in place], axes, label, [note])]
    extra = sum(len(place) - 1 for place in places)
    note = noted(Finding.DUPLICATE_POSITION, extra, settings)
    if note.refuses:
        return [Group([one for place in places for one in place], axes, label, [note])]
    return [Group([place[0] for place in places], axes, label, [note])]


def _place(group: Group) -> tuple[Axes, list[list[Slice]]] | None:
    """The axes and the slices by position, those of one position by InstanceNumber; None without full geometry."""
    orientation = group.slices[0].plane.orientation
    axes = make_axes(orientation) if orientation is not None else None
    if axes is None or any(one.plane.origin is None for one in group.slices):
        return None
    positions = np.array([one.plane.origin for one in group.slices], dtype=np.float64) @ axes.normal
    order = np.argsort(positions, kind="stable")
    return axes, [
        sorted((group.slices[order[index]] for index in place), key=_by_number) for place in distinct(positions[order])
    ]


def _values_of(name: str, key: Key, places: list[list[Slice]]) -> dict[int, Hashable] | None:
    """The value of `key` for each slice; its rank at the position where each position has times of its own.

    None where ranks would mean nothing, since positions have different numbers of slices.
    """
    counts = {len(place) for place in places}
    if name in _RANKED and len({key(one) for place in places for one in place}) > max(counts):
        if len(counts) > 1:
            return None
        return {
            id(one): sorted({_sortable(key(other)) for other in place}).index(_sortable(key(one)))
            for place in places
            for one in place
        }
    return {id(one): key(one) for place in places for one in place}


def _cells(places: list[list[Slice]], keys: dict[str, dict[int, Hashable]]) -> int:
    """How many slices the keys tell apart, over all positions."""
    return sum(len({tuple(values[id(one)] for values in keys.values()) for one in place}) for place in places)


def _near(
    known: Sequence[tuple[float, ...] | None], tolerance: float, key: Callable[[Slice], tuple[float, ...] | None]
) -> Key:
    """A key that gives values within `tolerance` of each other the same number."""
    firsts: list[tuple[float, ...]] = []
    numbers: dict[tuple[float, ...] | None, int] = {None: -1}
    for value in sorted({value for value in known if value is not None}):
        near = (
            number
            for number, first in enumerate(firsts)
            if len(first) == len(value) and max(abs(a - b) for a, b in zip(first, value, strict=True)) <= tolerance
        )
        number = next(near, len(firsts))
        if number == len(firsts):
            firsts.append(value)
        numbers[value] = number
    return lambda one: numbers[key(one)]


def _by_number(one: Slice) -> tuple[bool, int, int, str]:
    plane = one.plane
    return plane.instance_number is None, plane.instance_number or 0, plane.frame, plane.sop


def _sortable(value: Hashable) -> tuple[int, float, str]:
    if isinstance(value, (int, float)):
        return 0, float(value), ""
    if isinstance(value, tuple):
        return 1, 0.0, " ".join(f"{part:+020.6f}" if isinstance(part, (int, float)) else str(part) for part in value)
    return 2, 0.0, "" if value is None else str(value)
