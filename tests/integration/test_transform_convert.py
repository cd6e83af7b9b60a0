"""`sluice inspect` and `sluice convert`: what they write and print, and that neither names anybody."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from tasks.core.settings import TransformSettings
from tasks.transform.volumes import load_volumes
from tasks.transform.volumes.convert import convert
from tests.support import flawed
from tests.support.flawed import write_series
from tests.support.transform import as_bytes

NAME = "Canary^Ophelia"
RAS = np.array([[-0.7, 0, 0, 7], [0, -0.8, 0, -5], [0, 0, flawed.STEP, 100], [0, 0, 0, 1]])


def sluice(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A good series, and one that lacks a slice, of a patient with a name."""
    broken = flawed.missing_slice()
    for one in broken:
        one.SeriesInstanceUID = "2.25.999"
        one.SOPInstanceUID += "7"
    series = flawed.stack() + broken
    for one in series:
        one.PatientName = one.PatientID = NAME
    return write_series(tmp_path / NAME, series)


def test_npy_is_the_volume_and_its_page_has_the_geometry(place: Path, tmp_path: Path) -> None:
    done = sluice("convert", place, tmp_path / "out", "--to", "npy")
    assert done.exit_code == 0
    assert "1 volumes written" in done.output
    assert "series 2: no volume, missing-slice" in done.output
    array = np.load(tmp_path / "out/series-001/volume-01.npy")
    good = load_volumes(place)[0]
    assert array.dtype == good.array.dtype
    assert np.array_equal(array, good.array)
    told = json.loads((tmp_path / "out/series-001/volume-01.json").read_text())
    assert np.allclose(told["affine_lps"], good.affine)
    assert told["shape"] == list(array.shape)
    assert told["spacing_mm"] == [2.5, 0.8, 0.7]
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["series"][1]["volumes"][0]["findings"][0]["finding"] == "missing-slice"
    assert not (tmp_path / "out/series-002").exists()


def test_nifti_has_the_affine_in_ras_and_the_same_bytes_each_time(place: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        convert(place, tmp_path / name, "nifti", TransformSettings())
    path = tmp_path / "a/series-001/volume-01.nii.gz"
    assert path.read_bytes() == (tmp_path / "b/series-001/volume-01.nii.gz").read_bytes()
    image: Any = nibabel.load(path)
    assert np.allclose(image.affine, RAS)
    assert np.allclose(image.get_qform(), RAS)
    assert (image.header["sform_code"], image.header["qform_code"]) == (1, 1)
    assert np.array_equal(np.asanyarray(image.dataobj).transpose(2, 1, 0), load_volumes(place)[0].array)
    assert gzip.decompress(path.read_bytes())[344:348] == b"n+1\0"
    assert path.read_bytes()[4:8] == b"\0\0\0\0"  # no time


def test_simpleitk_reads_the_nifti_as_it_reads_the_dicom(tmp_path: Path) -> None:
    import SimpleITK

    place = write_series(tmp_path / "in", flawed.stack())
    convert(place, tmp_path / "out", "nifti", TransformSettings())
    ours = SimpleITK.ReadImage(str(tmp_path / "out/series-001/volume-01.nii.gz"))
    theirs = SimpleITK.ReadImage(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(place)))
    for told in ("GetOrigin", "GetSpacing", "GetDirection"):
        assert np.allclose(getattr(ours, told)(), getattr(theirs, told)(), atol=1e-5)
    assert np.array_equal(SimpleITK.GetArrayFromImage(ours), SimpleITK.GetArrayFromImage(theirs))


