"""Structure sets, segmentations, NIfTI masks and brushes: laid where they belong, or it is said why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydicom import Dataset

from tasks.core.errors import ConfigurationError
from tasks.transform.roi.brush import decode_brush, encode_brush, read_brush
from tasks.transform.roi.grid import Grid, grid_of, resample_nearest, same_grid
from tasks.transform.roi.load import Target, belongs, load_rois, open_source
from tasks.transform.roi.model import Finding
from tasks.transform.roi.rtstruct import RTSTRUCT_CLASS, read_rtstruct
from tasks.transform.roi.seg import read_seg
from tests.support.transform import as_bytes, as_read, item, make_image, make_object

FRAME = "2.25.7"
GRID = Grid((4, 6, 8), np.array([[2.0, 0, 0, -5], [0, 2, 0, 10], [0, 0, 3, 40], [0, 0, 0, 1]]))
SLICES = {f"2.25.30{index}": index for index in range(4)}


def contour(depth: int, kind: str = "CLOSED_PLANAR", sop: str | None = None, x: float = 0.5) -> Dataset:
    """Around 3 x 2 pixels of a slice of GRID, columns 1 to 3 and rows 2 and 3."""
    corners = np.array([[x, 1.5, depth], [x + 3, 1.5, depth], [x + 3, 3.5, depth], [x, 3.5, depth]])
    points = corners * [2, 2, 3] + [-5, 10, 40]
    made = item(ContourGeometricType=kind, NumberOfContourPoints=4, ContourData=[f"{v:g}" for v in points.ravel()])
    if sop:
        made.ContourImageSequence = [item(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID=sop)]
    return made


def structure_set(*contours: Dataset, frame: str = FRAME) -> Dataset:
    return make_object(
        RTSTRUCT_CLASS,
        StructureSetROISequence=[item(ROINumber=5, ROIName="Doe liver", ReferencedFrameOfReferenceUID=frame)],
        ROIContourSequence=[item(ReferencedROINumber=5, ContourSequence=list(contours))],
    )


def segmentation(stored: Any, kind: str, frames: list[tuple[float, int]], **attributes: Any) -> Dataset:
    """A SEG on the planes of GRID; `frames` are (slice, segment)."""
    labelmap = kind == "LABELMAP"
    made = make_image(
        np.asarray(stored, np.uint8),
        SOPClassUID="1.2.840.10008.5.1.4.1.1.66." + ("7" if labelmap else "4"),
        SegmentationType=kind,
        FrameOfReferenceUID=FRAME,
        SegmentSequence=[item(SegmentNumber=n, SegmentLabel=f"s{n}") for n in sorted({s for _, s in frames} | {1})],
        SharedFunctionalGroupsSequence=[
            item(
                PixelMeasuresSequence=[item(PixelSpacing=[2, 2], SliceThickness=3)],
                PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            )
        ],
        PerFrameFunctionalGroupsSequence=[
            item(
                PlanePositionSequence=[item(ImagePositionPatient=[-5, 10, 40 + 3 * depth])],
                **({} if labelmap else {"SegmentIdentificationSequence": [item(ReferencedSegmentNumber=number)]}),
            )
            for depth, number in frames
        ],
        **attributes,
    )
    made.NumberOfFrames = len(frames)
    return as_read(made)


@pytest.mark.parametrize("read", [as_read, lambda ds: ds])
def test_a_structure_set_is_laid_by_position_without_any_reference(read: Any) -> None:
    (roi,) = read_rtstruct(read(structure_set(contour(1), contour(2))), GRID, SLICES, FRAME)
    expected = np.zeros(GRID.shape, bool)
    expected[1:3, 2:4, 1:4] = True
    assert (roi.mask == expected).all()
    assert (roi.number, roi.name, roi.matched, roi.voxels, roi.findings) == (5, "Doe liver", "position", 12, {})


def test_references_are_used_only_where_they_resolve() -> None:
    ds = structure_set(contour(1, sop="2.25.301"), contour(2, sop="2.25.999"))
    (roi,) = read_rtstruct(ds, GRID, SLICES, FRAME)
    assert (roi.voxels, roi.matched) == (12, "both")


def test_points_lines_and_broken_contours_are_counted() -> None:
    broken = item(ContourGeometricType="CLOSED_PLANAR", ContourData=["1", "2", "3", "4"])
    (roi,) = read_rtstruct(structure_set(contour(1), contour(2, "POINT"), broken), GRID, SLICES, FRAME)
    assert roi.findings == {Finding.NOT_CLOSED: 1, Finding.BROKEN: 1}
    assert roi.voxels == 6


def test_a_region_of_another_frame_of_reference_is_empty_and_says_so() -> None:
    (roi,) = read_rtstruct(structure_set(contour(1), frame="2.25.8"), GRID, SLICES, FRAME)
    assert roi.findings == {Finding.OTHER_FRAME: 1, Finding.EMPTY: 1}
    (roi,) = read_rtstruct(structure_set(contour(1), frame="2.25.8"), GRID, SLICES, None)
    assert roi.voxels == 6


def test_a_region_without_contours_is_there_and_empty() -> None:
    ds = structure_set()
    del ds.ROIContourSequence
    (roi,) = read_rtstruct(ds, GRID, SLICES, FRAME)
    assert roi.findings == {Finding.EMPTY: 1}


def test_frames_of_a_binary_segmentation_go_to_their_slices_in_any_order() -> None:
    stored = np.zeros((3, 6, 8), np.uint8)
    stored[0, 0, 0] = stored[1, 1, 1:3] = stored[2, 5, 7] = 1
    first, second = read_seg(segmentation(stored, "BINARY", [(3, 2), (0, 1), (2, 2)]), GRID, 10**6, FRAME)
    assert (first.number, first.name, np.argwhere(first.mask).tolist()) == (1, "s1", [[0, 1, 1], [0, 1, 2]])
    assert (second.number, second.matched, np.argwhere(second.mask).tolist()) == (2, "position", [[2, 5, 7], [3, 0, 0]])


def test_half_a_fraction_is_inside_and_that_is_said() -> None:
    stored = np.zeros((1, 6, 8), np.uint8)
    stored[0, 0, :4] = 99, 100, 150, 200
    ds = segmentation(stored, "FRACTIONAL", [(1, 1)], MaximumFractionalValue=200)
    (roi,) = read_seg(ds, GRID, 10**6, FRAME)
    assert np.argwhere(roi.mask).tolist() == [[1, 0, 1], [1, 0, 2], [1, 0, 3]]
    assert roi.findings == {Finding.THRESHOLDED: 1}


def test_a_label_map_gives_a_region_for_each_label() -> None:
    stored = np.zeros((2, 6, 8), np.uint8)
    stored[0, 0, 0], stored[1, 1, 1] = 1, 4
    rois = list(read_seg(segmentation(stored, "LABELMAP", [(0, 0), (1, 0)]), GRID, 10**6, FRAME))
    assert {roi.number: np.argwhere(roi.mask).tolist() for roi in rois} == {1: [[0, 0, 0]], 4: [[1, 1, 1]]}


def test_frames_on_another_grid_are_resampled_and_that_is_said() -> None:
    stored = np.ones((2, 6, 8), np.uint8)
    (roi,) = read_seg(segmentation(stored, "BINARY", [(1.4, 1), (2.4, 1)]), GRID, 10**6, FRAME)
    assert roi.findings == {Finding.RESAMPLED: 2}
    assert [int(layer.sum()) for layer in roi.mask] == [0, 48, 48, 0]


def test_frames_outside_of_the_volume_or_of_another_frame_of_reference_are_counted() -> None:
    stored = np.ones((2, 6, 8), np.uint8)
    (roi,) = read_seg(segmentation(stored, "BINARY", [(1, 1), (9, 1)]), GRID, 10**6, FRAME)
    assert (roi.voxels, roi.findings) == (48, {Finding.OUT_OF_FIELD: 1})
    (roi,) = read_seg(segmentation(stored, "BINARY", [(1, 1), (2, 1)]), GRID, 10**6, "2.25.8")
    assert roi.findings == {Finding.EMPTY: 1, Finding.OTHER_FRAME: 1}


def save_nifti(path: Path, values: Any, affine: Any) -> Path:
    nib.save(nib.Nifti1Image(np.asarray(values), affine), path)
    return path


def test_a_nifti_mask_is_read_from_ras_and_each_label_is_a_region(tmp_path: Path) -> None:
    values = np.zeros((8, 6, 4), np.uint8)
    values[3, 2, 1], values[0, 0, 3] = 1, 7
    path = save_nifti(tmp_path / "m.nii.gz", values, np.diag([-1.0, -1, 1, 1]) @ GRID.affine)
    rois = list(load_rois(open_source(path), Target(GRID, SLICES, "2.25.200", FRAME)))
    assert {roi.number: np.argwhere(roi.mask).tolist() for roi in rois} == {1: [[1, 2, 3]], 7: [[3, 0, 0]]}
    assert {roi.matched for roi in rois} == {"grid"}


def test_a_nifti_mask_of_another_grid_is_resampled_and_that_is_said(tmp_path: Path) -> None:
    flipped = GRID.affine @ np.array([[-1.0, 0, 0, 7], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    values = np.zeros((8, 6, 4), np.float32)
    values[0, 2, 1] = 1
    path = save_nifti(tmp_path / "m.nii", values, np.diag([-1.0, -1, 1, 1]) @ flipped)
    (roi,) = load_rois(open_source(path), Target(GRID, SLICES, "2.25.200", FRAME))
    assert np.argwhere(roi.mask).tolist() == [[1, 2, 7]]
    assert (roi.matched, roi.findings) == ("resampled", {Finding.RESAMPLED: 1})


def test_a_damaged_nifti_is_one_line_without_the_path(tmp_path: Path) -> None:
    path = save_nifti(tmp_path / "Doe.nii.gz", np.ones((8, 6, 4), np.uint8), np.eye(4))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ConfigurationError, match="NIfTI") as caught:
        list(load_rois(open_source(path), Target(GRID, SLICES, "2.25.200", FRAME)))
    assert "Doe" not in str(caught.value)


def test_what_belongs_to_a_volume_is_told_by_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "rs.dcm"
    target = Target(GRID, SLICES, "2.25.200", FRAME)
    sureness = []
    for ds in (
        structure_set(contour(1, sop="2.25.301")),
        structure_set(contour(1)),
        structure_set(contour(1), frame="2.25.8"),
    ):
        path.write_bytes(as_bytes(ds))
        sureness.append(belongs(open_source(path), target))
    assert sureness == [3, 1, 0]


def test_an_image_is_no_file_of_regions(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(as_bytes(make_image(np.zeros((4, 4), np.uint16))))
    with pytest.raises(ConfigurationError, match="neither an RTSTRUCT nor a SEG"):
        open_source(path)


@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 30)), elements=st.sampled_from([0, 0, 255, 128])))
def test_a_brush_comes_back_bit_for_bit(alpha: Any) -> None:
    assert (decode_brush(encode_brush(alpha), *alpha.shape) == alpha).all()


def test_a_brush_as_it_is_written_by_hand_is_read() -> None:
    """Two pixels: a run of 5 bytes of 0 by a 4-bit count, then three single words."""
    bits = f"{8:032b}" + "00111" + "0010" + "0011" + "0111" + "1111"
    bits += "1" + "01" + "0100" + "00000000" + "0" + "00" + "010" + "00000001" + "00000010" + "11111111"
    bits += "0" * (-len(bits) % 8)
    code = [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]
    assert decode_brush(code, 1, 2).tolist() == [[0, 255]]


@pytest.mark.parametrize("code", [[], [0, 0], [0, 0, 0, 8, 57], [255] * 40, list(range(30))])
def test_a_damaged_brush_is_one_line(code: list[int]) -> None:
    with pytest.raises(ConfigurationError, match="damaged"):
        decode_brush(code, 1, 2)


def test_brushes_of_an_export_become_regions_by_label(tmp_path: Path) -> None:
    alpha = np.zeros((4, 6), np.uint8)
    alpha[1, 2:5] = 255
    result = {"type": "brushlabels", "original_width": 6, "original_height": 4}
    value = {"format": "rle", "rle": encode_brush(alpha), "brushlabels": ["nodule"]}
    path = tmp_path / "export.json"
    path.write_text(json.dumps([{"annotations": [{"result": [result | {"value": value}]}]}]))
    (roi,) = read_brush(path, grid_of((1, 4, 6), (1, 1, 1)))
    assert (roi.name, roi.matched, np.argwhere(roi.mask).tolist()) == (
        "nodule",
        "grid",
        [[0, 1, 2], [0, 1, 3], [0, 1, 4]],
    )
    (roi,) = read_brush(path, grid_of((1, 8, 12), (1, 1, 1)))
    assert (roi.voxels, roi.findings) == (12, {Finding.RESAMPLED: 1})
    with pytest.raises(ConfigurationError, match="one picture"):
        read_brush(path, GRID)


def test_grids_that_differ_by_whole_voxels_are_copied() -> None:
    values = np.arange(4 * 6 * 8).reshape(GRID.shape)
    moved = Grid((2, 5, 4), GRID.affine @ np.array([[1.0, 0, 0, 3], [0, 1, 0, -1], [0, 0, 1, 1], [0, 0, 0, 1]]))
    found = resample_nearest(values, GRID, moved)
    assert (found[:, 1:] == values[1:3, :4, 3:7]).all()
    assert not found[:, 0].any()
    assert same_grid(GRID, Grid(GRID.shape, GRID.affine + 1e-6))
    assert not same_grid(GRID, moved)
