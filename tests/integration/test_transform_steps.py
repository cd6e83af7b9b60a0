"""Chains from a series to files: convert, the flow's stage, and a step that another distribution brings."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import nibabel
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from tasks.core.models import State
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.transform.done import key_of
from tasks.transform.tables import make_frame
from tasks.transform.unit import transform_unit
from tests.support import flawed
from tests.support.flawed import STEP, write_series
from tests.support.transform import UNIT, write_archive

PLUGIN = """
from pydantic import Field
from tasks.transform.steps import Parameters, Step

class Add(Parameters):
    amount: float = Field(1.0, description="what is added")

STEP = Step("add", "voxel", "add a number", Add, lambda values, p: values + values.dtype.type(p.amount), version=3,
            packages=("sluice-add", "numpy"))
"""


def sluice(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return write_series(tmp_path / "in", flawed.stack())


@pytest.mark.parametrize("form", ["nifti", "npy", "png"])
def test_a_chain_gives_the_same_bytes_each_time_and_says_what_it_did(form: str, series: Path, tmp_path: Path) -> None:
    chain = "[{n4: {shrink: 1, iterations: 3}}, {isotropic: {spacing: 1.25}}, denoise-median, zscore]"
    refused = sluice("convert", series, tmp_path / "x", "--to", form, "--steps", chain)
    assert "put zscore before denoise-median" in refused.stderr
    chain = "[{n4: {shrink: 1, iterations: 3}}, {isotropic: {spacing: 1.25}}, zscore, denoise-median]"
    for name in ("a", "b"):
        done = sluice("convert", series, tmp_path / name, "--to", form, "--size", 32, "--steps", chain)
        assert done.exit_code == 0, done.output
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    summary = json.loads((tmp_path / "a/summary.json").read_text())
    assert [step["step"] for step in summary["steps"]] == ["n4", "isotropic", "zscore", "denoise-median"]
    assert summary["steps"][0]["packages"]["SimpleITK"][0].isdigit()


def test_the_affine_after_resampling_has_each_value_at_its_place(series: Path, tmp_path: Path) -> None:
    sluice("convert", series, tmp_path / "out", "--to", "nifti", "--steps", "[{isotropic: {spacing: 1.25}}]")
    image: Any = nibabel.load(tmp_path / "out/series-001/volume-01.nii.gz")
    told = json.loads((tmp_path / "out/series-001/volume-01.json").read_text())
    assert told["spacing_mm"] == [1.25] * 3
    assert tuple(told["shape"]) == image.shape[::-1]
    assert np.allclose(np.diag([-1, -1, 1, 1]) @ np.array(told["affine_lps"]), image.affine)
    columns, rows, slices = (2 + np.indices([size - 4 for size in image.shape])).astype(float)
    x, y, z = np.moveaxis(np.stack([columns, rows, slices], -1) @ image.affine[:3, :3].T + image.affine[:3, 3], -1, 0)
    # stored values are 100 slice + 2 row + column - 1024, which is linear in mm
    expected = 100 * (z - 100) / STEP + 2 * (-y - 5) / 0.8 + (-x + 7) / 0.7 - 1024
    assert np.allclose(np.asanyarray(image.dataobj)[2:-2, 2:-2, 2:-2], expected, atol=0.01)
    assert told["decoders"] == {"1.2.840.10008.1.2.1": told["decoders"]["1.2.840.10008.1.2.1"]}


def test_plane_steps_stream_to_the_same_values_as_in_memory(series: Path, tmp_path: Path) -> None:
    for name, chain in (("plain", "[]"), ("median", "[denoise-median, {clip: {low: -900, high: 0}}]")):
        sluice("convert", series, tmp_path / name, "--to", "npy", "--steps", chain)
    plain = np.load(tmp_path / "plain/series-001/volume-01.npy").astype(np.float32)
    found = np.load(tmp_path / "median/series-001/volume-01.npy")
    assert found.dtype == np.float32
    assert np.array_equal(found, np.stack([np.clip(cv2.medianBlur(plane, 3), -900, 0) for plane in plain]))


def test_a_volume_past_the_bound_is_left_out_with_its_reason(series: Path, tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text("transform: {steps: [zscore], volumes: {max_voxels: 3839}}")  # it has 3,840
    done = sluice("convert", series, tmp_path / "out", "--to", "png", "--settings", params)
    assert done.exit_code == 2
    done = sluice("convert", series, tmp_path / "out", "--to", "png", "--settings", params, "--steps", "denoise-median")
    assert "12 pictures written" in done.output


def through_stage(tmp_path: Path, name: str, instances: Any, **settings: Any) -> tuple[Any, pd.DataFrame, Any, Path]:
    """(result, rows, whole content, folder of images) of one unit put through the flow's stage."""
    place = tmp_path / name
    place.mkdir()
    chosen = TransformSettings(size=32, **settings)
    result = transform_unit(write_archive(place, instances), place / "images", place / "rows.json", UNIT, chosen)
    content = json.loads((place / "rows.json").read_text())
    return result, make_frame(content["instances"], _columns()), content, place / "images"


