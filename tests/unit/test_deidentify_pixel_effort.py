"""How much is looked at: what is refused as too much, what is done less carefully, and which frames are looked at."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.pixels.care import LATER, THOROUGH, affordable, cost
from tasks.deidentify.pixels.effort import Effort, effort_for, later_looks
from tasks.deidentify.pixels.frames import Frames
from tasks.deidentify.pixels.layout import Layout, read_layout
from tasks.deidentify.pixels.looks import Look, Looks
from tasks.deidentify.pixels.mask import Mask
from tasks.deidentify.pixels.outcome import PixelSource
from tasks.deidentify.pixels.place import Place

NATIVE, JPEG, J2K = uid.ExplicitVRLittleEndian, uid.JPEGBaseline8Bit, uid.JPEG2000Lossless
WORD = (slice(20, 32), slice(30, 90))


def header(rows: int, columns: int, frames: int = 1, samples: int = 1, bits: int = 8) -> Dataset:
    ds = Dataset()
    ds.Rows, ds.Columns, ds.NumberOfFrames, ds.SamplesPerPixel = rows, columns, frames, samples
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8 if bits == 8 else 16, bits, bits - 1, 0
    ds.PhotometricInterpretation, ds.PlanarConfiguration = "RGB" if samples == 3 else "MONOCHROME2", 0
    return ds


def layout(*shape: int, **more: int) -> Layout:
    return read_layout(PixelSource(header(*shape, **more), NATIVE, "", b"", False, vr="OW"))


@pytest.mark.parametrize(
    ("shape", "more", "syntax"),
    [
        ((768, 1024, 65, 3), {}, JPEG),
        ((768, 1024, 200, 3), {}, NATIVE),
        ((480, 640, 65, 3), {}, J2K),
        ((512, 512, 1000), {"bits": 12}, NATIVE),
        ((4096, 3328), {"bits": 12}, J2K),
        ((4664, 3064), {"bits": 12}, NATIVE),
    ],
)
def test_what_machines_make_is_looked_at(shape: tuple[int, ...], more: dict[str, int], syntax: str) -> None:
    assert effort_for(layout(*shape, **more), syntax).detecting >= 600_000


@pytest.mark.parametrize(
    ("shape", "syntax"), [((8192, 8192), NATIVE), ((6000, 6000), J2K), ((256, 256, 100_000, 3), JPEG)]
)
def test_what_would_take_too_long_is_refused_unseen(shape: tuple[int, ...], syntax: str) -> None:
    with pytest.raises(QuarantineUnit) as refused:
        effort_for(layout(*shape), syntax)
    assert refused.value.reason is Reason.BURNED_IN_RISK


def test_more_frames_are_looked_at_where_they_are_small() -> None:
    sizes = [layout(side, side, 60) for side in (256, 512, 1024, 4096)]
    looks = [later_looks(size, effort_for(size, NATIVE)) for size in sizes]
    assert all(one > other for one, other in pairwise(looks))
    assert looks[-1] == 0


def test_care_falls_with_the_purse_but_not_below_what_is_allowed() -> None:
    places = [Place(0, 0, 160, 160)] * 10
    whole = sum(cost(place, THOROUGH) for place in places)
    assert affordable(places, THOROUGH, whole) == THOROUGH
    less = affordable(places, THOROUGH, whole / 2)
    assert (less.scale, less.slices) == (2, False)
    assert affordable(places, THOROUGH, 0).scale == THOROUGH.least
    assert affordable(places, LATER, 0).scale == 1


def test_lines_are_read_until_the_effort_is_spent() -> None:
    effort = Effort(reading=20_000)
    assert [effort.reads(200, 20) for _ in range(2)] == [False, False]
    assert [effort.reads(60, 20) for _ in range(3)] == [True, True, False]


def cine(count: int) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(20, 60, (1, 64, 128), np.uint8), count, axis=0)
    frames[:, 40:60, 4:60] = 200  # what stands on every frame
    return frames


def looked(frames: np.ndarray[Any, Any], most: int) -> list[tuple[Look, bool]]:
    """Each look, and whether it goes to where the word is."""
    source = PixelSource(header(64, 128, len(frames)), NATIVE, "", frames.tobytes(), False, vr="OB")
    size = read_layout(source)
    with Frames(source, size) as read:
        looks = Looks(read, size, source.header, None)
        ends = looks.survey(most, effort_for(size, NATIVE))
        assert (ends.least, ends.most, ends.clear) == (frames.min(), frames.max(), False)
        shown = [(look, looks.planes(look, Mask(size))) for look in looks.plan]
    for look, (planes, only) in shown:
        assert planes[0].values.shape == (64, 128)
        assert (only is None) == (look.frame == 0)
        assert only is None or not only[52:58, 10:50].any()
    return [(look, only is not None and bool(only[WORD].all())) for look, (_, only) in shown]


@pytest.mark.parametrize(("count", "most"), [(6, 16), (12, 16), (40, 16), (40, 1)])
def test_what_is_on_one_frame_only_is_looked_at_and_what_is_on_all_only_once(count: int, most: int) -> None:
    frames = cine(count)
    assert not any(there for _, there in looked(frames, most))
    frames[4][WORD] = 180
    assert any(there for _, there in looked(frames, most))


def test_frames_that_are_alike_are_looked_at_once() -> None:
    alone = [look for look, _ in looked(cine(3), 16)]
    assert [look.frame for look in alone] == [0]
