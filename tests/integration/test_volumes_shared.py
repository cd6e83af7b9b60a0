"""Volumes of the shared corpus against SimpleITK, and against dcm2niix where it is installed: each voxel, and affines.

Both are asked only where they are right: SimpleITK for plain single-frame series, dcm2niix also for 4D, mosaics and
enhanced multi-frame (`-p n`, since it scales Philips' values by private attributes otherwise).
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK

from tasks.core.settings import TransformSettings
from tasks.transform.volumes import Volume, find_series, load_volumes
from tasks.transform.volumes.geometry import to_ras
from tests.support.places import SHARED_DATA

DICOM = SHARED_DATA / "dicom"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DICOM.is_dir(), reason="the shared corpus is not beside the checkout"),
]
VOLUMES = {
    "ct_rtstruct_ibsi1": 1,
    "petctmr_rtstruct_sts": 3,
    "mr_ge_siemens_nih": 18,
    "mr_philips_enhanced": 11,
    "mr_uih_dti": 17,
}
AFFINE, VALUE = 1e-4, 1e-6


@pytest.mark.parametrize("folder", ["ct_rtstruct_ibsi1", "petctmr_rtstruct_sts"])
def test_single_frame_series_are_as_simpleitk_has_them(folder: str) -> None:
    volumes = load_volumes(DICOM / folder, strict=True)
    assert len(volumes) == VOLUMES[folder]
    for volume in volumes:
        places = {path.parent for path in (DICOM / folder).rglob("*") if path.is_file()}
        names = max(
            (SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(place), volume.series) for place in places), key=len
        )
        theirs = SimpleITK.ReadImage(names)
        array = SimpleITK.GetArrayFromImage(theirs)
        affine = np.eye(4)
        affine[:3, :3] = np.array(theirs.GetDirection()).reshape(3, 3) * theirs.GetSpacing()
        affine[:3, 3] = theirs.GetOrigin()
        assert np.abs(affine - volume.affine).max() < AFFINE
        assert_same(volume.array, array)


@pytest.mark.skipif(shutil.which("dcm2niix") is None, reason="dcm2niix is not installed")
@pytest.mark.parametrize("folder", VOLUMES)
def test_every_volume_is_as_dcm2niix_has_it(folder: str, tmp_path: Path) -> None:
    volumes = load_volumes(DICOM / folder, strict=True)
    references = list(convert_by_dcm2niix(DICOM / folder, tmp_path))
    assert len(volumes) == len(references) == VOLUMES[folder]
    for volume in volumes:
        array, affine = as_canonical(volume)
        nearest = min(
            (other for other in references if other[0].shape == array.shape),
            key=lambda other: float(np.abs(other[0] - array).max()),
        )
        references = [other for other in references if other is not nearest]
        assert_same(array, nearest[0])
        assert np.abs(affine - nearest[1]).max() < AFFINE


def test_no_image_of_the_corpus_passes_in_silence() -> None:
    found = find_series([DICOM], TransformSettings())
    candidates = [candidate for series in found.series for candidate in series.candidates]
    assert len(candidates) > 100
    for candidate in candidates:
        assert (candidate.grid is None) == any(note.refuses for note in candidate.notes)


def convert_by_dcm2niix(source: Path, place: Path) -> Iterator[tuple[Any, Any]]:
    """(values, affine) of each volume, in the orientation nearest to RAS."""
    for path in source.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            target = place / "in" / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    arguments = ["-p", "n", "-z", "n", "-b", "n", "-f", "%s_%p", "-o", str(place), str(place / "in")]
    subprocess.run(["dcm2niix", *arguments], check=False, capture_output=True)
    for path in sorted(place.glob("*.nii")):
        image: Any = nibabel.as_closest_canonical(nibabel.load(path))
        array = np.asanyarray(image.dataobj)
        for time in range(array.shape[3] if array.ndim == 4 else 1):
            yield (array[..., time] if array.ndim == 4 else array), image.affine


def as_canonical(volume: Volume) -> tuple[Any, Any]:
    image: Any = nibabel.Nifti1Image(volume.array.transpose(2, 1, 0).astype(np.float64), to_ras(volume.affine))
    image = nibabel.as_closest_canonical(image)
    return np.asarray(image.dataobj), image.affine


def assert_same(ours: Any, theirs: Any) -> None:
    """Equal, whole numbers exactly, others to the precision of float32."""
    assert ours.shape == theirs.shape
    allowed = VALUE * max(1.0, float(np.abs(theirs).max()))
    assert np.abs(ours.astype(np.float64) - theirs).max() <= allowed