def _columns() -> Any:
    from tasks.core.columns import TRANSFORMED

    return TRANSFORMED["instances"]


def test_the_stage_makes_a_picture_of_each_slice_and_every_instance_has_an_outcome(tmp_path: Path) -> None:
    result, rows, content, images = through_stage(
        tmp_path, "fine", flawed.stack(), steps=({"isotropic": {"spacing": 1.25}},)
    )
    assert len(rows) == 24
    assert not rows[["instance", "frame"]].duplicated().any()
    assert rows["slice_index"].tolist() == list(range(1, 25))
    assert np.allclose(np.diff(rows["position_mm"]), 1.25)
    assert {item.state for item in result.items} == {State.TRANSFORMED}
    assert rows["instance"].nunique() == 12
    assert set(rows["steps"]) == {"isotropic"}
    assert rows[["png_sha256", "mean", "window_width", "png_spacing_row_mm"]].notna().all(axis=None)
    assert [step["step"] for step in content["steps"]] == ["isotropic"]
    assert len(list(images.rglob("*.png"))) == 24
    again = through_stage(tmp_path, "again", flawed.stack(), steps=({"isotropic": {"spacing": 1.25}},))
    assert digests(images) == digests(again[3])
    assert again[0].digest == result.digest


def test_instances_that_no_slice_goes_by_are_skipped_with_a_reason(tmp_path: Path) -> None:
    result, rows, _, _ = through_stage(tmp_path, "coarse", flawed.stack(), steps=({"isotropic": {"spacing": 5}},))
    assert len(rows) == 6
    assert [item.reason for item in result.items].count(Reason.RESAMPLED_AWAY) == 6
    assert sum(item.state is State.TRANSFORMED for item in result.items) == 6


def test_a_series_without_a_volume_is_refused_only_where_a_step_needs_one(tmp_path: Path) -> None:
    result, rows, _, _ = through_stage(tmp_path, "gap", flawed.missing_slice(), steps=("zscore",))
    assert rows.empty
    assert {item.reason for item in result.items} == {Reason.NO_VOLUME}
    _, rows, _, _ = through_stage(tmp_path, "plane", flawed.missing_slice(), steps=("clahe",))
    assert len(rows) == 11
    assert set(rows["window_source"]) == {"percentile"}
    _, rows, content, _ = through_stage(
        tmp_path, "other", flawed.missing_slice(), steps=({"n4": {"modalities": ["MR"]}},)
    )
    assert (len(rows), content["steps"]) == (11, [])
    assert rows["steps"].isna().all()


def test_a_changed_chain_changes_the_key() -> None:
    keys = {key_of("a", TransformSettings(steps=steps)) for steps in ((), ("zscore",), ({"zscore": {"above": 0}},))}
    assert len(keys) == 3


def test_a_step_of_an_installed_distribution_is_found_checked_and_done(series: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    info = site / "sluice_add-1.5.dist-info"
    info.mkdir(parents=True)
    (site / "sluice_add.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sluice-add\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[sluice.steps]\nadd = sluice_add:STEP\nbroken = sluice_add:NOTHING\n")

    def run(*arguments: object) -> Any:
        return subprocess.run(
            [sys.executable, "-m", "flows", *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=False,
        )

    done = run("convert", series, tmp_path / "out", "--to", "npy", "--steps", "{add: {amount: 2.5}}")
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "out/series-001/volume-01.npy")[0, 0, 0] == -1024 + 2.5
    (told,) = json.loads((tmp_path / "out/series-001/volume-01.json").read_text())["steps"]
    assert (told["version"], told["packages"]["sluice-add"]) == (3, "1.5")
    wrong = run("convert", series, tmp_path / "x", "--to", "npy", "--steps", "{add: {amont: 2.5}}")
    assert "did you mean `amount`?" in wrong.stderr
    broken = run("convert", series, tmp_path / "x", "--to", "npy", "--steps", "broken")
    assert "the step broken cannot be loaded (AttributeError)" in broken.stderr
    assert len(broken.stderr.splitlines()) == 1
