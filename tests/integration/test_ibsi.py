"""The CT phantom of IBSI-1 from DICOM and RTSTRUCT to features, and regions of the shared corpus on their volumes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.transform.roi.grid import Grid
from tasks.transform.roi.load import Target, belongs, load_rois, open_source
from tasks.transform.roi.model import Finding
from tasks.transform.volumes import Volume, load_volumes
from tests.ibsi.cases import CT_PHANTOM, REFERENCE, load_ct_phantom, run_configurations
from tests.ibsi.compare import compare, read_references
from tests.support.places import SHARED_DATA

DICOM = SHARED_DATA / "dicom"
SEGMENTED = DICOM / "seg_sr_dcmqi" / "segmentations"
TISSUE = DICOM / "petctmr_rtstruct_sts"
FAST = "families: [morphology, statistics]\nresegmentation: {range: [-500, 400]}\n"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not REFERENCE.is_file(), reason="the shared corpus is not beside the checkout"),
]


def target_of(volume: Volume) -> Target:
    z, y, x = volume.array.shape
    slices = {sop: index for index, sop in enumerate(volume.sops)}
    return Target(Grid((z, y, x), volume.affine), slices, volume.series, volume.frame_of_reference)


def structure_sets() -> dict[str, Path]:
    """The structure sets of the patient with CT, PET and MR, by the modality that they were drawn on."""
    found = {}
    for volume in load_volumes(TISSUE):
        for path in sorted(TISSUE.rglob("RS.dcm")):
            if belongs(open_source(path), target_of(volume)) == 2:
                found[volume.modality] = path
    return found


def test_the_mask_of_the_phantom_has_no_voxel_wrong() -> None:
    image, _, roi = load_ct_phantom()
    assert (roi.voxels, roi.matched, roi.findings) == (125_256, "position", {})
    assert image[roi.mask].mean() == pytest.approx(-46.9, abs=0.05)
    assert (image[roi.mask].min(), image[roi.mask].max()) == (-1000, 723)


def test_configurations_a_to_c_are_within_tolerance_from_dicom_and_structure_set() -> None:
    references = read_references(REFERENCE)
    met = 0
    for answer in run_configurations():
        score = compare(answer.values, [one for one in references if one.dataset == answer.name])
        assert (answer.name, score.missed, answer.problems) == (answer.name, (), ())
        met += score.met
    assert met == 902 + 180


def test_one_region_drawn_on_three_modalities_is_laid_on_each() -> None:
    sets = structure_sets()
    voxels = {}
    for volume in load_volumes(TISSUE):
        (roi,) = load_rois(open_source(sets[volume.modality]), target_of(volume))
        assert roi.matched == "position"
        voxels[volume.modality] = roi.voxels * float(np.prod(volume.spacing))
    assert voxels["CT"] == pytest.approx(voxels["MR"], rel=0.01)
    assert voxels["PT"] == pytest.approx(voxels["CT"], rel=0.1)


def test_segments_are_laid_on_the_volume_that_they_name() -> None:
    (volume,) = load_volumes(SEGMENTED / "ct-3slice")
    target = target_of(volume)
    (liver,) = load_rois(open_source(SEGMENTED / "liver.dcm"), target)
    assert (liver.voxels, liver.matched, liver.findings) == (107_098, "position", {})
    parts = list(load_rois(open_source(SEGMENTED / "partial_overlaps.dcm"), target))
    assert [roi.voxels for roi in parts] == [9602, 11888, 10743, 6693, 4713]
    (sparse, *_) = load_rois(open_source(SEGMENTED / "sparse-labelmap-ppv5.dcm"), target)
    assert Finding.OTHER_FRAME in sparse.findings


def test_the_command_writes_a_row_and_a_dictionary_and_no_name_to_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FAST, encoding="utf-8")
    arguments = ["features", str(CT_PHANTOM), "--roi", str(next((CT_PHANTOM / "mask").iterdir()))]
    out = tmp_path / "f.parquet"
    result = CliRunner().invoke(app, [*arguments, "--out", str(out), "--settings", str(tmp_path / "s.yaml")])
    assert result.exit_code == 0, result.output
    assert "GTV" not in result.output
    table = pd.read_parquet(out)
    assert table["roi_voxels"].tolist() == [125_256]
    assert table["roi_name"].tolist() == ["GTV-1"]
    assert table["int_mask_vox_count_reseg_roi"].tolist() == [114_596]
    assert "glcm" not in {
        column.get("family") for column in json.loads(out.with_suffix(".json").read_text())["columns"]
    }


def test_the_command_takes_the_volume_that_a_structure_set_was_drawn_on(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FAST, encoding="utf-8")
    out = tmp_path / "f.parquet"
    arguments = ["features", str(TISSUE), "--out", str(out), "--settings", str(tmp_path / "s.yaml")]
    for path in structure_sets().values():
        arguments += ["--roi", str(path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert sorted(pd.read_parquet(out)["modality"]) == ["CT", "MR", "PT"]


def test_a_region_of_another_series_is_refused_in_one_line(tmp_path: Path) -> None:
    arguments = ["features", str(SEGMENTED / "ct-3slice"), "--roi", str(next((CT_PHANTOM / "mask").iterdir()))]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "f.parquet")])
    assert result.exit_code == 2
    assert not (tmp_path / "f.parquet").exists()
