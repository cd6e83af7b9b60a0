"""Which structure sets and segmentations of a workspace are of which series: by the rows that transform left.

Only rows are read here, so that a patient without regions costs nothing; `open_linked` reads the objects themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.core.models import Unit
from tasks.transform.members import Members
from tasks.transform.roi.load import Source, source_of

REGIONS = frozenset({"structure-set", "segmentation"})


@dataclass(frozen=True)
class Object:
    """A structure set or a segmentation: the unit whose archive it lies in, and its (new) SOPInstanceUID."""

    unit: Unit
    sop: str
    references: frozenset[str]


@dataclass(frozen=True)
class Made:
    """A unit and what transform wrote of it (`unit.read_rows`)."""

    unit: Unit
    content: dict[str, Any]

    @property
    def images(self) -> list[dict[str, Any]]:
        """Its rows with a picture, in the order of their slices."""
        return [row for row in self.content["instances"] if row["image_path"]]


def link_objects(made: Sequence[Made]) -> dict[str, list[Object]]:
    """For each unit with images, by name, the objects of the same patient that are of it; `made` is of one patient.

    An object is of the units that it names most surely: by instance, else by series, else by frame of reference.
    """
    found: dict[str, list[Object]] = {}
    for one in made:
        for row in one.content["instances"]:
            if row["kind"] in REGIONS and row["references"]:
                thing = Object(one.unit, row["instance"], frozenset(json.loads(row["references"])))
                for name in _named(thing, made):
                    found.setdefault(name, []).append(thing)
    return {name: sorted(things, key=lambda thing: thing.sop) for name, things in found.items()}


def open_linked(deidentified: Path, things: Sequence[Object]) -> Iterator[tuple[Object, Source]]:
    """Each object as a source of regions; one that turns out to be none is left out."""
    for thing in things:
        with Members(deidentified / thing.unit.archive, thing.unit) as members:
            source = source_of(members.read(thing.sop), Path(thing.sop))
        if source is not None:
            yield thing, source


def _named(thing: Object, made: Sequence[Made]) -> list[str]:
    sureness = {one.unit.unit: _sureness(thing, one) for one in made if one.images}
    best = max(sureness.values(), default=0)
    return [name for name, sure in sureness.items() if sure == best > 0]


def _sureness(thing: Object, one: Made) -> int:
    series = one.content["series"] or {}
    if any(row["instance"] in thing.references for row in one.images):
        return 3
    if series.get("series") in thing.references:
        return 2
    return int(series.get("frame_of_reference") in thing.references)
