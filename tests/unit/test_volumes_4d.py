"""4D NIfTI: volumes that follow each other in time, in one file with its step; others stay apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from tasks.core.settings import TransformSettings
from tasks.transform.volumes import load_volumes
from tasks.transform.volumes.convert import convert
from tests.support import flawed
from tests.support.flawed import SLICES, slice_at, write_series

SETTINGS = TransformSettings()


def converted(tmp_path: Path, series: flawed.Series) -> list[tuple[Any, dict[str, Any]]]:
    convert(write_series(tmp_path / "in", series), tmp_path / "out", "nifti", SETTINGS, four_d=True)
    files = sorted((tmp_path / "out" / "series-001").glob("*.nii.gz"))
    return [
        (nib.load(path), json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text()))
        for path in files
    ]


def test_voxels_and_affine_are_those_of_the_volumes_one_after_the_other(tmp_path: Path) -> None:
    ((image, told),) = converted(tmp_path, flawed.trigger_times())
    volumes = load_volumes(tmp_path / "in")
    expected = np.stack([volume.array.transpose(2, 1, 0) for volume in volumes], axis=-1)
    assert image.shape == (flawed.COLUMNS, flawed.ROWS, SLICES, 3)
    assert (np.asarray(image.dataobj) == expected).all()
    assert np.allclose(image.affine, np.diag([-1, -1, 1, 1]) @ volumes[0].affine, atol=1e-4)
    assert image.header.get_zooms()[3] == pytest.approx(0.04)
    assert image.header.get_xyzt_units() == ("mm", "sec")
    assert (told["time_step_s"], told["times_s"], told["volumes"]) == (0.04, [0.0, 0.04, 0.08], [1, 2, 3])


def test_acquisition_times_give_the_step(tmp_path: Path) -> None:
    ((image, _),) = converted(tmp_path, flawed.by("AcquisitionTime", ("235958", "235958.5", "235959"))())
    assert image.header.get_zooms()[3] == pytest.approx(0.5)


def test_uneven_times_have_no_step_and_are_told(tmp_path: Path) -> None:
    ((image, told),) = converted(tmp_path, flawed.by("AcquisitionTime", ("101500", "101510", "101540"))())
    assert image.header.get_zooms()[3] == 0
    assert (told["time_step_s"], told["times_s"]) == (None, [0.0, 10.0, 40.0])


def test_echo_planar_volumes_without_times_are_a_repetition_apart(tmp_path: Path) -> None:
    series = flawed.temporal_count()
    for one in series:
        one.ScanningSequence, one.RepetitionTime = ["EP", "GR"], 2500
    ((image, told),) = converted(tmp_path, series)
    assert image.shape[3] == 3
    assert image.header.get_zooms()[3] == 2.5
    assert told["times_s"] is None


@pytest.mark.parametrize("what", ["echo", "b-value", "direction", "image type"])
def test_what_is_no_time_stays_apart(what: str, tmp_path: Path) -> None:
    made = converted(tmp_path, flawed.SEVERAL[what][0]())
    assert [image.ndim for image, _ in made] == [3, 3]


def test_slopes_that_differ_between_volumes_keep_every_value(tmp_path: Path) -> None:
    series = [
        slice_at(index, 1 + 50 * which + index, TemporalPositionIdentifier=which, RescaleSlope=1 + 0.5 * which)
        for which in range(2)
        for index in range(SLICES)
    ]
    ((image, _),) = converted(tmp_path, series)
    assert image.get_data_dtype() == np.float32
    volumes = load_volumes(tmp_path / "in")
    assert np.allclose(image.dataobj[..., 1], volumes[1].array.transpose(2, 1, 0))