def test_filled_slices_stream_to_files_as_they_do_to_memory(place: Path, tmp_path: Path) -> None:
    done = sluice("convert", place, tmp_path / "out", "--to", "npy", "--allow", "missing-slice=fill", "--uids")
    assert "2 volumes written" in done.output
    filled = load_volumes(place, TransformSettings.model_validate({"volumes": {"findings": {"missing-slice": "fill"}}}))
    assert np.array_equal(np.load(tmp_path / "out/series-002/volume-01.npy"), filled[1].array)
    told = json.loads((tmp_path / "out/series-002/volume-01.json").read_text())
    assert told["interpolated_slices"] == [5]
    assert told["sop_uids"][5] is None
    assert told["sop_uids"][0] == "2.25.10017"
    assert told["findings"][0] | {"sentence": ""} == {
        "finding": "missing-slice",
        "count": 1,
        "policy": "fill",
        "sentence": "",
    }


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (16, np.uint16)])
def test_png_is_a_picture_a_slice_in_slice_order(bits: int, dtype: Any, place: Path, tmp_path: Path) -> None:
    window = ("--window", "-424,1300")
    done = sluice("convert", place, tmp_path / "out", "--to", "png", "--size", 32, "--bits", bits, *window)
    assert "23 pictures written" in done.output
    pictures = sorted((tmp_path / "out/series-001").glob("*.png"))
    means = [float(cv2.imread(str(path), cv2.IMREAD_UNCHANGED).mean()) for path in pictures]
    assert len(means) == 12
    assert means == sorted(means)
    first = cv2.imread(str(pictures[0]), cv2.IMREAD_UNCHANGED)
    assert first.dtype == dtype
    assert first.shape == (32, 32)
    rows = json.loads((tmp_path / "out/series-001/images.json").read_text())["images"]
    assert [row["file"] for row in rows] == [path.name for path in pictures]
    assert rows[0]["window_center"] == -424
    assert rows[3]["position_mm"] == pytest.approx(107.5)


def test_a_window_of_the_header_counts_unless_auto_is_asked_for(tmp_path: Path) -> None:
    series = flawed.stack()
    for one in series:
        one.WindowCenter, one.WindowWidth = 40, 400
    place = write_series(tmp_path / "in", series)
    sources = {}
    for window in ("header", "auto", "ct-lung"):
        sluice("convert", place, tmp_path / window, "--to", "png", "--window", window)
        row = json.loads((tmp_path / window / "series-001/images.json").read_text())["images"][0]
        sources[window] = (row["window_source"], row["window_width"])
    assert sources["header"] == ("header", 400)
    assert sources["auto"][0] == "percentile"
    assert sources["ct-lung"] == ("settings", 1500)


def test_nothing_that_is_printed_or_written_names_anybody(place: Path, tmp_path: Path) -> None:
    texts = [sluice("inspect", place).output, sluice("inspect", place, "--json").output]
    for form in ("png", "npy"):
        texts.append(sluice("convert", place, tmp_path / form, "--to", form).output)
        texts += [str(path.relative_to(tmp_path)) for path in (tmp_path / form).rglob("*")]
        texts += [path.read_text() for path in (tmp_path / form).rglob("*.json")]
    for text in texts:
        assert "Canary" not in text
        assert "2.25." not in text


def test_inspect_tells_each_series_and_what_its_findings_mean(place: Path) -> None:
    told = sluice("inspect", place)
    assert told.exit_code == 0
    assert "missing-slice: there is a gap" in told.output
    series = json.loads(sluice("inspect", place, "--json").output)["series"]
    assert [one["volumes"][0]["usable"] for one in series] == [True, False]
    assert series[0]["volumes"][0]["spacing_mm"] == [2.5, 0.8, 0.7]
    assert "mixed-orientation" in sluice("inspect", "--findings").output


def test_zips_and_gzips_are_looked_into(place: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "series.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        for number, one in enumerate(flawed.stack()):
            content = as_bytes(one)
            archive.writestr(f"{number}", gzip.compress(content) if number % 2 else content)
        archive.writestr("readme.txt", "not DICOM")
    (volume,) = load_volumes(bundle)
    assert np.array_equal(volume.array, load_volumes(place)[0].array)


def test_failures_are_one_line_that_says_what_to_do(place: Path, tmp_path: Path) -> None:
    lone = write_series(tmp_path / "lone", flawed.missing_geometry())
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    for arguments, words in (
        (("convert", lone, tmp_path / "x", "--to", "nifti"), "missing-geometry"),
        (("convert", place, tmp_path / "full", "--to", "npy"), "not empty"),
        (("convert", place, tmp_path / "x", "--to", "nift"), "did you mean nifti?"),
        (("convert", place, tmp_path / "x", "--to", "png", "--window", "lung"), "ct-lung"),
        (("convert", place, tmp_path / "x", "--to", "npy", "--allow", "missing-slice"), "finding=policy"),
        (("convert", place, tmp_path / "x", "--to", "npy", "--allow", "missing-slice=guess"), "refuse, fill"),
        (("inspect", tmp_path / "nowhere"), "does not exist"),
    ):
        done = sluice(*arguments)
        assert done.exit_code == 2
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "x").exists()
