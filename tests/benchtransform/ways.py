"""The ways that are timed: the plain one of many scripts, and ours, each from the same files to new ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from tasks.core.files import write_zip
from tasks.core.settings import TransformSettings
from tasks.transform.pixels import read_pixel_header
from tasks.transform.render import render_instance
from tasks.transform.survey import list_planes
from tasks.transform.unit import transform_unit
from tasks.transform.volumes.convert import convert
from tasks.transform.volumes.sources import Place, read_instance
from tests.support.transform import UNIT

Way = Callable[[Sequence[Path], Path, int], None]
SIZE = 256


def plain(files: Sequence[Path], folder: Path, bits: int) -> None:
    """pixel_array, apply_modality_lut, apply_voi_lut, Pillow's resize (area) and save, a file at a time."""
    for path in files:
        ds = dcmread(path)
        values = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds)
        low, high = values.min(), values.max()
        scaled = (values - low) / (high - low)
        if bits == 8:
            image = Image.fromarray((scaled * 255 + 0.5).astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.BOX)
        else:  # Pillow reduces 16 bits only as floats
            small = Image.fromarray(scaled.astype(np.float32)).resize((SIZE, SIZE), Image.Resampling.BOX)
            image = Image.fromarray((np.asarray(small) * 65535 + 0.5).astype(np.uint16))
        image.save(folder / f"{path.stem}.png")


def one_by_one(files: Sequence[Path], folder: Path, bits: int) -> None:
    """Our steps from a file to a PNG and its row, a file at a time."""
    settings = TransformSettings(size=SIZE, bits=8 if bits == 8 else 16)
    for path in files:
        ds = read_instance(Place(str(path)))
        header = read_pixel_header(ds)
        planes = {one.frame: (0, one) for one in list_planes(ds, header, path.stem)}
        for _, png in render_instance(ds, UNIT, path.stem, planes, settings, None, facts=False, header=header):
            (folder / f"{path.stem}.png").write_bytes(png)


def command(files: Sequence[Path], folder: Path, bits: int) -> None:
    """`sluice convert`: the whole series, with its geometry judged and a row for each picture."""
    settings = TransformSettings(size=SIZE, bits=8 if bits == 8 else 16)
    convert(files[0].parent, folder / "out", "png", settings)


def flow(files: Sequence[Path], folder: Path, bits: int) -> None:
    """What a process of the flow's pool does with an archive: survey, pictures, rows, digests, ledger key."""
    settings = TransformSettings(size=SIZE, bits=8 if bits == 8 else 16)
    archive = files[0].parent.with_suffix(".zip")
    if not archive.exists():
        write_zip(archive, [(f"2.25.{1000 + index}.dcm", path.read_bytes()) for index, path in enumerate(files)])
    transform_unit(archive, folder / "images", folder / "rows.json", UNIT, settings)


WAYS: dict[str, Way] = {
    "plain": plain,
    "ours, file to PNG": one_by_one,
    "ours, `sluice convert`": command,
    "ours, a unit of the flow": flow,
}


def prepare() -> None:
    """One thread, as in a process of the pool."""
    cv2.setNumThreads(1)


def fresh(folder: Path) -> Path:
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
