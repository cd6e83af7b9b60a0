"""The first look at an archive: what each member is, where its frames lie, and what a percentile window needs to know.

Reads headers, and decodes only images that neither params.yaml nor their header has a window for. Keeps no pixels but a
sample of bounded size, so memory stays flat however long the series is.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pydicom import Dataset

from tasks.core.errors import SkipUnit, UnitError
from tasks.core.findings import Finding
from tasks.core.models import Unit
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.transform.decode import Array
from tasks.transform.frames import FrameFinder, first_numbers
from tasks.transform.headers import integer
from tasks.transform.intensity import output_values
from tasks.transform.members import Members
from tasks.transform.modality import apply_modality, find_padding
from tasks.transform.objects import IMAGE, find_kind
from tasks.transform.pixels import MONOCHROME, PixelHeader, check_limits, read_pixel_header
from tasks.transform.rows import Row, describe_header, describe_object, find_modality
from tasks.transform.scratch import Scratch
from tasks.transform.series import Plane
from tasks.transform.steps.chain import NONE, Chain, chain_for
from tasks.transform.volumes.noted import noted
from tasks.transform.volumes.series import Candidate, judge_slices
from tasks.transform.volumes.slices import Slice, describe_slices
from tasks.transform.volumes.sources import Place
from tasks.transform.windows import Window, find_voi, window_of

SAMPLE = 2**20
"""How many values the percentiles of a series are taken from, about; each frame gives the same share."""

log = logging.getLogger(__name__)


@dataclass
class Survey:
    """What is known of a unit before its images are made."""

    candidates: list[Candidate] = field(default_factory=list)
    planes: list[Plane] = field(default_factory=list)
    objects: list[Row] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)
    headers: dict[str, Row] = field(default_factory=dict)
    refused: dict[str, Reason] = field(default_factory=dict)
    window: Window | None = None
    geometry: Row = field(default_factory=dict)


def survey(members: Members, unit: Unit, settings: TransformSettings, scratch: Scratch) -> Survey:
    """Look at each member once, in the order of their names; what is decoded for that is kept in `scratch`.

    Pixels are read only where they are looked at.
    """
    found = Survey()
    samples: list[npt.NDArray[np.float32]] = []
    names = members.names()
    for sop in names:
        try:
            ds, whole = members.peek(sop)
            kind = find_kind(ds)
            if kind is None:
                raise SkipUnit(Reason.NOT_AN_IMAGE)
            if kind == IMAGE:
                header = read_pixel_header(ds)
                check_limits(header, settings.max_pixels)
                share = max(1, SAMPLE // (len(names) * header.frames))
                planes, place = list(list_planes(ds, header, sop)), Place(members.path, f"{sop}.dcm")
                if lacking := frames_without_window(ds, header, unit, settings):
                    ds = ds if whole else members.read(sop)
                    chain = chain_for(settings, find_modality(ds, unit))
                    samples.extend(sample_values(ds, header, lacking, chain, share, scratch, sop))
                found.slices.extend(describe_slices(ds, header, place, settings))
                found.planes.extend(planes)
            else:
                ds = ds if whole else members.read(sop)
                found.objects.append(describe_object(ds, unit, sop, kind))
            found.headers[sop] = describe_header(ds)
        except UnitError as error:
            found.refused[sop] = error.reason
        except Exception as error:  # numpy on values no one thought of
            log.warning("unit %s: an instance could not be surveyed (%s)", unit.unit, type(error).__name__)
            found.refused[sop] = Reason.DECODE_FAILED
    if samples:
        found.window = window_of(np.concatenate(samples), settings.percentiles)
    found.geometry = judge_geometry(found, settings)
    return found


def judge_geometry(found: Survey, settings: TransformSettings) -> Row:
    """What series.parquet says of volumes: how many can be made, and the findings (a JSON list of their names)."""
    lost = sum(reason is not Reason.NOT_AN_IMAGE for reason in found.refused.values())
    known = [noted(Finding.UNUSABLE_INSTANCE, lost, settings.volumes)] if lost else []
    notes, found.candidates = judge_slices(found.slices, known, settings.volumes)
    every = {note.finding.value for note in (*notes, *(note for one in found.candidates for note in one.notes))}
    return {
        "volumes": sum(one.grid is not None for one in found.candidates),
        "geometry_findings": json.dumps(sorted(every)),
    }


def list_planes(ds: Dataset, header: PixelHeader, sop: str) -> Iterator[Plane]:
    """Where each frame of an instance lies."""
    finder, number = FrameFinder(ds), integer(ds, "InstanceNumber")
    for frame in range(header.frames):
        layers = finder.layers(frame)
        yield Plane(
            sop=sop,
            frame=frame + 1,
            instance_number=number,
            orientation=first_numbers(layers, "ImageOrientationPatient", 6),
            origin=first_numbers(layers, "ImagePositionPatient", 3),
        )


def sample_values(
    ds: Dataset, header: PixelHeader, lacking: set[int], chain: Chain, share: int, scratch: Scratch, name: str
) -> list[npt.NDArray[np.float32]]:
    """About `share` values, after the steps of `chain`, of each frame in `lacking`; all or nothing an instance.

    Frames are kept in `scratch` under `name`.
    """
    finder = FrameFinder(ds)
    taken = []
    for frame, stored in enumerate(scratch.keep(name, ds, header)):
        if frame in lacking:
            taken.append(thin_values(stored, header, ds, finder, frame, share, chain))
    return taken


def frames_without_window(ds: Dataset, header: PixelHeader, unit: Unit, settings: TransformSettings) -> set[int]:
    """The grey frames, from 0, that nothing has a window for.

    None where steps make a volume of them: its values are those that count.
    """
    modality = find_modality(ds, unit)
    if header.photometric not in MONOCHROME or chain_for(settings, modality).needs_volume:
        return set()
    finder = FrameFinder(ds)
    return {
        frame
        for frame in range(header.frames)
        if find_voi(finder.layers(frame), modality, settings, header.signed) is None
    }


def thin_values(
    stored: Array,
    header: PixelHeader,
    ds: Dataset,
    finder: FrameFinder,
    frame: int,
    share: int,
    chain: Chain = NONE,
) -> npt.NDArray[np.float32]:
    """About `share` values of a frame in output units, after the steps, without padding, from all over it."""
    padding = find_padding(stored, header, ds)
    if chain:
        values = output_values(stored, header, finder.layers(frame), padding, chain)
        return thin(values if padding is None else values[~padding], share).astype(np.float32)
    flat = stored.ravel() if padding is None else stored[~padding]
    return apply_modality(thin(flat, share), header, finder.layers(frame)).astype(np.float32)


def thin(values: Array, share: int) -> Array:
    """About `share` of the values, from all over the array."""
    step = max(1, -(-values.size // share)) | 1  # odd, so that it walks over the columns of an even matrix
    return values.ravel()[::step]
