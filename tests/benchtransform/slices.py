"""What is converted: made-up CT slices of 512 x 512 with noise and structures, in several encodings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.support.transform import EXPLICIT, JPEG_2000, JPEG_LS, RLE, as_bytes, compress, make_image

SIDE = 512
ENCODINGS = {"uncompressed": EXPLICIT, "RLE": RLE, "JPEG-LS": JPEG_LS, "JPEG 2000": JPEG_2000}


def make_pixels(index: int) -> Any:
    """A body with organs, bones and air, in 12 stored bits; the noise of a routine scan (15 HU)."""
    random = np.random.default_rng(index)
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE / 2) - 1
    body = (x / 0.8) ** 2 + (y / 0.6) ** 2 < 1
    values = np.where(body, 40.0, -1000.0)
    for number in range(9):
        centre = random.uniform(-0.45, 0.45, 2)
        inside = ((x - centre[0]) / 0.18) ** 2 + ((y - centre[1]) / 0.12) ** 2 < 1
        values[inside & body] = (-850, 120, 60, 700, -80, 180, 20, 400, 90)[number]
    values += random.normal(0, 15, values.shape)
    return (values + 1024).clip(0, 4095).astype(np.int16)


def write_slices(folder: Path, encoding: str, count: int) -> list[Path]:
    """`count` files of one series, with the header of a CT and its window."""
    folder.mkdir(parents=True)
    paths = []
    for index in range(count):
        pixels = make_pixels(index)
        ds = make_image(
            pixels,
            SOPInstanceUID=f"2.25.{1000 + index}",
            FrameOfReferenceUID="2.25.300",
            InstanceNumber=index + 1,
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            ImagePositionPatient=[-180.0, -180.0, 2.5 * index],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[0.703125, 0.703125],
            SliceThickness=2.5,
            BitsStored=12,
            RescaleSlope=1,
            RescaleIntercept=-1024,
            WindowCenter=40,
            WindowWidth=400,
            Manufacturer="Example",
            KVP=120,
            StudyDate="20260101",
        )
        if ENCODINGS[encoding] != EXPLICIT:
            compress(ds, ENCODINGS[encoding], pixels[None])
        paths.append(folder / f"{index:04d}.dcm")
        paths[-1].write_bytes(as_bytes(ds))
    return paths
