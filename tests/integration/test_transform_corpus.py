"""Every DICOM file of the shared corpus: images, an object that stays, or a reason; and encodings that must agree."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydicom import dcmread

from tasks.core.files import write_zip
from tasks.core.models import UnitResult
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.transform.decode import decode_frames
from tasks.transform.pixels import read_pixel_header
from tasks.transform.unit import transform_unit
from tests.support.places import SHARED_DATA
from tests.support.transform import UNIT

DICOM = SHARED_DATA / "dicom"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DICOM.is_dir(), reason="the shared corpus is not beside the checkout"),
]
FOLDERS = sorted(path.name for path in DICOM.iterdir() if path.is_dir()) if DICOM.is_dir() else []

REFUSED = {
    "JPEG2000-embedded-sequence-delimiter.dcm": Reason.DECODE_FAILED,
    "MR_truncated.dcm": Reason.PIXELS_TRUNCATED,
    "nested_priv_SQ.dcm": Reason.BAD_PIXEL_HEADER,
    "966.dcm": Reason.DECODE_FAILED,
    "dwv-test_no-number-rows.dcm": Reason.BAD_PIXEL_HEADER,
    "GH1146.dcm": Reason.PIXELS_TRUNCATED,
    "GH1376.dcm": Reason.PIXELS_TRUNCATED,
    "genFile.dcm": Reason.DECODE_FAILED,
}
"""Files with pixels that cannot be had, and why (README.md of the corpus lists them)."""


@dataclass(frozen=True)
class Outcome:
    """What became of one folder of the corpus, put through as if it were one unit."""

    result: UnitResult
    rows: list[dict[str, Any]]
    names: dict[str, Path]
    images: Path


def transform_folder(folder: Path, place: Path) -> Outcome:
    """Put all files with a DICOM prefix through; others never come this far."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.read_bytes()[128:132] == b"DICM"]
    names = {f"2.25.{index}": path for index, path in enumerate(files, start=1)}
    archive = place / "unit.zip"
    write_zip(archive, [(f"{sop}.dcm", path.read_bytes()) for sop, path in names.items()])
    result = transform_unit(archive, place / "images", place / "rows.json", UNIT, TransformSettings(size=64))
    rows = json.loads((place / "rows.json").read_text(encoding="utf-8"))["instances"]
    return Outcome(result, rows, names, place / "images")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_gives_images_or_an_object_or_a_reason(folder: str, tmp_path: Path) -> None:
    outcome = transform_folder(DICOM / folder, tmp_path)
    assert sorted(item.item for item in outcome.result.items) == sorted(outcome.names)
    frames = Counter(row["instance"] for row in outcome.rows)
    for item in outcome.result.items:
        assert (item.reason is None) == (frames[item.item] > 0)
        name = outcome.names[item.item].name
        if name in REFUSED:
            assert item.reason is REFUSED[name], name
        elif item.reason is not None and name != "meta_missing_tsyntax.dcm":
            assert item.reason in (Reason.NOT_AN_IMAGE, Reason.UNREADABLE), name
    for row in outcome.rows:
        if row["image_path"] is None:
            continue
        png = cv2.imread(str(outcome.images / row["image_path"]), cv2.IMREAD_UNCHANGED)
        assert png.shape[:2] == (64, 64)
        assert png.dtype == np.uint8
        assert row["mean"] is None or 0 <= row["mean"] <= 1


def test_nine_encodings_of_one_slice_have_one_content_digest(tmp_path: Path) -> None:
    rows = transform_folder(DICOM / "transfer_syntaxes_ts", tmp_path).rows
    assert len(rows) == 9
    assert len({row["transfer_syntax"] for row in rows}) > 5
    assert len({row["content_sha256"] for row in rows}) == 1
    assert len({row["png_sha256"] for row in rows}) == 1


def test_a_complete_ct_series_lies_in_order_at_its_spacing(tmp_path: Path) -> None:
    outcome = transform_folder(DICOM / "ct_rtstruct_ibsi1", tmp_path)
    images = [row for row in outcome.rows if row["kind"] == "image"]
    positions = [row["position_mm"] for row in images]
    assert len(images) == 60
    assert positions == sorted(positions)
    assert np.allclose(np.diff(positions), 3)
    (structures,) = [row for row in outcome.rows if row["kind"] == "structure-set"]
    assert images[0]["series"] in json.loads(structures["references"])


def test_jpeg_of_12_bits_is_close_to_the_lossless_original_and_never_wraps_around() -> None:
    folder = DICOM / "compressed_nema_wg04"
    worst = {}
    for name in ("MR4", "NM1", "RG3", "XA1"):
        (lossy,) = folder.rglob(f"{name}_JPLY")
        (original,) = folder.rglob(f"{name}_JLSN" if name == "RG3" else f"{name}_RLE")
        pixels = []
        for path in (lossy, original):
            ds = dcmread(path)
            pixels.append(next(decode_frames(ds, read_pixel_header(ds))).astype(int))
        difference = np.abs(pixels[0] - pixels[1])
        assert difference.mean() < 4
        worst[name] = int(difference.max())
    assert max(worst.values()) < 400, worst
