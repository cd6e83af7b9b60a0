"""A volume through a chain that needs it whole: in memory, and on to files or to a picture a slice.

Chains of which no step needs a volume don't come here: they go plane by plane (intensity.py, write.py).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydicom import Dataset

from tasks.core.errors import QuarantineUnit
from tasks.core.models import Unit
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.transform.frames import FrameFinder
from tasks.transform.intensity import render_values
from tasks.transform.modality import name_unit
from tasks.transform.perceptual import perceptual_hash
from tasks.transform.pixels import read_pixel_header
from tasks.transform.render import describe_image, digest_values, finish
from tasks.transform.rows import Row, describe_plane
from tasks.transform.steps.block import Block, Values
from tasks.transform.steps.chain import UNITLESS, Chain
from tasks.transform.survey import SAMPLE, thin
from tasks.transform.volumes.noted import VolumeRefused
from tasks.transform.volumes.series import Candidate
from tasks.transform.volumes.slices import Slice
from tasks.transform.volumes.sources import Place, read_header
from tasks.transform.volumes.values import fill_array, regrid
from tasks.transform.windows import find_voi, window_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """One slice of the volume after the chain. `index` and `frame`: see `picture_slices`."""

    index: int
    source: Slice
    frame: int


def run_chain(candidate: Candidate, settings: TransformSettings, chain: Chain) -> Block:
    """The volume of `candidate` after `chain`.

    Raises `QuarantineUnit`: TOO_LARGE_FOR_STEPS before anything is decoded, STEP_FAILED, or what decoding raises.
    """
    grid, slices = candidate.grid, candidate.slices
    if grid is None:
        raise VolumeRefused(candidate.notes)
    limit = settings.volumes.max_voxels
    if max(len(slices), len(grid.sources)) * slices[0].rows * slices[0].columns > limit:
        raise QuarantineUnit(Reason.TOO_LARGE_FOR_STEPS)
    values = fill_array(slices, settings, np.dtype(np.float32), mark=bool(chain))
    if grid.resampled:
        values = np.stack(list(regrid(values, grid)))
    return chain.on_volume(Block.of(values, grid.affine, limit))


def picture_slices(candidate: Candidate, block: Block) -> list[Picture]:
    """For each slice of `block` the nearest source slice, and its number among those that go by the same instance.

    So (instance, frame) stays unique: an instance that was resampled to three slices has frames 1 to 3.
    """
    normal = block.affine[:3, 2] / math.hypot(*block.affine[:3, 2])
    known = np.array([one.plane.origin for one in candidate.slices], dtype=np.float64) @ normal
    first, step = float(block.affine[:3, 3] @ normal), float(block.affine[:3, 2] @ normal)
    counted: dict[str, int] = {}
    pictures = []
    for index in range(len(block.values)):
        # rounded, so that of two neighbours that are equally near the lower one counts on every machine
        source = candidate.slices[int(np.argmin(np.round(np.abs(known - first - index * step), 6)))]
        frame = counted[source.plane.sop] = counted.get(source.plane.sop, 0) + 1
        pictures.append(Picture(index, source, frame))
    return pictures


def render_block(
    block: Block,
    pictures: Sequence[Picture],
    unit: Unit,
    settings: TransformSettings,
    chain: Chain,
    read: Callable[[Place], Dataset] = read_header,
) -> Iterator[tuple[Row, bytes]]:
    """Yield the row (all columns but image_path) and the PNG of each slice of `block`.

    Geometry is that of the slice; what is said of an instance, and its window, is of the source slice it goes by.
    Without a window, percentiles of the volume count. `read` gives the header of an instance.
    """
    share = max(1, SAMPLE // len(block.values))
    auto = window_of(np.concatenate([thin(plane, share) for plane in _counted(block)]), settings.percentiles)
    held: tuple[Place, Dataset] | None = None
    for picture in pictures:
        source, values = picture.source, block.values[picture.index]
        if held is None or held[0] != source.place:
            held = (source.place, read(source.place))
        ds = held[1]
        header, layers = read_pixel_header(ds), FrameFinder(ds).layers(source.plane.frame - 1)
        voi = find_voi(layers, source.modality, settings, header.signed) or auto
        in_unit = UNITLESS if chain.drops_unit else name_unit(layers, source.modality)
        padding = None if block.known is None else ~block.known[picture.index]
        rendered = render_values(values, voi, in_unit, padding, inverted=header.photometric == "MONOCHROME1")
        row, png = finish(rendered, layers, settings, (block.spacing[1], block.spacing[2]))
        origin = (block.affine @ np.array([0.0, 0.0, picture.index, 1.0]))[:3]
        plane = replace(source.plane, frame=picture.frame, origin=tuple(float(part) for part in origin))
        named = {
            "slice_index": picture.index + 1,
            "steps": chain.names,
            "content_sha256": digest_values(values),
            "perceptual_hash": perceptual_hash(values, inverted=header.photometric == "MONOCHROME1"),
        }
        yield describe_image(ds, unit, source.plane.sop, header) | describe_plane(plane, layers) | row | named, png


def _counted(block: Block) -> Iterator[Values]:
    """The values of each slice that are no padding."""
    if block.known is None:
        yield from block.values
        return
    for plane, known in zip(block.values, block.known, strict=True):
        yield plane[known]
