"""Pixel headers, limits and decoding: what is refused and why, and that every encoding gives the same values."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.encaps import encapsulate

from tasks.core.errors import UnitError
from tasks.core.reasons import Reason
from tasks.transform.codecs import describe_decoder
from tasks.transform.codestream import read_jpeg2000_size, read_jpeg_size
from tasks.transform.decode import decode_frames, ybr_to_rgb
from tasks.transform.pixels import check_limits, read_pixel_header
from tests.support.transform import JPEG_2000, JPEG_LS, RLE, as_read, compress, make_image

RAMP = np.arange(12, dtype=np.uint16).reshape(3, 4) * 300
DEFLATED, MPEG2 = "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.4.100"


def decode(ds: Dataset, max_pixels: int = 2**28) -> list[Any]:
    header = read_pixel_header(ds)
    check_limits(header, max_pixels)
    return list(decode_frames(ds, header))


def refusal(ds: Dataset, max_pixels: int = 2**28) -> Reason:
    with pytest.raises(UnitError) as caught:
        decode(ds, max_pixels)
    return caught.value.reason


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"])
def test_native_pixels_of_each_type_come_back_as_stored(dtype: str) -> None:
    stored = (np.arange(12).reshape(3, 4) - (0 if dtype[0] == "u" else 6)).astype(dtype)
    (frame,) = decode(as_read(make_image(stored)))
    assert frame.dtype == np.dtype(dtype)
    assert np.array_equal(frame, stored)


def test_one_bit_pixels_are_unpacked_across_frame_borders() -> None:
    bits = np.array([[[1, 0, 1], [0, 1, 1]], [[0, 0, 1], [1, 1, 0]], [[1, 1, 1], [0, 0, 1]]], dtype=np.uint8)
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    ds = make_image(bits, BitsAllocated=1, BitsStored=1, PixelData=packed)
    assert np.array_equal(decode(as_read(ds)), bits)


def test_big_endian_comes_back_in_native_byte_order() -> None:
    ds = make_image(RAMP, syntax="1.2.840.10008.1.2.2", PixelData=RAMP.astype(">u2").tobytes())
    (frame,) = decode(as_read(ds))
    assert frame.dtype.isnative
    assert np.array_equal(frame, RAMP)


@pytest.mark.parametrize("syntax", [JPEG_2000, JPEG_LS, RLE])
def test_lossless_encodings_give_the_native_values(syntax: str) -> None:
    rng = np.random.default_rng(0)
    stored = rng.integers(0, 4096, (3, 64, 64), dtype=np.uint16)
    ds = compress(make_image(stored, BitsStored=12), syntax, stored)
    found = decode(as_read(ds))
    assert np.array_equal(found, stored)
    assert found[0].dtype == np.uint16


def test_deflated_frames_are_inflated_one_by_one() -> None:
    stored = np.stack([RAMP, RAMP + 1])
    frames = []
    for frame in stored:
        packer = zlib.compressobj(wbits=-15)
        frames.append(packer.compress(frame.tobytes()) + packer.flush())
    frames = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    ds = make_image(stored, syntax=DEFLATED, PixelData=encapsulate(frames))
    assert np.array_equal(decode(ds), stored)


def test_unused_high_bits_are_not_part_of_the_value() -> None:
    ds = make_image(RAMP | 0xF000, BitsStored=12)
    assert np.array_equal(decode(as_read(ds))[0], RAMP)


def test_planes_of_colour_are_interleaved() -> None:
    rgb = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    ds = make_image(rgb, SamplesPerPixel=3, PlanarConfiguration=1, PixelData=rgb.transpose(2, 0, 1).tobytes())
    assert np.array_equal(decode(as_read(ds))[0], rgb)


def test_ybr_full_becomes_rgb_by_the_standards_formula() -> None:
    # PS3.3 C.7.6.3.1.2: red 255,0,0 is Y 76.245, Cb 128 - 0.1687*255, Cr 128 + 0.5*255 (clipped to 255)
    ds = make_image(
        np.array([[[76, 85, 255], [128, 128, 128]]], dtype=np.uint8),
        SamplesPerPixel=3,
        PhotometricInterpretation="YBR_FULL",
    )
    red, grey = decode(as_read(ds))[0][0].astype(int)
    assert np.abs(red - [254, 0, 0]).max() <= 1
    assert grey.tolist() == [128, 128, 128]


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_fast_and_plain_colour_conversion_agree_within_one_level(ybr: tuple[int, int, int]) -> None:
    fast = ybr_to_rgb(np.array([[ybr]], dtype=np.uint8), 8)
    plain = ybr_to_rgb(np.array([[ybr]], dtype=np.uint16), 8)
    assert np.abs(fast.astype(int) - plain.astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("Rows", None),
        ("Columns", 0),
        ("BitsAllocated", 12),
        ("BitsStored", 17),
        ("HighBit", 14),
        ("PixelRepresentation", 2),
        ("SamplesPerPixel", 3),
        ("PhotometricInterpretation", "HSV"),
        ("NumberOfFrames", 0),
    ],
)
def test_an_impossible_pixel_header_is_refused_by_name(keyword: str, value: Any) -> None:
    ds = make_image(RAMP)
    setattr(ds, keyword, value)
    assert refusal(ds) is Reason.BAD_PIXEL_HEADER


def test_a_frame_count_that_is_no_number_is_not_taken_for_one_frame() -> None:
    content = as_read(make_image(RAMP, NumberOfFrames=1))
    raw = content.get_item("NumberOfFrames")
    content._dict[raw.tag] = raw._replace(value=b"1A")
    assert refusal(content) is Reason.BAD_PIXEL_HEADER


def test_too_many_pixels_are_refused_before_decoding() -> None:
    ds = make_image(RAMP, Rows=60000, Columns=60000, NumberOfFrames=1000)
    assert refusal(ds) is Reason.OVERSIZED
    assert refusal(make_image(RAMP), max_pixels=11) is Reason.OVERSIZED
    check_limits(read_pixel_header(make_image(RAMP)), 12)


@pytest.mark.parametrize("content", [b"", RAMP.tobytes()[:-2]])
def test_short_native_pixel_data_is_truncated(content: bytes) -> None:
    assert refusal(make_image(RAMP, PixelData=content)) is Reason.PIXELS_TRUNCATED


def test_fewer_encoded_frames_than_promised_are_truncated() -> None:
    ds = compress(make_image(np.stack([RAMP, RAMP])), RLE, None)
    ds.NumberOfFrames = 3
    assert refusal(as_read(ds)) in (Reason.PIXELS_TRUNCATED, Reason.DECODE_FAILED)


def test_an_unknown_transfer_syntax_is_unsupported() -> None:
    ds = make_image(RAMP)
    ds.file_meta.TransferSyntaxUID = MPEG2
    assert refusal(ds) is Reason.UNSUPPORTED_ENCODING


def test_a_codestream_of_another_size_than_the_header_is_not_decoded() -> None:
    ds = compress(make_image(np.zeros((64, 64), np.uint16)), JPEG_2000, np.zeros((1, 64, 64), np.uint16))
    ds.Rows = 32
    assert refusal(as_read(ds)) is Reason.DECODE_FAILED


def test_garbage_in_place_of_a_codestream_fails_with_a_reason() -> None:
    ds = make_image(RAMP, syntax=JPEG_2000, PixelData=encapsulate([b"no codestream at all"]))
    ds["PixelData"].is_undefined_length = True
    assert refusal(as_read(ds)) is Reason.DECODE_FAILED


@given(st.binary(max_size=64))
def test_reading_a_size_from_any_bytes_never_fails(stream: bytes) -> None:
    for start in (b"", b"\xff\xd8", b"\xff\xd8\xff\xc0", b"\xff\x4f\xff\x51"):
        read_jpeg_size(start + stream)
        read_jpeg2000_size(start + stream)


def test_a_size_is_read_from_the_frame_header() -> None:
    jpeg = bytes.fromhex("ffd8 ffe0 0004 0000 ffc1 000b 0c 0010 0020 01 011100")
    size = read_jpeg_size(jpeg)
    assert size is not None
    assert (size.rows, size.columns, size.samples, size.precision) == (16, 32, 1, 12)


def test_the_pinned_decoder_of_an_encoding_is_named_with_its_version() -> None:
    assert describe_decoder(JPEG_2000).startswith("pylibjpeg-openjpeg ")
    assert describe_decoder("1.2.840.10008.1.2.4.51").count(" ") == 3
    assert describe_decoder("1.2.840.10008.1.2.1").startswith("pydicom ")
