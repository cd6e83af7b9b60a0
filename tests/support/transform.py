"""Small DICOM instances and archives for the tests of transform: one feature each, every value chosen by the test."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from openjpeg.utils import encode_array
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate

from tasks.core.files import write_zip
from tasks.core.models import Unit

CT, MR, SEG, RTSTRUCT, SR = (f"1.2.840.10008.5.1.4.1.1.{suffix}" for suffix in ("2", "4", "66.4", "481.3", "88.11"))
EXPLICIT, JPEG_2000, JPEG_LS, RLE = (f"1.2.840.10008.1.2.{suffix}" for suffix in ("1", "4.90", "4.80", "5"))
UNIT = Unit(
    unit="uaaaaaaaaaaaa",
    patient="paaaaaaaaaaaa",
    study="saaaaaaaaaaaa",
    modality="CT",
    expected=1,
    bytes=1,
    fingerprint="f",
)


def make_image(stored: Any, *, syntax: str = EXPLICIT, **attributes: Any) -> Dataset:
    """An instance with `stored` as its native pixels, shape ([frames,] rows, columns[, 3 for RGB])."""
    pixels = np.asarray(stored)
    colour = pixels.ndim >= 3 and pixels.shape[-1] == 3 and attributes.get("SamplesPerPixel") == 3
    rows, columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    ds = make_object(attributes.pop("SOPClassUID", CT), syntax=syntax)
    ds.Modality = "CT"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = rows, columns, 3 if colour else 1
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if pixels.ndim - colour > 2:
        ds.NumberOfFrames = len(pixels)
    if pixels.dtype.kind == "f":
        ds.BitsAllocated = 8 * pixels.dtype.itemsize
        setattr(ds, "FloatPixelData" if pixels.dtype.itemsize == 4 else "DoubleFloatPixelData", pixels.tobytes())
    else:
        ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
        ds.HighBit = ds.BitsStored - 1
        ds.PixelRepresentation = int(pixels.dtype.kind == "i")
        content = pixels.tobytes()
        ds.PixelData = content + b"\0" * (len(content) % 2)
    if colour:
        ds.PlanarConfiguration = 0
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    if "BitsStored" in attributes and "HighBit" not in attributes:
        ds.HighBit = ds.BitsStored - 1
    return ds


def compress(ds: Dataset, syntax: str, stored: Any) -> Dataset:
    """`ds` with `stored`, shape (frames, rows, columns), in a lossless encoding."""
    if syntax == JPEG_2000:
        frames = [encode_array(frame, bits_stored=int(ds.BitsStored)) for frame in np.asarray(stored)]
        ds.file_meta.TransferSyntaxUID = syntax
        ds.PixelData = encapsulate(frames)
        ds["PixelData"].is_undefined_length = True
    else:
        ds.compress(syntax, generate_instance_uid=False)
    return ds


def make_object(sop_class: str, *, syntax: str = EXPLICIT, **attributes: Any) -> Dataset:
    """An instance without pixels."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, "2.25.1"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "2.25.100", "2.25.200"
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def item(**attributes: Any) -> Dataset:
    """An item of a sequence."""
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def as_read(ds: Dataset) -> Dataset:
    """`ds` as it comes back from a file."""
    return dcmread(BytesIO(as_bytes(ds)))


def as_bytes(ds: Dataset) -> bytes:
    """`ds` as a file."""
    buffer = BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def write_archive(place: Path, instances: Iterable[Dataset | tuple[str, bytes]]) -> Path:
    """An archive as de-identification leaves it; a tuple is (SOPInstanceUID, bytes of the file)."""
    members = [
        (f"{one[0]}.dcm", one[1]) if isinstance(one, tuple) else (f"{one.SOPInstanceUID}.dcm", as_bytes(one))
        for one in instances
    ]
    archive = place / "unit.zip"
    write_zip(archive, members)
    return archive
