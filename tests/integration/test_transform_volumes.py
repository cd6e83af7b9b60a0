"""Series to volumes: each flaw gets its finding, what is right has the right voxels at the right place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.core.errors import QuarantineUnit
from tasks.core.findings import Finding
from tasks.core.settings import TransformSettings, VolumeSettings
from tasks.transform.volumes import VolumeRefused, find_series, load_volumes
from tasks.transform.volumes.geometry import Axes, measure_stack
from tests.support import flawed
from tests.support.flawed import FLAWED, SEVERAL, STEP, TOLD, write_series

PLAIN = TransformSettings()
EXPECTED = np.array([[0.7, 0, 0, -7], [0, 0.8, 0, 5], [0, 0, STEP, 100], [0, 0, 0, 1]])


def allowing(**policies: str) -> TransformSettings:
    findings = {name.replace("_", "-"): policy for name, policy in policies.items()}
    return TransformSettings(volumes=VolumeSettings(findings=findings))


def names(volume: Any) -> set[str]:
    return {note.finding.value for note in volume.findings}


def hounsfield(count: int = flawed.SLICES) -> Any:
    return np.stack([flawed.pixels(index) for index in range(count)]).astype(np.int64) - 1024


def test_a_good_series_is_one_volume_without_findings(tmp_path: Path) -> None:
    (volume,) = load_volumes(write_series(tmp_path, flawed.stack()))
    assert volume.array.dtype == np.int32  # 16 bits stored and an intercept
    assert np.array_equal(volume.array, hounsfield())
    assert np.allclose(volume.affine, EXPECTED, atol=1e-12)
    assert volume.spacing == pytest.approx((STEP, 0.8, 0.7))
    assert volume.sops == tuple(f"2.25.{1001 + index}" for index in range(12))
    assert volume.findings == ()
    assert (volume.modality, volume.unit) == ("CT", "HU")


@pytest.mark.parametrize("flaw", FLAWED)
def test_a_flaw_gets_its_finding_and_no_volume(flaw: str, tmp_path: Path) -> None:
    make, expected = FLAWED[flaw]
    found = find_series([write_series(tmp_path, make())], PLAIN)
    (series,) = found.series
    refused = [candidate for candidate in series.candidates if candidate.grid is None]
    assert refused
    assert all(any(note.refuses for note in candidate.notes) for candidate in refused)
    assert expected in {note.finding.value for candidate in refused for note in candidate.notes}
    assert all(note.finding.sentence and note.count > 0 for candidate in series.candidates for note in candidate.notes)


@pytest.mark.parametrize("flaw", TOLD)
def test_what_is_harmless_is_told_and_the_volume_is_right(flaw: str, tmp_path: Path) -> None:
    make, expected = TOLD[flaw]
    (volume,) = load_volumes(write_series(tmp_path, make()), strict=True)
    assert names(volume) == {expected}
    assert np.allclose(volume.affine, EXPECTED)
    if flaw == "rescale by slice":
        slopes = 1 + 0.25 * np.arange(12).reshape(-1, 1, 1)
        assert np.allclose(volume.array, (hounsfield() + 1024) * slopes - 1024)
    else:
        assert np.array_equal(volume.array, hounsfield())


@pytest.mark.parametrize("flaw", TOLD)
def test_what_is_harmless_can_be_refused(flaw: str, tmp_path: Path) -> None:
    make, expected = TOLD[flaw]
    with pytest.raises(VolumeRefused, match=expected):
        load_volumes(write_series(tmp_path, make()), allowing(**{expected: "refuse"}))


@pytest.mark.parametrize("key", SEVERAL)
def test_several_volumes_of_a_series_are_told_apart(key: str, tmp_path: Path) -> None:
    make, count = SEVERAL[key]
    volumes = load_volumes(write_series(tmp_path, make()), strict=True)
    assert len(volumes) == count
    assert all("several-volumes" in names(volume) and volume.label for volume in volumes)
    assert all(np.allclose(np.diag(volume.affine), (0.7, 0.8, STEP, 1)) for volume in volumes)
    assert len({volume.sops + volume.frames for volume in volumes}) == count


def test_phases_stay_whole_when_each_slice_has_its_own_times(tmp_path: Path) -> None:
    volumes = load_volumes(write_series(tmp_path, flawed.trigger_times()))
    for phase, volume in enumerate(volumes):
        assert volume.sops == tuple(f"2.25.{1001 + 50 * phase + index}" for index in range(12))


def test_enhanced_frames_are_sorted_by_position_and_rescaled_one_by_one(tmp_path: Path) -> None:
    first, second = load_volumes(write_series(tmp_path, flawed.enhanced()))
    stored = np.stack([flawed.pixels(index) for index in range(12)])[::-1].astype(np.int64)
    intercepts = np.arange(12)[::-1].reshape(-1, 1, 1)
    assert np.array_equal(first.array, stored * 2 + intercepts)
    assert np.array_equal(second.array, (stored + 1000) * 2 + intercepts)
    assert np.allclose(first.affine, EXPECTED)
    assert first.frames == tuple(range(23, 0, -2))


def test_a_mosaic_is_cut_into_slices_at_the_positions_of_its_tiles(tmp_path: Path) -> None:
    (volume,) = load_volumes(write_series(tmp_path, flawed.mosaic()), strict=True)
    assert volume.array[:, 0, 0].tolist() == [4, 3, 2, 1, 0]
    assert (volume.array == volume.array[:, :1, :1]).all()
    assert volume.affine[:3, 3].tolist() == [-7, 5, 100 - 4 * STEP]
    assert volume.spacing[0] == pytest.approx(STEP)


def test_a_mosaic_whose_tiles_do_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VolumeRefused, match="mosaic"):
        load_volumes(write_series(tmp_path, flawed.mosaic(7)))  # three rows of tiles, and 8 rows of pixels


def test_a_localizer_is_set_apart_and_the_rest_is_a_volume(tmp_path: Path) -> None:
    (volume,) = load_volumes(write_series(tmp_path, flawed.localizer()))
    assert names(volume) == {"localizer"}
    assert np.array_equal(volume.array, hounsfield())


def test_a_gap_is_filled_only_when_asked_and_is_recorded(tmp_path: Path) -> None:
    place = write_series(tmp_path, flawed.missing_slice())
    with pytest.raises(VolumeRefused, match="missing-slice"):
        load_volumes(place)
    (volume,) = load_volumes(place, allowing(missing_slice="fill"))
    assert volume.array.shape == (12, flawed.ROWS, flawed.COLUMNS)
    assert np.allclose(volume.array, hounsfield())  # linear along z, so linear interpolation is exact
    assert (volume.sops[5], volume.frames[5]) == ("", 0)
    assert [str(note) for note in volume.findings] == ["missing-slice (1, fill)"]


def test_irregular_slices_are_resampled_to_a_regular_grid_when_asked(tmp_path: Path) -> None:
    place = write_series(tmp_path, flawed.irregular_spacing())
    (volume,) = load_volumes(place, allowing(irregular_spacing="resample"))
    z = volume.affine[2, 3] + np.arange(len(volume.array)) * volume.spacing[0]
    row, column = np.mgrid[: flawed.ROWS, : flawed.COLUMNS]
    truth = ((z - 100) / STEP * 100).reshape(-1, 1, 1) + 2 * row + column - 1024
    assert np.abs(volume.array - truth).max() < 0.51  # stored values were rounded to whole numbers


@pytest.mark.parametrize("make", [flawed.sheared, flawed.gantry_tilt, flawed.wandering_origin])
def test_shifted_slices_are_moved_back_when_asked(make: Any, tmp_path: Path) -> None:
    series = make()
    for one in series:  # the value of a pixel is where it is: 10 x + 20 y in mm, in the plane's own axes
        row, column = np.mgrid[: flawed.ROWS, : flawed.COLUMNS]
        u, v = np.array(one.ImageOrientationPatient).reshape(2, 3)
        origin = np.array(one.ImagePositionPatient, dtype=float)
        x, y = origin @ u + 0.7 * column, origin @ v + 0.8 * row
        one.PixelData = np.rint(10 * x + 20 * y + 3000).astype(np.int16).tobytes()
    place = write_series(tmp_path, series)
    (volume,) = load_volumes(place, allowing(gantry_tilt="resample", wandering_origin="resample"))
    u, v = volume.axes[:, 0], volume.axes[:, 1]
    origin = volume.affine[:3, 3]
    row, column = np.mgrid[: flawed.ROWS, : flawed.COLUMNS]
    truth = np.asarray(10 * (origin @ u + 0.7 * column) + 20 * (origin @ v + 0.8 * row) + 3000 - 1024)
    inner = (slice(None), slice(1, -1), slice(3, -3))
    right = np.abs(volume.array - truth)[inner] < 1.5
    assert right.mean() > 0.5
    outside = (volume.array == volume.array.min(axis=(1, 2), keepdims=True))[inner]
    assert (~right).sum() <= outside.sum() + volume.array.shape[0] * flawed.COLUMNS  # what lay outside of its slice
    assert abs(np.linalg.det(volume.axes) - 1) < 1e-9


def test_duplicates_and_phases_are_taken_apart_only_when_asked(tmp_path: Path) -> None:
    (volume,) = load_volumes(
        write_series(tmp_path / "a", flawed.duplicate_position()), allowing(duplicate_position="keep-first")
    )
    assert "2.25.1040" not in volume.sops
    assert np.array_equal(volume.array, hounsfield())
    volumes = load_volumes(write_series(tmp_path / "b", flawed.two_phases()), allowing(two_phases="split"))
    assert [volume.sops[0] for volume in volumes] == ["2.25.1001", "2.25.1050"]


@pytest.mark.parametrize("name", ["mixed-orientation", "mixed-size", "mixed-spacing", "mixed-frame-of-reference"])
def test_mixtures_are_split_only_when_asked(name: str, tmp_path: Path) -> None:
    make = next(make for make, finding in FLAWED.values() if finding == name)
    volumes = load_volumes(write_series(tmp_path, make()), allowing(**{name: "split"}), strict=True)
    assert len(volumes) == 2
    assert sum(len(volume.sops) for volume in volumes) == len(make())


def test_a_lone_slice_takes_its_thickness_only_when_asked(tmp_path: Path) -> None:
    (volume,) = load_volumes(write_series(tmp_path, flawed.single_slice()), allowing(single_slice="accept"))
    assert volume.spacing == (5.0, 0.8, 0.7)
    assert names(volume) == {"single-slice"}


def test_an_orientation_is_made_orthonormal_only_when_asked(tmp_path: Path) -> None:
    place = write_series(tmp_path, flawed.long_orientation())
    (volume,) = load_volumes(place, allowing(bad_orientation="normalise"))
    assert np.allclose(volume.axes, np.eye(3))
    with pytest.raises(VolumeRefused, match="bad-orientation"):
        load_volumes(write_series(tmp_path / "b", flawed.no_orientation()), allowing(bad_orientation="normalise"))


def test_pixels_that_are_cut_short_end_with_their_reason(tmp_path: Path) -> None:
    with pytest.raises(QuarantineUnit, match="pixels-truncated"):
        load_volumes(write_series(tmp_path, flawed.truncated_pixels()))


def test_rounded_positions_are_no_flaw(tmp_path: Path) -> None:
    series = flawed.stack()
    for index, one in enumerate(series):
        one.ImagePositionPatient = [-7.0, 5.0, round(100 + 1.2345678 * index, 2)]
    (volume,) = load_volumes(write_series(tmp_path, series), strict=True)
    assert volume.spacing[0] == pytest.approx(1.2345678, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(1, 10), min_size=1, max_size=6))
def test_whatever_slices_are_lost_the_spacing_of_the_rest_is_not_stretched(lost: set[int]) -> None:
    positions = np.array([index for index in range(12) if index not in lost]) * STEP
    origins = np.stack([np.zeros_like(positions), np.zeros_like(positions), positions], axis=1)
    stack = measure_stack(origins, Axes(np.array([1.0, 0, 0]), np.array([0, 1.0, 0])), 0.02)
    assert stack.steps is None or sum(stack.steps) >= len(positions) - 1
    if lost != {1, 3, 5, 7, 9} and stack.steps is not None and stack.spacing == pytest.approx(STEP):
        assert sum(stack.steps) - len(positions) + 1 == len(lost)
    assert stack.spacing is None or stack.steps is None or sum(stack.steps) * stack.spacing == pytest.approx(27.5)
    assert not (stack.steps is not None and max(stack.steps) == 1)


def test_every_finding_is_made_by_some_series() -> None:
    made = {finding for _, finding in (*FLAWED.values(), *TOLD.values())} | {"several-volumes", "no-suv"}
    assert made == {finding.value for finding in Finding}


def test_a_policy_that_is_not_known_is_named() -> None:
    with pytest.raises(ValueError, match="missing-slice can be: refuse, fill"):
        allowing(missing_slice="resample")
    with pytest.raises(ValueError, match="no finding is named mising-slice"):
        allowing(mising_slice="fill")
