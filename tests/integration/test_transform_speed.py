"""What makes reading fast gives what pydicom gives; what is decoded for a window is decoded once; memory stays flat."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from tasks.core.settings import TransformSettings
from tasks.transform import scratch
from tasks.transform.codecs import DECODER_DEPENDENCIES, describe_decoder
from tasks.transform.decode import decode_frames
from tasks.transform.parse import parse_plain
from tasks.transform.pixels import read_pixel_header
from tasks.transform.volumes.convert import convert
from tests.support.places import ROOT, SHARED_DATA
from tests.support.transform import JPEG_LS, RLE, as_bytes, as_read, compress, make_image

DICOM = SHARED_DATA / "dicom"
HEADER = 2**14
DECODERS = {
    "4.50": {"pillow"},
    "4.51": {"pillow", "python-gdcm"},
    "4.53": {"pillow", "python-gdcm"},
    "4.55": {"pillow", "python-gdcm"},
    "4.57": {"python-gdcm"},
    "4.70": {"python-gdcm"},
    "4.80": {"pyjpegls"},
    "4.81": {"pyjpegls"},
    "4.90": {"pylibjpeg-openjpeg"},
    "4.91": {"pylibjpeg-openjpeg"},
    "4.201": {"pylibjpeg-openjpeg"},
    "4.202": {"pylibjpeg-openjpeg"},
    "4.203": {"pylibjpeg-openjpeg"},
    "5": {"pylibjpeg-rle"},
}
CHILD = """
import sys
from pathlib import Path
from tasks.core.settings import TransformSettings
from tasks.transform.volumes.convert import convert
convert(Path(sys.argv[1]), Path(sys.argv[2]), "png", TransformSettings(size=16))
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def slice_at(index: int, pixels: Any, **more: Any) -> Any:
    return make_image(
        pixels,
        SOPInstanceUID=f"2.25.{1000 + index}",
        FrameOfReferenceUID="2.25.300",
        InstanceNumber=index + 1,
        ImagePositionPatient=[0, 0, 0.5 * index],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=[1, 1],
        **more,
    )


def test_each_transfer_syntax_has_its_decoder_and_no_other() -> None:
    pinned = {
        str(syntax).removeprefix("1.2.840.10008.1.2."): set(found) for syntax, found in DECODER_DEPENDENCIES.items()
    }
    assert pinned == DECODERS
    for suffix, packages in DECODERS.items():
        told = describe_decoder(f"1.2.840.10008.1.2.{suffix}")
        assert {part.split()[0] for part in told.split(", ")} == packages
        assert all(part.split()[1][0].isdigit() for part in told.split(", "))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
@pytest.mark.parametrize("unused", [0, 3])
def test_native_frames_are_those_of_pydicom(dtype: str, unused: int) -> None:
    """The bits above BitsStored are noise here, which says nothing."""
    kind = np.dtype(dtype)
    stored = np.random.default_rng(5).integers(np.iinfo(kind).min, np.iinfo(kind).max, (3, 5, 7), dtype=kind)
    ds = as_read(make_image(stored, BitsStored=8 * kind.itemsize - unused))
    found = np.stack(list(decode_frames(ds, read_pixel_header(ds))))
    assert found.dtype == kind
    assert np.array_equal(found, ds.pixel_array)


@pytest.mark.parametrize("charset", [None, "ISO_IR 100", ["", "ISO 2022 IR 87"]])
def test_a_plain_file_is_parsed_as_by_pydicom_and_others_are_left_to_it(charset: Any) -> None:
    ds = make_image(
        np.zeros((2, 2), np.uint8), SpecificCharacterSet=charset, Manufacturer="A B", ImageComments="x" * 70000
    )
    content = as_bytes(ds)
    found = parse_plain(content)
    assert found is not None
    expected = as_read(ds)
    assert found == expected
    assert found.file_meta == expected.file_meta
    assert (found.original_encoding, found.original_character_set) == (
        expected.original_encoding,
        expected.original_character_set,
    )
    assert parse_plain(content[:HEADER], header_only=True) is None  # the header is longer
    for other in (
        content[:-1],
        content[:-2] + b"\0\0\0\0",
        as_bytes(make_image(np.zeros((2, 2)), syntax="1.2.840.10008.1.2")),
    ):
        assert parse_plain(other) is None


def test_what_is_compressed_and_has_no_window_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "in"
    place.mkdir()
    for index, syntax in enumerate((JPEG_LS, RLE, JPEG_LS)):
        pixels = np.random.default_rng(index).integers(0, 500, (16, 16)).astype(np.uint16)
        (place / f"{index}.dcm").write_bytes(as_bytes(compress(slice_at(index, pixels), syntax, pixels[None])))
    decoded = []
    original = scratch.decode_frames
    monkeypatch.setattr(scratch, "decode_frames", lambda ds, header: decoded.append(1) or original(ds, header))
    convert(place, tmp_path / "once", "png", TransformSettings(size=16))
    assert len(decoded) == 3
    monkeypatch.setattr(scratch.Scratch.__init__, "__defaults__", (0,))
    convert(place, tmp_path / "twice", "png", TransformSettings(size=16))
    assert len(decoded) == 3 + 6
    for path in sorted((tmp_path / "once").rglob("*.png")):
        assert path.read_bytes() == (tmp_path / "twice" / path.relative_to(tmp_path / "once")).read_bytes()


def test_pictures_of_a_long_series_take_no_more_memory_than_of_a_short_one(tmp_path: Path) -> None:
    """Headers are kept, some 6 kB a slice; 128 kB of pixels a slice are not, though they have no window."""
    peaks = []
    for count in (60, 460):
        place = tmp_path / f"in{count}"
        place.mkdir()
        for index in range(count):
            pixels = np.full((256, 256), index % 900, np.int16)
            pixels[:9, :9] = 7
            (place / f"{index:05d}.dcm").write_bytes(as_bytes(slice_at(index, pixels)))
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(place), str(tmp_path / f"out{count}")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(done.stdout) / 1024)
        assert len(list((tmp_path / f"out{count}").rglob("*.png"))) == count
    assert peaks[1] - peaks[0] < 18  # of 52 MB of pixels


@pytest.mark.shared
@pytest.mark.skipif(not DICOM.is_dir(), reason="the shared corpus is not beside the checkout")
def test_plain_files_of_the_corpus_are_parsed_as_by_pydicom() -> None:
    accepted = 0
    for path in sorted(DICOM.rglob("*")):
        small = path.is_file() and path.stat().st_size < 2**16
        content = path.read_bytes() if small else b""
        found = parse_plain(content)
        if found is not None:
            accepted += 1
            assert found == dcmread(path), path.name
    assert accepted >= 50


@pytest.mark.shared
@pytest.mark.skipif(not DICOM.is_dir(), reason="the shared corpus is not beside the checkout")
def test_the_nine_encodings_of_one_slice_have_identical_pixels() -> None:
    found, syntaxes = [], set()
    for path in sorted((DICOM / "transfer_syntaxes_ts").rglob("*")):
        if path.is_file():
            ds = dcmread(path)
            found.append(np.stack(list(decode_frames(ds, read_pixel_header(ds)))))
            syntaxes.add(str(ds.file_meta.TransferSyntaxUID))
    assert len(found) == 9
    assert len(syntaxes) >= 6
    assert all(np.array_equal(found[0], other) for other in found)
