"""Features of a run: the same values as `sluice features`, through curate and export into the release, and sheets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from pydicom import Dataset

from tasks.core.cohort import read_cohort
from tasks.core.files import write_json, write_zip
from tasks.core.models import Cohort, Item, State, Unit, UnitResult
from tasks.core.settings import Settings
from tasks.core.workspace import Workspace
from tasks.curate.stage import curate
from tasks.export.stage import export
from tasks.record.ledger import Ledger
from tasks.train.radiomics import read_radiomics
from tasks.transform import tabulate
from tasks.transform.features import tabulate_features
from tasks.transform.look.patients import draw_patients
from tasks.transform.roi.rtstruct import RTSTRUCT_CLASS
from tasks.transform.stage import transform
from tests.support import flawed
from tests.support.fake_stages import PROFILE, judge
from tests.support.places import make_workspace, with_params
from tests.support.transform import UNIT, as_bytes, item, make_object

ROI, WHOLE = {"in_flow": "roi"}, {"in_flow": "whole"}
SMALL = {"families": ["morphology", "statistics"], "diagnostics": True}
PATIENT = {"patient": "paaaaaaaaaaaa", "study": "saaaaaaaaaaaa"}


def structure_set() -> Dataset:
    """Two regions on three slices of `flawed.stack`: a square of 4 x 4 pixels, and one outside of the field."""
    x, y, z = flawed.ORIGIN

    def contour(depth: int, left: float) -> Dataset:
        corners = [(left, 3.5), (left + 4, 3.5), (left + 4, 7.5), (left, 7.5)]
        points = [(x + 0.7 * column, y + 0.8 * row, z + flawed.STEP * depth) for column, row in corners]
        made = item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=4)
        made.ContourData = [f"{value:g}" for point in points for value in point]
        sop = f"2.25.{1001 + depth}"
        made.ContourImageSequence = [item(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID=sop)]
        return made

    return make_object(
        RTSTRUCT_CLASS,
        SOPInstanceUID="2.25.900",
        SeriesInstanceUID="2.25.901",
        Modality="RTSTRUCT",
        FrameOfReferenceUID="2.25.300",
        StructureSetROISequence=[
            item(ROINumber=3, ROIName="GTV-1", ReferencedFrameOfReferenceUID="2.25.300"),
            item(ROINumber=4, ROIName="Zürn, seen by Dr. Doe", ReferencedFrameOfReferenceUID="2.25.300"),
        ],
        ROIContourSequence=[
            item(ReferencedROINumber=3, ContourSequence=[contour(depth, 5.5) for depth in (4, 5, 6)]),
            item(ReferencedROINumber=4, ContourSequence=[contour(4, 500.5)]),
        ],
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A CT, a structure set on it, and a CT without regions, de-identified; nothing is transformed yet."""
    root = tmp_path_factory.mktemp("features")
    workspace = with_params(make_workspace(root), transform={"size": 64}, run={"processes": 1})
    plain = flawed.stack()
    for one in plain:
        one.SeriesInstanceUID, one.FrameOfReferenceUID = "2.25.201", "2.25.301"
        one.SOPInstanceUID = f"{one.SOPInstanceUID}7"
        one.PixelData = bytes(reversed(one.PixelData))
    of_units: dict[str, list[Dataset]] = {"ct": flawed.stack(), "rt": [structure_set()], "zz": plain}
    units = []
    with Ledger.open(workspace) as ledger:
        for name, instances in of_units.items():
            changes: dict[str, Any] = {
                "unit": f"uaaaaaaaaaa{name}",
                "modality": "RTSTRUCT" if name == "rt" else "CT",
                "expected": len(instances),
                "fingerprint": name,
            }
            unit = UNIT.model_copy(update=changes)
            write_zip(
                workspace.deidentified / unit.archive, [(f"{i.SOPInstanceUID}.dcm", as_bytes(i)) for i in instances]
            )
            units.append((unit, [str(one.SOPInstanceUID) for one in instances]))
        cohort = Cohort(key_id="k", criteria="c", units=tuple(unit for unit, _ in units))
        ledger.register(cohort)
        for unit, sops in units:
            items = tuple(Item(item=f"i{sop}", sop=sop, state=State.DEIDENTIFIED) for sop in sops)
            ledger.record(unit, "extract+deidentify", "k", UnitResult(unit=unit.unit, items=items))
    write_json(workspace.cohort_lock, cohort.model_dump(mode="json"))
    write_json(workspace.deidentified / "profile.json", PROFILE)
    return workspace


def unit(workspace: Workspace, name: str) -> Unit:
    return next(unit for unit in read_cohort(workspace).units if unit.unit.endswith(name))


def table(place: Path) -> pd.DataFrame:
    return pd.read_parquet(place, dtype_backend="numpy_nullable")


def by_command(workspace: Workspace, tmp_path: Path, regions: bool) -> pd.DataFrame:
    """What `sluice features` makes of the same files."""
    roi = tmp_path / "roi.dcm"
    roi.write_bytes(as_bytes(structure_set()))
    archive = workspace.deidentified / unit(workspace, "ct").archive
    target = tmp_path / "by-command.parquet"
    tabulate_features(archive, [roi] if regions else [], target, workspace.settings.radiomics)
    return table(target)


