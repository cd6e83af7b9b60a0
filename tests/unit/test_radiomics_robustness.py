"""Perturbed regions and the ICC of their features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.core.settings.radiomics import RadiomicsSettings
from tasks.transform.radiomics.robustness import (
    estimate_noise,
    intraclass,
    perturbed_values,
    rate_features,
    resize_mask,
)
from tasks.transform.radiomics.table import write_robustness
from tasks.transform.roi.grid import grid_of
from tasks.transform.roi.model import make_roi

FAST = RadiomicsSettings(families=("statistics",), diagnostics=False)


def ball(radius: float) -> np.ndarray:
    z, y, x = np.ogrid[:20, :30, :30]
    return (z - 10) ** 2 + (y - 15) ** 2 + (x - 15) ** 2 < radius**2


def test_a_region_grows_and_shrinks_at_its_edge_by_the_share_that_is_asked_for() -> None:
    mask = ball(6)
    larger, smaller = resize_mask(mask, (1.0, 1.0, 2.0), 0.1), resize_mask(mask, (1.0, 1.0, 2.0), -0.1)
    assert larger.sum() == round(mask.sum() * 1.1)
    assert smaller.sum() == round(mask.sum() * 0.9)
    assert not (mask & ~larger).any()
    assert not (smaller & ~mask).any()
    assert smaller[10, 15, 15]


@pytest.mark.parametrize("noise", [0.0, 5.0, 20.0])
def test_noise_is_estimated_on_a_slope(noise: float) -> None:
    slope = np.add.outer(np.arange(8.0), np.add.outer(3 * np.arange(64.0), 2 * np.arange(64.0)))
    found = estimate_noise(slope + np.random.default_rng(1).normal(0, noise, slope.shape))
    assert found == pytest.approx(noise, rel=0.05, abs=1e-9)


def test_icc_of_the_example_of_shrout_and_fleiss() -> None:
    table = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
    found = intraclass(table)
    assert found is not None
    assert (round(found.value, 2), round(found.low, 2), round(found.high, 2)) == (0.17, -0.13, 0.72)


def test_a_feature_that_never_varies_within_a_region_has_one_and_a_constant_none() -> None:
    assert intraclass(np.array([[1.0, 1, 1], [4, 4, 4]])) == (1.0, 1.0, 1.0, 2)
    assert intraclass(np.ones((3, 4))) is None


def test_perturbations_are_the_same_each_time_and_differ_from_each_other(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    grid, settings = grid_of((20, 30, 30), (1.0, 1.0, 1.0)), FAST
    regions = []
    for number, level in enumerate((0, 100, 200), start=1):
        image = generator.normal(level, 10, grid.shape)
        roi = make_roi("nifti", number, None, "grid", ball(5), {})
        regions.append(perturbed_values(image, grid, "CT", roi, settings, 4))
        assert regions[-1] == perturbed_values(image, grid, "CT", roi, settings, 4)
        assert len({values["stat_mean"] for values in regions[-1]}) == 4
    rated = dict(rate_features(regions))
    assert rated["stat_mean"].value > 0.99
    assert rated["stat_var"].value < 0.9
    write_robustness(regions, 4, settings, tmp_path / "r.parquet")
    table = pd.read_parquet(tmp_path / "r.parquet").set_index("feature")
    assert table.loc["stat_mean", "regions"] == 3
    assert table.loc["stat_mean", "icc"] == pytest.approx(rated["stat_mean"].value)


def test_one_region_alone_gives_no_icc_and_an_empty_one_no_perturbation() -> None:
    grid = grid_of((20, 30, 30), (1.0, 1.0, 1.0))
    roi = make_roi("nifti", 1, None, "grid", ball(5), {})
    alone = perturbed_values(np.random.default_rng(2).normal(0, 1, grid.shape), grid, "CT", roi, FAST, 3)
    assert dict(rate_features([alone])) == {}
    empty = make_roi("nifti", 1, None, "grid", np.zeros(grid.shape, bool), {})
    assert perturbed_values(np.zeros(grid.shape), grid, "CT", empty, FAST, 3) == []
