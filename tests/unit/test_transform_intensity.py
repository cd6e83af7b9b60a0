"""Grey levels: the formulas of PS3.3 C.11, which window wins, padding, inversion, palettes; all of it in [0, 1]."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydicom import Dataset

from tasks.core.settings import TransformSettings
from tasks.transform.decode import decode_frames
from tasks.transform.frames import FrameFinder
from tasks.transform.intensity import Rendered, render_colour, render_grey
from tasks.transform.modality import Lut, apply_modality, find_padding, name_unit
from tasks.transform.palette import apply_palette
from tasks.transform.pixels import read_pixel_header
from tasks.transform.windows import Window, apply_window, find_voi, window_of, window_stored
from tests.support.transform import as_read, item, make_image

DEFAULTS = TransformSettings()
LEVELS = np.array([[0, 1, 2, 3]], dtype=np.uint16)


def words(*entries: int) -> bytes:
    return np.array(entries, "<u2").tobytes()


def voi_of(ds: Dataset, params: TransformSettings = DEFAULTS, frame: int = 0) -> Window | Lut | None:
    return find_voi(FrameFinder(ds).layers(frame), ds.Modality, params, signed=False)


def render(ds: Dataset, frame: int = 0) -> Rendered:
    read = as_read(ds)
    header = read_pixel_header(read)
    stored = list(decode_frames(read, header))[frame]
    layers = FrameFinder(read).layers(frame)
    voi = find_voi(layers, read.Modality, DEFAULTS, header.signed) or window_of(
        apply_modality(stored.ravel(), header, layers).astype(np.float32), DEFAULTS.percentiles
    )
    return render_grey(stored, header, layers, voi, read.Modality, find_padding(stored, header, read))


def window(values: list[float], center: float, width: float, function: Any) -> list[float]:
    return [float(y) for y in apply_window(np.array(values, np.float64), Window(center, width, function, "header"))]


def test_linear_window_by_the_standards_formula() -> None:
    # C.11.2.1.2.1 with c=2048, w=4096: x <= 0 is black (c - .5 - (w-1)/2 = 0), x > 4095 is white,
    # between: (x - 2047.5) / 4095 + 0.5, e.g. 1024 -> 0.25006
    assert window([-1, 0, 1024, 4095, 5000], 2048, 4096, "LINEAR") == pytest.approx([0, 0, 1024 / 4095, 1, 1])


def test_linear_window_of_width_one_is_a_threshold() -> None:
    assert window([99, 99.5, 100], 100, 1, "LINEAR") == [0, 0, 1]


def test_linear_exact_window_by_the_standards_formula() -> None:
    # C.11.2.1.3.2 with c=2048, w=4096: (x - c) / w + 0.5
    assert window([0, 1024, 2048, 4096], 2048, 4096, "LINEAR_EXACT") == pytest.approx([0, 0.25, 0.5, 1])


def test_sigmoid_window_by_the_standards_formula() -> None:
    # C.11.2.1.3.1: 1 / (1 + exp(-4 (x - c) / w))
    expected = [1 / (1 + math.exp(4)), 0.5, 1 / (1 + math.exp(-2))]
    assert window([-60, 40, 90], 40, 100, "SIGMOID") == pytest.approx(expected)
    assert window([-1e9, 1e9], 40, 100, "SIGMOID") == pytest.approx([0, 1])


def test_rescale_gives_hounsfield_units() -> None:
    ds = make_image(LEVELS * 1000, RescaleSlope=2, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400)
    rendered = render(ds)
    assert (rendered.low, rendered.high, rendered.unit) == (-1024, 4976, "HU")
    assert rendered.image.tolist() == [[0, 1, 1, 1]]


def test_modality_table_is_applied_and_clamped_at_both_ends() -> None:
    table = item(LUTDescriptor=[2, 1, 16], ModalityLUTType="OD", LUTData=words(10, 70))
    ds = make_image(LEVELS, ModalityLUTSequence=[table], Modality="CR")
    header = read_pixel_header(ds)
    layers = FrameFinder(as_read(ds)).layers(0)
    assert apply_modality(LEVELS, header, layers).tolist() == [[10, 10, 70, 70]]
    assert name_unit(layers, "CR") == "OD"


def test_voi_table_is_used_where_the_header_has_no_window() -> None:
    table = item(LUTDescriptor=[4, 0, 8], LUTData=words(255, 128, 64, 0))
    rendered = render(make_image(LEVELS, VOILUTSequence=[table]))
    assert rendered.source == "voi-lut"
    assert rendered.center is None
    assert rendered.image[0].tolist() == pytest.approx([1, 128 / 255, 64 / 255, 0])


def test_precedence_is_params_then_header_window_then_table() -> None:
    table = item(LUTDescriptor=[4, 0, 8], LUTData=words(255, 128, 64, 0))
    ds = make_image(LEVELS, WindowCenter=[40, 600], WindowWidth=[400, 1500], VOILUTSequence=[table])
    assert voi_of(ds, TransformSettings(windows={"CT": (50, 350)})) == Window(50, 350, "LINEAR", "settings")
    assert voi_of(ds, TransformSettings(windows={"MR": (50, 350)})) == Window(40, 400, "LINEAR", "header")
    del ds.WindowCenter
    assert isinstance(voi_of(ds), Lut)
    del ds.VOILUTSequence
    assert voi_of(ds) is None


@pytest.mark.parametrize("width", [0, -5])
def test_an_impossible_window_width_counts_as_none(width: float) -> None:
    assert voi_of(make_image(LEVELS, WindowCenter=40, WindowWidth=width)) is None


def test_the_function_of_the_header_is_obeyed() -> None:
    ds = make_image(LEVELS, WindowCenter=1, WindowWidth=2, VOILUTFunction="SIGMOID")
    assert voi_of(ds) == Window(1, 2, "SIGMOID", "header")
    ds.VOILUTFunction, ds.WindowWidth = "LINEAR", 0.5  # LINEAR needs 1 or more
    assert voi_of(ds) == Window(1, 0.5, "LINEAR_EXACT", "header")


def test_each_frame_of_an_enhanced_object_has_its_own_rescale_and_window() -> None:
    def group(slope: float, center: float) -> Dataset:
        return item(
            PixelValueTransformationSequence=[item(RescaleSlope=slope, RescaleIntercept=0, RescaleType="US")],
            FrameVOILUTSequence=[item(WindowCenter=center, WindowWidth=2, VOILUTFunction="LINEAR_EXACT")],
        )

    shared = item(PixelMeasuresSequence=[item(PixelSpacing=[1, 1])])
    ds = make_image(np.stack([LEVELS, LEVELS]), Modality="MR", WindowCenter=999, WindowWidth=1)
    ds.PerFrameFunctionalGroupsSequence = [group(1, 1), group(10, 20)]
    ds.SharedFunctionalGroupsSequence = [shared]
    first, second = render(ds, 0), render(ds, 1)
    assert (first.center, first.high) == (1, 3)
    assert (second.center, second.high) == (20, 30)
    assert first.image.tolist() == [[0, 0.5, 1, 1]]
    assert second.image.tolist() == [[0, 0, 0.5, 1]]


def test_monochrome1_is_inverted_after_the_window() -> None:
    ds = make_image(LEVELS, WindowCenter=1.5, WindowWidth=3, VOILUTFunction="LINEAR_EXACT")
    upright = render(ds).image
    ds.PhotometricInterpretation = "MONOCHROME1"
    assert render(ds).image == pytest.approx(1 - upright)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_outside_the_statistics(photometric: str) -> None:
    stored = np.array([[-2000, -2000, 0, 100]], dtype=np.int16)
    ds = make_image(stored, PixelPaddingValue=-2000, WindowCenter=50, WindowWidth=100)
    ds.VOILUTFunction, ds.PhotometricInterpretation = "LINEAR_EXACT", photometric
    rendered = render(ds)
    assert rendered.image[0, :2].tolist() == [0, 0]
    assert (rendered.low, rendered.high) == (0, 100)
    assert (rendered.mean, rendered.std) == (0.5, 0.5)


def test_a_padding_range_is_padding_as_a_whole() -> None:
    ds = make_image(LEVELS, PixelPaddingValue=0, PixelPaddingRangeLimit=1)
    header = read_pixel_header(ds)
    found = find_padding(LEVELS, header, ds)
    assert found is not None
    assert found.tolist() == [[True, True, False, False]]


def test_an_image_of_padding_alone_is_black_and_has_no_statistics() -> None:
    rendered = render(make_image(np.zeros((2, 2), np.int16), PixelPaddingValue=0))
    assert not rendered.image.any()
    assert rendered.low is rendered.mean is None


def test_numbers_that_are_not_finite_are_padding() -> None:
    stored = np.array([[np.nan, np.inf, 0.0, 1.0]], dtype=np.float32)
    rendered = render(make_image(stored, WindowCenter=0.5, WindowWidth=1, VOILUTFunction="LINEAR_EXACT"))
    assert rendered.image.tolist() == [[0, 0, 0, 1]]
    assert (rendered.low, rendered.high) == (0, 1)


def test_large_whole_numbers_keep_their_differences() -> None:
    stored = np.array([[2**30, 2**30 + 1, 2**30 + 2]], dtype=np.int32)
    ds = make_image(stored, WindowCenter=2**30 + 1, WindowWidth=2, VOILUTFunction="LINEAR_EXACT")
    assert render(ds).image.tolist() == [[0, 0.5, 1]]


def test_percentiles_leave_out_the_tails() -> None:
    samples = np.arange(1001, dtype=np.float32)
    assert window_of(samples, (10, 90)) == Window(500, 800, "LINEAR_EXACT", "percentile")


def test_percentiles_that_fall_together_give_way_to_the_extremes() -> None:
    mask = np.zeros(10000, np.float32)
    mask[0] = 1
    assert window_of(mask, (0.5, 99.5)) == Window(0.5, 1, "LINEAR_EXACT", "percentile")
    constant = window_of(np.full(4, 7, np.float32), (0.5, 99.5))
    assert apply_window(np.full((1, 2), 7.0), constant).tolist() == [[0, 0]]


@pytest.mark.parametrize(("bits", "white"), [(8, 255), (16, 65535)])
def test_palette_gives_the_tables_colours(bits: int, white: int) -> None:
    ds = make_image(np.array([[0, 1]], np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for colour, entries in (("Red", [0, white]), ("Green", [0, 0]), ("Blue", [white, 0])):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [2, 0, bits])
        setattr(ds, f"{colour}PaletteColorLookupTableData", np.array(entries, f"<u{bits // 8}").tobytes())
    read = as_read(ds)
    rendered = render_colour(*apply_palette(np.array([[0, 1]], np.uint8), read))
    assert rendered.image.tolist() == [[[0, 0, 1], [1, 0, 0]]]


@settings(max_examples=60)
@given(
    values=arrays(np.float32, (3, 4), elements=st.floats(-1e6, 1e6, width=32)),
    center=st.floats(-1e5, 1e5),
    width=st.floats(0.001, 1e5),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_a_window_keeps_order_and_stays_in_the_unit_interval(
    values: Any, center: float, width: float, function: Any
) -> None:
    chosen = "LINEAR_EXACT" if function == "LINEAR" and width < 1 else function
    image = apply_window(values, Window(center, width, chosen, "header"))
    assert image.dtype == np.float32
    assert 0 <= image.min() <= image.max() <= 1
    order = np.argsort(values, axis=None, kind="stable")
    assert np.all(np.diff(image.ravel()[order]) >= 0)


@settings(max_examples=40)
@given(
    stored=arrays(np.int16, (4, 4)),
    slope=st.floats(-50, 50),
    padding=st.one_of(st.none(), st.integers(-32768, 32767)),
    inverted=st.booleans(),
)
def test_whatever_the_header_says_the_image_is_finite_in_the_unit_interval(
    stored: Any, slope: float, padding: int | None, inverted: bool
) -> None:
    ds = make_image(stored, RescaleSlope=f"{slope:.6f}", RescaleIntercept=-1024)
    ds.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    if padding is not None:
        ds.PixelPaddingValue = padding
    rendered = render(ds)
    assert np.isfinite(rendered.image).all()
    assert 0 <= rendered.image.min() <= rendered.image.max() <= 1


EVERY = {
    "signed": np.arange(-(2**15), 2**15).astype(np.int16).reshape(256, 256),
    "unsigned": np.arange(2**16).astype(np.uint16).reshape(256, 256),
    "byte": np.arange(256).astype(np.uint8).reshape(16, 16),
}


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(list(EVERY)),
    st.sampled_from([0.0, -1024.0, -1000.5, 3.25, 0.1, 40000.0]),
    st.sampled_from([40.0, -600.0, 127.5, 50.25, 0.3, 30000.0]),
    st.one_of(st.integers(1, 5000), st.sampled_from([0.4, 1.0, 399.5, 80.3, 65536.0])),
    st.sampled_from(["LINEAR", "LINEAR_EXACT"]),
)
def test_the_quick_window_gives_the_bits_of_the_plain_one(
    kind: Any, intercept: float, center: float, width: float, function: Any
) -> None:
    """Over every stored value there is: one rounding more or less would be another byte of a PNG."""
    ds = as_read(make_image(EVERY[kind], RescaleSlope=1, RescaleIntercept=str(intercept)))
    header, layers = read_pixel_header(ds), FrameFinder(ds).layers(0)
    stored, window = next(decode_frames(ds, header)), Window(center, float(width), function, "header")
    quick = window_stored(stored, header, layers, window)
    if quick is not None:
        plain = apply_window(apply_modality(stored, header, layers), window)
        assert np.array_equal(quick.view(np.uint32), plain.view(np.uint32))
    elif width > 1:
        assert intercept in (0.1, 40000.0) or center in (0.3, 30000.0) or width in (80.3, 65536.0)
