"""Fitting into a square, PNG bytes, slice order, spacing between slices and the names of planes."""

from __future__ import annotations

import math
from typing import Any, Literal

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.transform.png import encode_png
from tasks.transform.resize import fit
from tasks.transform.series import Plane, measure_spacing, order_planes

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def plane(z: float | None, number: int | None = None, sop: str = "1", frame: int = 1) -> Plane:
    return Plane(sop, frame, number, None if z is None else AXIAL, None if z is None else (0.0, 0.0, z))


def read_png(content: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)


def test_pad_keeps_the_shape_and_centres_it() -> None:
    fitted = fit(np.ones((20, 10), np.float32), 40, "pad", (0.5, 0.5))
    assert fitted.spacing == (0.25, 0.25)
    assert np.array_equal(fitted.image.any(axis=0).nonzero()[0], np.arange(10, 30))
    assert fitted.image.any(axis=1).all()


def test_pad_corrects_pixels_that_are_not_square() -> None:
    fitted = fit(np.ones((10, 40), np.float32), 20, "pad", (4.0, 1.0))  # 40 mm x 40 mm
    assert fitted.spacing == (2.0, 2.0)
    assert fitted.image.all()


def test_without_spacing_the_aspect_ratio_is_used_and_no_spacing_invented() -> None:
    fitted = fit(np.ones((10, 40), np.float32), 20, "pad", None, aspect=4.0)
    assert fitted.spacing is None
    assert fitted.image.all()
    assert not fit(np.ones((10, 40), np.float32), 20, "pad", None).image.all()


def test_stretch_fills_the_square_and_tells_the_spacing_of_each_direction() -> None:
    fitted = fit(np.ones((10, 40), np.float32), 20, "stretch", (1.0, 1.0))
    assert fitted.spacing == (0.5, 2.0)
    assert fitted.image.all()


def test_reducing_averages_over_areas() -> None:
    checks = np.indices((8, 8)).sum(axis=0) % 2
    assert fit(checks.astype(np.float32), 4, "pad", None).image.tolist() == np.full((4, 4), 0.5).tolist()


def test_reducing_one_direction_while_the_other_grows_still_averages() -> None:
    stripes = np.tile(np.array([[0.0, 1.0]], np.float32), (2, 8))  # 2 x 16 to 8 x 8
    assert fit(stripes, 8, "stretch", None).image == pytest.approx(np.full((8, 8), 0.5))


@settings(max_examples=60)
@given(
    image=st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
        lambda shape: arrays(np.float32, shape, elements=st.floats(0, 1, width=32))
    ),
    size=st.sampled_from([16, 33]),
    how=st.sampled_from(["pad", "stretch"]),
    spacing=st.one_of(st.none(), st.tuples(st.floats(0.01, 100), st.floats(0.01, 100))),
)
def test_fitting_stays_in_range_and_keeps_the_extent(
    image: Any, size: int, how: Literal["pad", "stretch"], spacing: tuple[float, float] | None
) -> None:
    fitted = fit(image, size, how, spacing)
    assert fitted.image.shape == (size, size)
    assert image.min() * (how == "stretch") - 1e-6 <= fitted.image.min()
    assert fitted.image.max() <= image.max() + 1e-6
    if spacing and fitted.spacing:
        for count, before, after in zip(image.shape, spacing, fitted.spacing, strict=True):
            pixels = count * before / after
            assert pixels == pytest.approx(round(pixels))
            assert 1 <= round(pixels) <= size


@pytest.mark.parametrize(("bits", "codes"), [(8, [0, 128, 255]), (16, [0, 32768, 65535])])
def test_png_holds_the_rounded_codes(bits: int, codes: list[int]) -> None:
    content, digest = encode_png(np.array([[0.0, 0.5, 1.0]], np.float32), bits)
    assert read_png(content).tolist() == [codes]
    assert encode_png(np.array([[0.0, 0.5, 1.0]], np.float32), bits) == (content, digest)


def test_colour_png_is_rgb_of_8_bit_whatever_the_depth() -> None:
    red = np.array([[[1.0, 0.0, 0.0]]], np.float32)
    for bits in (8, 16):
        found = read_png(encode_png(red, bits)[0])
        assert found.dtype == np.uint8
        assert found[0, 0, ::-1].tolist() == [255, 0, 0]


def test_slices_are_ordered_along_the_normal_not_by_number() -> None:
    planes = [plane(20, 1, "1"), plane(-5.5, 2, "2"), plane(7, 3, "3")]
    assert [one.sop for one in order_planes(planes)] == ["2", "3", "1"]


def test_without_positions_the_number_orders_then_the_uid_then_the_frame() -> None:
    planes = [
        plane(None, None, "9"),
        plane(None, 2, "5"),
        plane(None, 2, "3", 2),
        plane(None, 2, "3"),
        plane(None, 1, "8"),
    ]
    assert [(one.sop, one.frame) for one in order_planes(planes)] == [("8", 1), ("3", 1), ("3", 2), ("5", 1), ("9", 1)]


def test_frames_at_one_position_stay_in_the_order_of_time() -> None:
    planes = [plane(z, number, str(number)) for number, z in enumerate([0, 5, 0.0001, 5], start=1)]
    assert [one.instance_number for one in order_planes(planes)] == [1, 3, 2, 4]


@given(st.permutations(range(8)))
def test_order_does_not_depend_on_the_order_of_reading(order: list[int]) -> None:
    planes = [plane(-3.0 * index, None, str(index)) for index in range(8)]
    assert order_planes([planes[index] for index in order]) == planes[::-1]


@pytest.mark.parametrize(("orientation", "name"), [(AXIAL, "axial"), (CORONAL, "coronal"), (SAGITTAL, "sagittal")])
def test_planes_are_named_by_their_normal(orientation: tuple[float, ...], name: str) -> None:
    assert Plane("1", 1, orientation=orientation).name == name


@pytest.mark.parametrize(("degrees", "name"), [(25, "axial"), (40, "oblique"), (65, "coronal")])
def test_a_tilted_plane_is_oblique_beyond_30_degrees(degrees: float, name: str) -> None:
    tilt = math.radians(degrees)
    assert Plane("1", 1, orientation=(1, 0, 0, 0, math.cos(tilt), math.sin(tilt))).name == name


@pytest.mark.parametrize("orientation", [(0.0,) * 6, (1.0, 0, 0, 1.0, 0, 0), (2.0, 0, 0, 0, 2.0, 0), None])
def test_an_orientation_that_is_none_gives_no_position(orientation: tuple[float, ...] | None) -> None:
    one = Plane("1", 1, orientation=orientation, origin=(0, 0, 7))
    assert one.position is one.name is None


def test_spacing_is_the_median_of_the_gaps_of_distinct_positions() -> None:
    assert measure_spacing([plane(z) for z in (0, 3, 3, 6, 12, 15)]) == 3
    assert measure_spacing([plane(1), plane(1), plane(None)]) is None


def test_a_localizer_of_another_orientation_does_not_disturb_the_spacing() -> None:
    stack = [plane(2.5 * index) for index in range(4)]
    localizers = [Plane("9", 1, None, CORONAL, (0, y, 0)) for y in (0.0, 1.0)]
    assert measure_spacing([*localizers, *stack]) == 2.5
