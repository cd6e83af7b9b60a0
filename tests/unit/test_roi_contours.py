"""Contours to masks: the even-odd rule, holes, any orientation, and everything that is said about what did not fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.transform.roi import scanline
from tasks.transform.roi.contours import Contour, rasterise
from tasks.transform.roi.grid import Floats, Grid
from tasks.transform.roi.model import Finding
from tasks.transform.roi.scanline import fill_polygons


def square(low: float, high: float) -> Floats:
    return np.array([[low, low], [high, low], [high, high], [low, high]])


def oblique_grid() -> Grid:
    """10 slices of 20 rows and 24 columns, turned about two axes, 2.5 mm apart."""
    a, b = 0.4, 0.7
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.8, 0.9, 2.5])
    affine[:3, 3] = [-30.0, 12.0, 5.0]
    return Grid((10, 20, 24), affine)


def in_mm(polygon: Floats, depth: float, grid: Grid) -> Floats:
    points = np.column_stack([polygon, np.full(len(polygon), depth), np.ones(len(polygon))])
    return (points @ grid.affine.T)[:, :3]


def test_a_pixel_is_inside_if_its_centre_is() -> None:
    assert fill_polygons([square(1.5, 4.5)], (8, 8)).sum() == 9
    assert fill_polygons([square(1.51, 4.49)], (8, 8)).sum() == 9
    assert fill_polygons([square(2.01, 2.99)], (8, 8)).sum() == 0


def test_centres_on_a_left_or_upper_edge_are_inside_and_on_the_others_not() -> None:
    mask = fill_polygons([square(2, 4)], (8, 8))
    assert np.argwhere(mask).tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]


def test_polygons_side_by_side_share_no_pixel_and_lose_none() -> None:
    left = np.array([[0, 0], [3, 0], [5, 8], [0, 8]], float)
    right = np.array([[3, 0], [8, 0], [8, 8], [5, 8]], float)
    first, second = fill_polygons([left], (8, 8)), fill_polygons([right], (8, 8))
    assert not (first & second).any()
    assert (first | second).all()


def test_an_inner_polygon_is_a_hole_and_one_in_the_hole_is_inside_again() -> None:
    mask = fill_polygons([square(0.5, 10.5), square(2.5, 8.5), square(4.5, 6.5)], (12, 12))
    assert mask.sum() == 100 - 36 + 4


def test_what_is_outside_is_cut_off_without_shifting_the_rest() -> None:
    mask = fill_polygons([square(-5.5, 2.5)], (6, 6))
    assert mask[:3, :3].all()
    assert mask.sum() == 9
    assert not fill_polygons([square(20, 30), square(-9, -3)], (6, 6)).any()
    assert fill_polygons([square(-9, 30)], (6, 6)).all()


@example([(1.0, 0.0), (1.0, 1.0), (7.9e-50, 0.0)])
@example([(1.0, 0.0), (1.0, 1.0), (2.225073858507e-311, 0.0)])
@given(st.lists(st.tuples(st.floats(-4, 14), st.floats(-4, 14)), min_size=3, max_size=9))
def test_any_polygon_is_filled_as_by_counting_crossings_of_each_pixel(points: list[tuple[float, float]]) -> None:
    polygon = np.array(points)
    expected = np.zeros((9, 11), bool)
    for y, x in np.ndindex(expected.shape):
        for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            if (y0 <= y) != (y1 <= y):
                crossing = x0 + (y - y0) / (y1 - y0) * (x1 - x0)
                expected[y, x] ^= x >= np.clip(crossing, min(x0, x1), max(x0, x1))
    assert (fill_polygons([polygon], expected.shape) == expected).all()


def test_blocks_of_edges_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    polygons = [np.random.default_rng(3).uniform(-5, 45, (200, 2)), square(3.5, 30.5)]
    whole = fill_polygons(polygons, (40, 40))
    monkeypatch.setattr(scanline, "_AT_ONCE", 100)
    assert (fill_polygons(polygons, (40, 40)) == whole).all()
    assert 0 < whole.sum() < 1600


def test_contours_are_laid_on_slices_of_any_orientation() -> None:
    grid = oblique_grid()
    mask, matched, found = rasterise([Contour(in_mm(square(3.5, 9.5), depth, grid)) for depth in (2, 3, 4)], grid)
    assert matched == "position"
    assert not +found
    expected = np.zeros(grid.shape, bool)
    expected[2:5, 4:10, 4:10] = True
    assert (mask == expected).all()


def test_contours_of_neighbouring_planes_make_no_hole_in_each_other() -> None:
    grid = oblique_grid()
    depths = (2.0, 2.4, 2.8, 3.2)  # denser than the slices
    mask, _, found = rasterise([Contour(in_mm(square(3.5, 9.5), depth, grid)) for depth in depths], grid)
    assert [int(layer.sum()) for layer in mask] == [0, 0, 36, 36, 0, 0, 0, 0, 0, 0]
    assert found[Finding.OFF_PLANE] == 3
    assert found[Finding.UNUSED] == 2


def test_contours_between_slices_go_to_the_nearest_and_that_is_said() -> None:
    grid = oblique_grid()
    mask, _, found = rasterise([Contour(in_mm(square(3.5, 9.5), depth, grid)) for depth in (1.7, 2.7, 3.7)], grid)
    assert [int(layer.any()) for layer in mask] == [0, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert found == {Finding.OFF_PLANE: 3, Finding.UNUSED: 0, Finding.GAPS: 0}


def test_a_resolved_reference_decides_between_two_slices_but_never_against_the_position() -> None:
    grid = oblique_grid()
    between = Contour(in_mm(square(3.5, 9.5), 2.7, grid), referenced=2)
    mask, matched, _ = rasterise([between], grid)
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [2]
    assert matched == "reference"
    elsewhere = Contour(in_mm(square(3.5, 9.5), 5, grid), referenced=1)
    mask, matched, found = rasterise([elsewhere], grid)
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [5]
    assert matched == "position"
    assert found[Finding.REFERENCE_ELSEWHERE] == 1


@pytest.mark.parametrize(
    ("points", "finding"),
    [
        (lambda grid: in_mm(square(3.5, 9.5), 40, grid), Finding.OUT_OF_FIELD),
        (lambda grid: in_mm(square(60, 70), 3, grid), Finding.OUT_OF_FIELD),
        (lambda grid: in_mm(square(15, 30), 3, grid), Finding.CUT),
        (lambda grid: in_mm(square(3, 9), 3, grid)[:2], Finding.BROKEN),
        (lambda grid: in_mm(square(3, 9), 3, grid) * np.nan, Finding.BROKEN),
        (
            lambda grid: in_mm(square(3, 9), 3, grid) + np.outer(np.arange(4), grid.direction[:, 2]),
            Finding.NOT_PARALLEL,
        ),
    ],
)
def test_what_cannot_be_used_is_counted(points: object, finding: Finding) -> None:
    grid = oblique_grid()
    good = Contour(in_mm(square(3.5, 9.5), 3, grid))
    mask, _, found = rasterise([good, Contour(points(grid))], grid)  # type: ignore[operator]
    assert found[finding] == 1
    assert mask[3, 5, 5]


def test_slices_without_contour_within_a_region_are_counted_and_not_filled() -> None:
    grid = oblique_grid()
    mask, _, found = rasterise([Contour(in_mm(square(3.5, 9.5), depth, grid)) for depth in (2, 5)], grid)
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [2, 5]
    assert found[Finding.GAPS] == 2
