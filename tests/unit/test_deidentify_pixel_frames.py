"""Frames of every encoding: read, masked, written again; values outside of the boxes stay, the header is right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.parts import Range, content
from tasks.deidentify.pixels import codecs
from tasks.deidentify.pixels.frames import Decoded, Frames
from tasks.deidentify.pixels.layout import Layout, read_layout
from tasks.deidentify.pixels.mask import Mask, without_unused_bits
from tasks.deidentify.pixels.outcome import PixelSource
from tasks.deidentify.pixels.palette import read_palette
from tasks.deidentify.pixels.place import Place
from tasks.deidentify.pixels.rewrite import Written, write

BOX = Place(4, 6, 20, 30)
ROWS, COLUMNS = 40, 48
INSIDE = np.zeros((ROWS, COLUMNS), bool)
INSIDE[BOX.top : BOX.bottom, BOX.left : BOX.right] = True


def header(bits: tuple[int, int] = (8, 8), photometric: str = "MONOCHROME2", **more: Any) -> Dataset:
    ds = Dataset()
    ds.Rows, ds.Columns = ROWS, COLUMNS
    ds.BitsAllocated, ds.BitsStored = bits
    ds.HighBit, ds.PixelRepresentation = bits[1] - 1, 0
    ds.PhotometricInterpretation = photometric
    ds.SamplesPerPixel = 3 if photometric.startswith(("RGB", "YBR")) else 1
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    return ds


def values_of(ds: Dataset, frames: int = 1) -> np.ndarray[Any, Any]:
    """Smooth values with some noise over the whole range, (frames, rows, columns[, 3])."""
    rng = np.random.default_rng(0)
    low = -(2 ** (ds.BitsStored - 1)) if ds.PixelRepresentation else 0
    shape = (frames, ROWS, COLUMNS, 3) if ds.SamplesPerPixel == 3 else (frames, ROWS, COLUMNS)
    ramp = np.linspace(0, 0.9, COLUMNS)[:, None] if ds.SamplesPerPixel == 3 else np.linspace(0, 0.9, COLUMNS)
    return (low + (ramp + rng.random(shape) * 0.1) * (2**ds.BitsStored - 1)).astype(np.int64)


def source_of(ds: Dataset, syntax: str, frames: int = 1, vr: str = "OW") -> tuple[PixelSource, Layout]:
    """A source with `values_of` in it, encoded in `syntax` (native, or one that has an encoder)."""
    if frames > 1:
        ds.NumberOfFrames = frames
    bare = PixelSource(ds, syntax, "", b"", False, vr=vr)
    layout = read_layout(bare)
    words = [layout.words(frame) for frame in values_of(ds, frames)]
    if not uid.UID(syntax).is_encapsulated:
        value = b"".join(codecs.to_native(frame, layout) for frame in words)
        return replace(bare, value=value + b"\0" * (len(value) % 2)), layout
    streams = [codecs.encode(frame, layout, syntax, layout.photometric) for frame in words]
    return replace(bare, value=encapsulated(streams), encapsulated=True), layout


def encapsulated(streams: list[bytes], table: bytes = b"") -> bytes:
    items = [table, *streams]
    return b"".join(b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item for item in items)


def decoded(source: PixelSource) -> list[np.ndarray[Any, Any]]:
    layout = read_layout(source)
    with Frames(source, layout) as frames:
        return [layout.values(frames.decode(index).words) for index in range(len(frames))]


@contextmanager
def masked(source: PixelSource, layout: Layout, scratch: Path, **more: Any) -> Iterator[tuple[Written, PixelSource]]:
    palette = read_palette(source.header)
    mask = Mask(layout, palette, (BOX,), lowest=more.pop("lowest", 0), highest=more.pop("highest", 0), **more)
    with Frames(source, layout) as frames:
        written = write(source, frames, mask, scratch)
    after = Dataset()
    after.update(source.header)
    for tag, (vr, value) in written.elements.items():
        if value is None:
            del after[tag]
        else:
            after.add_new(tag, vr, value)
    yield written, replace(source, header=after, transfer_syntax=written.transfer_syntax, value=content(written.value))


@pytest.mark.parametrize(
    ("syntax", "ds", "vr"),
    [
        (uid.ExplicitVRLittleEndian, header(), "OW"),
        (uid.ImplicitVRLittleEndian, header((16, 12)), "OW"),
        (uid.ExplicitVRLittleEndian, header((16, 16), PixelRepresentation=1), "OW"),
        (uid.ExplicitVRBigEndian, header((16, 12), PixelRepresentation=1), "OW"),
        (uid.ExplicitVRBigEndian, header(), "OW"),
        (uid.ExplicitVRBigEndian, header(), "OB"),
        (uid.ExplicitVRLittleEndian, header((32, 32)), "OW"),
        (uid.ExplicitVRLittleEndian, header((8, 8), "RGB", PlanarConfiguration=0), "OB"),
        (uid.ExplicitVRLittleEndian, header((8, 8), "RGB", PlanarConfiguration=1), "OB"),
        (uid.ExplicitVRLittleEndian, header((16, 12), "MONOCHROME1"), "OW"),
        (uid.ExplicitVRLittleEndian, header((1, 1)), "OB"),
        (uid.RLELossless, header((16, 12), PixelRepresentation=1), "OB"),
        (uid.RLELossless, header((8, 8), "YBR_FULL", PlanarConfiguration=1), "OB"),
        (uid.JPEG2000Lossless, header((16, 12), PixelRepresentation=1), "OB"),
        (uid.JPEG2000Lossless, header((8, 8), "RGB", PlanarConfiguration=0), "OB"),
        (uid.JPEGLSLossless, header((16, 10)), "OB"),
        (uid.JPEGLSLossless, header((8, 8), "RGB", PlanarConfiguration=0), "OB"),
        (uid.JPEGLSLossless, header((8, 8), "RGB", PlanarConfiguration=1), "OB"),
    ],
)
@pytest.mark.parametrize("frames", [1, 2])
def test_boxes_are_filled_and_all_else_stays(syntax: str, ds: Dataset, vr: str, frames: int, tmp_path: Path) -> None:
    ds = Dataset(ds)
    source, layout = source_of(ds, syntax, frames, vr)
    before = decoded(source)
    assert np.array_equal(before, values_of(ds, frames))
    with masked(source, layout, tmp_path) as (written, after):
        assert written.transfer_syntax == syntax
        assert len(content(written.value)) % 2 == 0
        for old, new in zip(before, decoded(after), strict=True):
            assert np.array_equal(new[~INSIDE], old[~INSIDE])
            assert len(np.unique(new[INSIDE].reshape(-1, layout.samples), axis=0)) == 1


@pytest.mark.parametrize(
    ("ds", "expected"),
    [
        (header(), 10),
        (header((8, 8), "MONOCHROME1"), 200),
        (header((16, 12), PixelRepresentation=1), 10),
        (header((8, 8), "RGB", PlanarConfiguration=0), [0, 0, 0]),
        (header((8, 8), "YBR_FULL", PlanarConfiguration=0), [0, 128, 128]),
    ],
)
def test_boxes_show_black_within_the_values_of_the_picture(ds: Dataset, expected: Any, tmp_path: Path) -> None:
    source, layout = source_of(Dataset(ds), uid.ExplicitVRLittleEndian)
    with masked(source, layout, tmp_path, lowest=10, highest=200) as (_, after):
        assert decoded(after)[0][BOX.top, BOX.left].tolist() == expected


def test_negative_values_are_kept_and_may_fill() -> None:
    layout = read_layout(source_of(header((16, 12), PixelRepresentation=1), uid.ExplicitVRLittleEndian)[0])
    words = layout.words(np.full((ROWS, COLUMNS), 5))
    filled = Mask(layout, boxes=(BOX,), lowest=-2000).applied(Decoded(words, "MONOCHROME2"))
    assert layout.values(filled)[BOX.top, BOX.left] == -2000
    assert filled[BOX.top, BOX.left] & 0xF000 == 0


def test_a_palette_is_masked_with_its_darkest_colour(tmp_path: Path) -> None:
    ds = header((8, 8), "PALETTE COLOR")
    for number, channel in enumerate(("Red", "Green", "Blue")):
        table = np.full(256, 200 + number, np.uint8)
        table[77] = 3
        setattr(ds, f"{channel}PaletteColorLookupTableDescriptor", [256, 0, 8])
        setattr(ds, f"{channel}PaletteColorLookupTableData", table.tobytes())
    source, layout = source_of(ds, uid.ExplicitVRLittleEndian)
    palette = read_palette(ds)
    assert palette is not None
    assert palette.colours(np.array([77, 5])).tolist() == [[3, 3, 3], [200, 201, 202]]
    with masked(source, layout, tmp_path) as (_, after):
        assert decoded(after)[0][BOX.top, BOX.left] == 77


def test_shared_colours_of_two_pixels_are_masked_in_pairs(tmp_path: Path) -> None:
    ds = header((8, 8), "YBR_FULL_422", PlanarConfiguration=0)
    value = bytes(range(1, 241)) * (ROWS * COLUMNS * 2 // 240)
    source = PixelSource(ds, uid.ExplicitVRLittleEndian, "", value, False)
    with masked(source, read_layout(source), tmp_path) as (written, _):
        new, old = (np.frombuffer(data, np.uint8).reshape(ROWS, -1, 4) for data in (content(written.value), value))
        left, right = BOX.left // 2, BOX.right // 2
        assert (new[BOX.top : BOX.bottom, left:right] == [0, 0, 128, 128]).all()
        assert np.array_equal(new[:, right:], old[:, right:])
        assert np.array_equal(new[:, :left], old[:, :left])


def test_bits_that_hold_no_sample_are_cleared_but_for_the_sign() -> None:
    plain = read_layout(source_of(header((16, 12)), uid.ExplicitVRLittleEndian)[0])
    hidden = np.array([[0x8123, 0x0123]], np.uint16)
    assert without_unused_bits(hidden, plain).tolist() == [[0x0123, 0x0123]]
    signed = read_layout(source_of(header((16, 12), PixelRepresentation=1), uid.ExplicitVRLittleEndian)[0])
    words = np.array([[0xFFFF, 0x0FFF, 0x8123]], np.uint16)  # -1 continued, -1 plain, and something else
    assert without_unused_bits(words, signed).tolist() == [[0xFFFF, 0x0FFF, 0x0123]]


def test_embedded_overlays_go_with_all_that_describes_them(tmp_path: Path) -> None:
    ds = header((16, 12))
    ds.add_new(0x60000010, "US", ROWS)
    ds.add_new(0x60000102, "US", 15)
    source, layout = source_of(ds, uid.ExplicitVRLittleEndian)
    assert isinstance(source.value, bytes)
    words = np.frombuffer(source.value, np.uint16) | 0x8000
    source = replace(source, value=words.tobytes())
    with masked(source, layout, tmp_path, clear=True) as (written, after):
        assert {tag for tag, (_, value) in written.elements.items() if value is None} == {0x60000010, 0x60000102}
        assert not (np.frombuffer(content(written.value), np.uint16) & 0xF000).any()
        assert np.array_equal(decoded(after)[0][~INSIDE], values_of(ds)[0][~INSIDE])


def test_jpeg_2000_says_which_transform_it_has(tmp_path: Path) -> None:
    source, layout = source_of(header((8, 8), "RGB", PlanarConfiguration=0), uid.JPEG2000Lossless)
    with masked(source, layout, tmp_path) as (written, _):
        assert written.elements[0x00280004] == ("CS", "YBR_RCT")
        assert 0x00282110 not in written.elements


def test_stale_offsets_are_taken_away_and_the_basic_table_is_right(tmp_path: Path) -> None:
    ds = header()
    source, layout = source_of(ds, uid.RLELossless, frames=3)
    ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = bytes(24), bytes(24)
    with masked(source, layout, tmp_path) as (written, after):
        assert written.elements[0x7FE00001][1] is None
        assert written.elements[0x7FE00002][1] is None
        assert isinstance(after.value, bytes)
        offsets = np.frombuffer(after.value[8:20], "<u4")
        assert [after.value[20 + at : 24 + at] for at in offsets] == [b"\xfe\xff\x00\xe0"] * 3


def test_what_was_lossy_stays_so_in_another_syntax(tmp_path: Path) -> None:
    from io import BytesIO

    from PIL import Image

    stream = BytesIO()
    Image.fromarray(values_of(header())[0].astype(np.uint8)).save(stream, "JPEG", quality=80)
    value = encapsulated([stream.getvalue() + b"\0" * (len(stream.getvalue()) % 2)])
    source = PixelSource(header(), uid.JPEGBaseline8Bit, "", value, True)
    layout = read_layout(source)
    before = decoded(source)[0]
    with masked(source, layout, tmp_path) as (written, after):
        assert written.transfer_syntax == uid.JPEG2000Lossless
        assert written.elements[0x00282110] == ("CS", "01")
        assert written.elements[0x00282114] == ("CS", "ISO_10918_1")
        assert float(str(written.elements[0x00282112][1])) > 1
        assert np.array_equal(decoded(after)[0][~INSIDE], before[~INSIDE])
    said = replace(source, header=header(LossyImageCompression="01"))
    with masked(said, layout, tmp_path) as (written, _):
        assert 0x00282110 not in written.elements


def test_frames_in_several_fragments_are_put_together() -> None:
    source, layout = source_of(header(), uid.RLELossless, frames=2)
    with Frames(source, layout) as frames:
        streams = [frames.content(index) for index in range(2)]
    pieces = [streams[0][:100], streams[0][100:], streams[1][:60], streams[1][60:]]
    second = (len(pieces[0]) + len(pieces[1]) + 16).to_bytes(4, "little")
    split = replace(source, value=encapsulated(pieces, bytes(4) + second))
    assert np.array_equal(decoded(split), decoded(source))


@pytest.mark.parametrize(
    ("ds", "value", "encapsulation", "reason"),
    [
        (header(), bytes(10), False, Reason.PIXELS_TRUNCATED),
        (header(Rows=0), bytes(10), False, Reason.BAD_PIXEL_HEADER),
        (header((12, 12)), bytes(10), False, Reason.BAD_PIXEL_HEADER),
        (header(Rows=65535, Columns=65535), bytes(10), False, Reason.OVERSIZED),
        (header(NumberOfFrames=3), encapsulated([b"abcd"]), True, Reason.PIXELS_TRUNCATED),
        (header(), encapsulated([b"abcd"])[:-2], True, Reason.DECODE_FAILED),
        (header(), encapsulated([bytes(64)]), True, Reason.DECODE_FAILED),
    ],
)
def test_what_cannot_be_decoded_is_refused(ds: Dataset, value: bytes, encapsulation: bool, reason: Reason) -> None:
    syntax = uid.JPEGBaseline8Bit if encapsulation else uid.ExplicitVRLittleEndian
    with pytest.raises(QuarantineUnit) as refused:
        decoded(PixelSource(ds, syntax, "", value, encapsulation))
    assert refused.value.reason is reason


def test_video_is_refused_since_nothing_decodes_it() -> None:
    source = PixelSource(header(), uid.MPEG4HP41, "", encapsulated([b"abcd"]), True)
    with pytest.raises(QuarantineUnit) as refused, Frames(source, read_layout(source)):
        pass
    assert refused.value.reason is Reason.UNSUPPORTED_ENCODING


def test_frames_of_a_file_are_read_one_by_one(tmp_path: Path) -> None:
    source, layout = source_of(header((16, 12)), uid.ExplicitVRLittleEndian, frames=3)
    assert isinstance(source.value, bytes)
    path = tmp_path / "pixels"
    path.write_bytes(b"before" + source.value + b"after")
    in_file = replace(source, value=Range(path, 6, len(source.value)))
    assert np.array_equal(decoded(in_file), decoded(source))
    with Frames(in_file, layout) as frames:
        assert not frames.surplus
    with Frames(replace(source, value=source.value + bytes(50)), layout) as frames:
        assert frames.surplus
