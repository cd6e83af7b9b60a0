"""A unit from archive to PNGs and rows, the tables of many units, and what is refused on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pydicom import Dataset

from tasks.core.columns import TRANSFORMED
from tasks.core.errors import ContractViolation
from tasks.core.models import State, UnitResult
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.core.workspace import Workspace
from tasks.transform.done import is_made, rows_path, unit_key
from tasks.transform.gather import gather
from tasks.transform.objects import find_references
from tasks.transform.tables import make_frame
from tasks.transform.unit import transform_unit
from tests.support.transform import MR, RTSTRUCT, SEG, SR, UNIT, item, make_image, make_object, write_archive

SETTINGS = TransformSettings(size=16)
STEM = "paaaaaaaaaaaa_saaaaaaaaaaaa_uaaaaaaaaaaaa"


def slices(count: int, **attributes: Any) -> list[Dataset]:
    """A stack whose InstanceNumber runs against its position; slice i is at i mm and has the value 100 i."""
    return [
        make_image(
            np.full((4, 8), 100 * index, np.int16),
            SOPInstanceUID=f"2.25.{count - index}",
            InstanceNumber=count - index,
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            ImagePositionPatient=[0, 0, index],
            PixelSpacing=[0.5, 0.5],
            WindowCenter=500,
            WindowWidth=1000,
            **attributes,
        )
        for index in range(count)
    ]


def run(place: Path, instances: list[Any], settings: TransformSettings = SETTINGS) -> tuple[UnitResult, dict[str, Any]]:
    archive = write_archive(place, instances)
    result = transform_unit(archive, place / "images", place / "rows.json", UNIT, settings)
    return result, json.loads((place / "rows.json").read_text(encoding="utf-8"))


def outcomes(result: UnitResult) -> dict[str, Reason | State]:
    return {one.item: one.reason or one.state for one in result.items}


def everything(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def test_images_are_numbered_in_slice_order(tmp_path: Path) -> None:
    result, content = run(tmp_path, slices(3))
    assert outcomes(result) == dict.fromkeys(["2.25.1", "2.25.2", "2.25.3"], State.TRANSFORMED)
    rows = content["instances"]
    assert [row["image_path"] for row in rows] == [f"CT/{STEM}_000{index}.png" for index in (1, 2, 3)]
    assert [row["instance"] for row in rows] == ["2.25.3", "2.25.2", "2.25.1"]
    assert [row["position_mm"] for row in rows] == [0, 1, 2]
    assert [row["intensity_max"] for row in rows] == [0, 100, 200]
    assert content["series"]["slice_spacing_mm"] == 1
    png = cv2.imread(str(tmp_path / "images" / rows[2]["image_path"]), cv2.IMREAD_UNCHANGED)
    assert png.shape == (16, 16)
    assert png[8, 8] == round(255 * (200 - 499.5 + 499.5) / 999)  # LINEAR: (x - 499.5) / 999 + 0.5
    assert not png[:4].any()


def test_every_row_has_exactly_the_columns_of_its_table(tmp_path: Path) -> None:
    _, content = run(tmp_path, [*slices(1), make_object(SEG, SOPInstanceUID="2.25.9")])
    for row in content["instances"]:
        assert set(row) == {column.name for column in TRANSFORMED["instances"]}
    assert set(content["series"]) == {column.name for column in TRANSFORMED["series"]}


def test_twice_gives_the_same_bytes_whatever_was_there(tmp_path: Path) -> None:
    first, _ = run(tmp_path, slices(3))
    before = everything(tmp_path)
    stale = tmp_path / "images" / "CT" / f"{STEM}_0099.png"
    stale.write_bytes(b"of an earlier run")
    foreign = tmp_path / "images" / "CT" / "p_s_u_0001.png"
    foreign.write_bytes(b"of another unit")
    second, _ = run(tmp_path, slices(3)[::-1])
    assert second == first
    assert not stale.exists()
    foreign.unlink()
    assert everything(tmp_path) == before


def test_one_bad_instance_leaves_with_its_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = slices(3)
    bad = make_image(np.zeros((4, 4), np.int16), SOPInstanceUID="2.25.7", PixelData=b"\0\0")
    report = make_object(SR, SOPInstanceUID="2.25.8")
    result, content = run(tmp_path, [*good, bad, report, ("2.25.9", b"no DICOM"), ("2.25.10", b"")])
    found = outcomes(result)
    assert [found[f"2.25.{name}"] for name in (1, 2, 3)] == [State.TRANSFORMED] * 3
    assert found["2.25.7"] is Reason.PIXELS_TRUNCATED
    assert found["2.25.8"] is Reason.NOT_AN_IMAGE
    assert found["2.25.9"] is found["2.25.10"] is Reason.UNREADABLE
    assert content["series"]["images"] == len(content["instances"]) == 3
    assert result.kept == 3


def test_an_object_that_fails_in_its_last_frame_leaves_no_image(tmp_path: Path) -> None:
    frames = make_image(np.zeros((3, 4, 4), np.uint8), SOPInstanceUID="2.25.5")
    frames.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    frames.NumberOfFrames = 4
    result, content = run(tmp_path, [frames])
    assert next(iter(outcomes(result).values())) in (Reason.PIXELS_TRUNCATED, Reason.DECODE_FAILED)
    assert content["instances"] == []
    assert content["series"] is None
    assert not list((tmp_path / "images").rglob("*.png"))


def test_frames_of_one_instance_take_their_own_places(tmp_path: Path) -> None:
    ds = make_image(
        np.stack([np.full((4, 4), 7 * index, np.uint8) for index in range(3)]), Modality="MR", SOPClassUID=MR
    )
    ds.SharedFunctionalGroupsSequence = [
        item(PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])])
    ]
    ds.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, -2.5 * frame])]) for frame in range(3)
    ]
    result, content = run(tmp_path, [ds])
    assert len(result.items) == 1
    assert [(row["frame"], row["slice_index"], row["position_mm"]) for row in content["instances"]] == [
        (3, 1, -5.0),
        (2, 2, -2.5),
        (1, 3, 0.0),
    ]
    assert content["series"]["slice_spacing_mm"] == 2.5


def test_percentiles_are_of_the_whole_unit_so_that_slices_compare(tmp_path: Path) -> None:
    stack = slices(3, Modality="MR")
    for ds in stack:
        del ds.WindowCenter
    _, content = run(tmp_path, stack, SETTINGS.model_copy(update={"percentiles": (0.0, 100.0)}))
    assert {(row["window_center"], row["window_width"], row["window_source"]) for row in content["instances"]} == {
        (100, 200, "percentile")
    }
    assert [row["mean"] for row in content["instances"]] == [0, 0.5, 1]


def test_objects_stay_in_the_archive_with_what_they_refer_to(tmp_path: Path) -> None:
    structures = make_object(
        RTSTRUCT,
        SOPInstanceUID="2.25.6",
        Modality="RTSTRUCT",
        FrameOfReferenceUID="2.25.50",
        ReferencedFrameOfReferenceSequence=[
            item(
                FrameOfReferenceUID="2.25.51",
                RTReferencedStudySequence=[
                    item(
                        RTReferencedSeriesSequence=[
                            item(
                                SeriesInstanceUID="2.25.52",
                                ContourImageSequence=[item(ReferencedSOPInstanceUID="2.25.53")],
                            )
                        ]
                    )
                ],
            )
        ],
    )
    segmentation = make_image(np.zeros((2, 2), np.uint8), SOPClassUID=SEG, SOPInstanceUID="2.25.7", Modality="SEG")
    result, content = run(tmp_path, [structures, segmentation])
    assert result.kept == 2
    first, second = content["instances"]
    assert (first["kind"], first["frame"], first["image_path"]) == ("structure-set", 0, None)
    assert first["object_path"] == f"{UNIT.archive}#2.25.6.dcm"
    assert json.loads(first["references"]) == ["2.25.50", "2.25.51", "2.25.52", "2.25.53"]
    assert (second["kind"], second["references"]) == ("segmentation", "[]")
    assert (content["series"]["images"], content["series"]["objects"]) == (0, 2)


def test_an_objects_own_series_is_not_a_reference() -> None:
    assert find_references(make_object(SEG)) == []


def test_no_free_text_of_the_source_reaches_a_row(tmp_path: Path) -> None:
    (ds,) = slices(1)
    ds.Manufacturer, ds.ManufacturerModelName = "ACME; owner: Jane Doe", "Scan-O-Matic 3.0/b+"
    ds.BodyPartExamined, ds.StudyDescription, ds.PatientName = "Knee of Jane", "CT for Jane", "Doe^Jane"
    ds.PatientSex, ds.PatientAge, ds.StudyDate = "Jane", "104Y", "20240229"
    ds.PhotometricInterpretation, ds.RescaleType = "MONOCHROME2", "JANE'S UNIT"
    _, content = run(tmp_path, [ds])
    assert "Jane" not in json.dumps(content)
    assert "JANE" not in json.dumps(content)
    series = content["series"]
    assert (series["manufacturer"], series["model"]) == (None, "Scan-O-Matic 3.0/b+")
    assert (series["body_part"], series["sex"], series["age_years"]) == (None, None, 90)
    assert series["study_date"] == "2024-02-29"


@pytest.mark.parametrize(
    ("written", "years"), [("045Y", 45), ("006M", 0.5), ("089Y", 89), ("45", None), ("-01Y", None)]
)
def test_age_is_read_in_years(tmp_path: Path, written: str, years: float | None) -> None:
    (ds,) = slices(1)
    ds.PatientAge = written
    assert run(tmp_path, [ds])[1]["series"]["age_years"] == years


def test_a_missing_archive_stops_the_stage_and_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ContractViolation, match="missing or damaged"):
        transform_unit(tmp_path / "none.zip", tmp_path, tmp_path / "rows.json", UNIT, SETTINGS)
    (tmp_path / "bad.zip").write_bytes(b"PK\3\4 but damaged")
    with pytest.raises(ContractViolation, match="run de-identification again"):
        transform_unit(tmp_path / "bad.zip", tmp_path, tmp_path / "rows.json", UNIT, SETTINGS)


def test_a_unit_is_made_only_with_the_same_key_and_all_its_images(tmp_path: Path) -> None:
    run(tmp_path, slices(2))
    archive, rows, images = tmp_path / "unit.zip", tmp_path / "rows.json", tmp_path / "images"
    key = unit_key(archive, SETTINGS)
    assert is_made(rows, images, key)
    assert not is_made(rows, images, unit_key(archive, TransformSettings(size=17)))
    next(images.rglob("*.png")).unlink()
    assert not is_made(rows, images, key)
    assert not is_made(tmp_path / "none.json", images, key)


def fill(workspace: Workspace, names: list[str]) -> list[Any]:
    units = [UNIT.model_copy(update={"unit": f"u{name}", "patient": f"p{name}"}) for name in names]
    for unit in units:
        place = workspace.root / unit.unit
        place.mkdir()
        archive = write_archive(place, slices(2))
        transform_unit(archive, workspace.images, rows_path(workspace, unit), unit, SETTINGS)
    return units


def test_gathering_in_any_order_writes_the_same_tables_and_removes_other_images(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    units = fill(workspace, ["b", "a", "c"])
    summary = gather(workspace, units)
    assert (summary.units, summary.series, summary.images, summary.objects, summary.removed) == (3, 3, 6, 0, 0)
    before = everything(workspace.images)
    assert gather(workspace, units[::-1]) == summary
    assert everything(workspace.images) == before
    assert gather(workspace, units[:2]).removed == 2
    table = pd.read_parquet(workspace.images / "instances.parquet")
    assert table["unit"].tolist() == ["ua", "ua", "ub", "ub"]
    assert sorted(table["image_path"]) == sorted(
        str(path.relative_to(workspace.images)) for path in workspace.images.rglob("*.png")
    )


def test_gathering_a_unit_that_was_not_transformed_is_a_violation(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    units = fill(workspace, ["a"])
    with pytest.raises(ContractViolation, match="uzzz"):
        gather(workspace, [*units, UNIT.model_copy(update={"unit": "uzzz"})])
    next(workspace.images.rglob("*.png")).unlink()
    with pytest.raises(ContractViolation, match="1 images"):
        gather(workspace, units)


def test_types_of_a_table_do_not_depend_on_its_rows(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    gather(workspace, [])
    empty = pq.read_schema(workspace.images / "instances.parquet")
    gather(workspace, fill(workspace, ["a"]))
    assert pq.read_schema(workspace.images / "instances.parquet").equals(empty)
    nothing = dict.fromkeys(column.name for column in TRANSFORMED["instances"])
    assert make_frame([nothing], TRANSFORMED["instances"]).dtypes.equals(
        make_frame([], TRANSFORMED["instances"]).dtypes
    )


def test_every_column_says_what_it_means() -> None:
    for columns in TRANSFORMED.values():
        assert len({column.name for column in columns}) == len(columns)
        assert all(column.description for column in columns)