def test_off_by_default_nothing_is_made(made: Workspace) -> None:
    assert Settings().radiomics.in_flow == "none"
    assert transform(made).features == 0
    assert not list(made.images.glob("features*"))


def test_the_release_holds_the_features_of_regions_as_the_command_makes_them(made: Workspace, tmp_path: Path) -> None:
    workspace = with_params(made, radiomics=ROI | SMALL, curate={"splits": {"train": 1.0}})
    assert transform(workspace).features == 2
    curate(workspace)
    judge(workspace)
    summary = export(workspace)
    released, expected = table(summary.path / "features.parquet"), by_command(workspace, tmp_path, regions=True)
    assert released["unit"].tolist() == ["uaaaaaaaaaact"] * 2
    assert released["roi_number"].tolist() == [3, 4]
    assert released["roi_instance"].tolist() == ["2.25.900"] * 2
    assert released["roi_name"].fillna("").tolist() == ["GTV-1", ""], "what is no code stays out"
    assert released["roi_voxels"].tolist() == [48, 0]
    tags = [name for name in expected.columns if name.startswith(("morph_", "stat_", "int_mask_"))]
    assert len(tags) > 50
    ours, theirs = (frame[tags].iloc[0].astype("float64").to_numpy() for frame in (released, expected))
    assert np.isfinite(ours).sum() > 50
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)
    assert released["problems"].tolist() == expected["problems"].tolist() == ["", "roi: roi-empty (1)"]
    assert "contours-out-of-field" in released["roi_findings"][1]


def test_the_release_says_what_the_columns_mean(made: Workspace) -> None:
    place = made.dataset
    dictionary = json.loads((place / "features.json").read_text(encoding="utf-8"))
    released = table(place / "features.parquet")
    assert [column["name"] for column in dictionary["columns"]] == list(released.columns)
    assert all(column["definition"] for column in dictionary["columns"])
    croissant = json.loads((place / "croissant.json").read_text(encoding="utf-8"))
    (records,) = [one for one in croissant["recordSet"] if one["name"] == "features"]
    assert len(records["field"]) == len(released.columns)
    assert "features.json" in (place / "checksums.sha256").read_text()
    manifest = json.loads((place / "release.json").read_text())
    assert "features.parquet" in manifest["tables"]
    assert "radiomics" in manifest["params"]
    assert "### features" in (place / "README.md").read_text()


def test_a_model_gets_a_vector_a_series_without_diagnostics(made: Workspace) -> None:
    found = read_radiomics(made.dataset, ["CT", "MR"])
    assert found.units == ("uaaaaaaaaaact",)
    assert found.names[0].startswith("CT.morph_")
    assert not [name for name in found.names if "_roi" in name]
    assert found.matrix.shape == (1, len(found.names))


def test_only_what_changed_is_calculated_again_and_gives_the_same_bytes(
    made: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (made.images / "features.parquet").read_bytes()
    note = made.scratch / "features" / "uaaaaaaaaaact.json"
    stamp = note.stat().st_mtime_ns
    monkeypatch.setattr(tabulate, "WorkerPool", None)  # there must be nothing to do for it
    transform(Workspace(made.root))
    assert note.stat().st_mtime_ns == stamp
    assert (made.images / "features.parquet").read_bytes() == before


def test_whole_volumes_have_a_row_each_and_off_takes_the_table_away(made: Workspace, tmp_path: Path) -> None:
    workspace = with_params(made, radiomics=WHOLE | SMALL)
    assert transform(workspace).features == 2
    found, expected = table(workspace.images / "features.parquet"), by_command(workspace, tmp_path, regions=False)
    assert found["unit"].tolist() == ["uaaaaaaaaaact", "uaaaaaaaaaazz"]
    assert found["roi_source"].tolist() == ["volume"] * 2
    assert found["stat_mean"][0] == pytest.approx(expected["stat_mean"][0], rel=1e-8)
    off = with_params(made, radiomics={"in_flow": "none"})
    transform(off)
    curate(off)
    assert not list(off.images.glob("features*"))
    assert not list(off.curated.glob("features*"))


def test_each_patient_gets_a_sheet_with_outlines_and_an_unchanged_one_is_left(made: Workspace) -> None:
    transform(made)
    units = read_cohort(made).units
    assert draw_patients(made, units) == 1
    sheet = made.look / f"{PATIENT['patient']}.png"
    picture = cv2.imread(str(sheet))
    assert (np.abs(picture[..., ::-1].astype(int) - (86, 200, 255)).max(axis=2) < 12).sum() > 40, "the outline"
    page = (made.look / "index.html").read_text(encoding="utf-8")
    assert "uaaaaaaaaaact" in page
    assert "GTV" not in page
    before = sheet.read_bytes()
    assert draw_patients(made, units) == 0
    sheet.unlink()
    assert draw_patients(made, reversed(units)) == 1
    assert sheet.read_bytes() == before
    off = with_params(made, look={"sheets": False})
    assert draw_patients(off, units) == 0
    assert not list(off.look.iterdir())
