"""Features: the standardised values of the digital phantom, what cropping and turning must not change, and problems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.core.errors import ConfigurationError
from tasks.core.settings import check_settings
from tasks.core.settings.radiomics import (
    Discretisation,
    Interpolation,
    IvhDiscretisation,
    RadiomicsSettings,
    Resegmentation,
)
from tasks.transform.radiomics.dictionary import list_features
from tasks.transform.radiomics.engine import Features
from tasks.transform.radiomics.extract import extract_features
from tasks.transform.radiomics.interpolate import interpolate_image, interpolate_mask, plan
from tasks.transform.radiomics.problems import Problem
from tasks.transform.radiomics.table import make_row, write_features
from tasks.transform.roi.grid import Grid, grid_of
from tasks.transform.roi.model import Roi, make_roi
from tests.ibsi import phantom
from tests.ibsi.cases import PHANTOM, run_phantom
from tests.ibsi.compare import Reference, compare

DIGITAL = json.loads(Path(phantom.__file__).with_name("phantom.json").read_text(encoding="utf-8"))
FAST = RadiomicsSettings(families=("morphology", "local-intensity", "statistics", "histogram", "ivh"))
VOLUME = {"series": "2.25.1", "series_number": 1, "modality": "CT", "intensity_unit": "HU", "volume_findings": ""}


def noise(shape: tuple[int, int, int] = (12, 20, 22)) -> np.ndarray:
    return np.random.default_rng(5).normal(40, 60, shape).round().astype(np.int16)


def ball(shape: tuple[int, int, int] = (12, 20, 22), radius: float = 4.4) -> np.ndarray:
    z, y, x = np.ogrid[tuple(slice(0, size) for size in shape)]
    return (z - 6) ** 2 + (y - 9) ** 2 + (x - 10) ** 2 < radius**2


def features_of(
    image: np.ndarray, mask: np.ndarray, settings: RadiomicsSettings, grid: Grid | None = None, modality: str = "CT"
) -> Features:
    roi = make_roi("nifti", 1, None, "grid", mask, {})
    ((_, found),) = extract_features(image, grid or grid_of(image.shape, (1.0, 1.5, 2.0)), modality, [roi], settings)
    return found


def test_every_standardised_value_of_the_digital_phantom_is_within_tolerance() -> None:
    references = [Reference("", "", tag, value, tolerance) for tag, (value, tolerance) in DIGITAL.items()]
    score = compare(run_phantom(np.array(phantom.IMAGE), np.array(phantom.MASK, bool)).values, references)
    assert score.missed == ()
    assert score.total == 482


def test_a_wrong_voxel_is_seen_in_the_score() -> None:
    image = np.array(phantom.IMAGE)
    image[0, 0, 0] = 2
    references = [Reference("", "", tag, value, tolerance) for tag, (value, tolerance) in DIGITAL.items()]
    assert compare(run_phantom(image, np.array(phantom.MASK, bool)).values, references).met < 300


def test_the_dictionary_names_every_value_and_nothing_else() -> None:
    found = run_phantom(np.array(phantom.IMAGE), np.array(phantom.MASK, bool))
    assert {feature.tag for feature in list_features(PHANTOM)} == set(found.values)
    assert all(feature.unit and feature.definition and feature.name for feature in list_features(PHANTOM))


def test_what_is_far_from_a_region_changes_none_of_its_features() -> None:
    settings = FAST.model_copy(update={"diagnostics": False})
    image, mask = noise((40, 40, 40)), np.zeros((40, 40, 40), bool)
    mask[10:22, 8:28, 9:31] = ball()
    near = features_of(image, mask, settings).values
    image[:2], image[:, -3:] = 3000, -1000
    assert features_of(image, mask, settings).values == near


@pytest.mark.parametrize("spacing", [None, (2.0, 2.0, 2.0)])
def test_where_the_patient_lay_changes_nothing(spacing: Any) -> None:
    settings = FAST.model_copy(update={"interpolation": Interpolation(spacing=spacing)})
    turned = np.eye(4)
    turned[:3, :3] = np.array([[0, -1, 0], [0.6, 0, 0.8], [-0.8, 0, 0.6]]) @ np.diag([1.0, 1.5, 2.0])
    turned[:3, 3] = 100, -50, 7
    straight = features_of(noise(), ball(), settings).values
    oblique = features_of(noise(), ball(), settings, Grid((12, 20, 22), turned)).values
    assert oblique == pytest.approx(straight, rel=1e-9)


def test_a_region_is_interpolated_around_itself_as_in_the_whole() -> None:
    settings = Interpolation(spacing=(1.3, 1.3, 1.3))
    mask, spacing = ball(), (1.0, 1.5, 2.0)
    lattice = plan(mask.shape, spacing, settings)
    inside, where = interpolate_mask(mask, spacing, lattice, settings)
    whole = interpolate_image(mask.astype(float), spacing, lattice, settings) >= 0.5 - 1e-9
    assert inside.sum() == whole.sum() > 0
    assert (whole[where] == inside).all()


def test_grid_centres_are_aligned_and_an_axis_can_stay() -> None:
    lattice = plan((10, 21, 20), (1.0, 1.0, 3.0), Interpolation(spacing=(2, 2, None)))
    assert (lattice.shape, lattice.spacing) == ((10, 11, 10), (2, 2, 3.0))
    assert lattice.origin == (0.5, 0.0, 0.0)


def test_outliers_are_judged_after_the_range() -> None:
    image = noise()
    image[6, 9, 10] = 5000
    settings = FAST.model_copy(update={"resegmentation": Resegmentation(range=(-500, 400), outliers=2)})
    inside = image[ball()]
    kept = inside[(inside >= -500) & (inside <= 400)]
    kept = kept[np.abs(kept - kept.mean()) <= 2 * kept.std()]
    found = features_of(image, ball(), settings).values
    assert found["int_mask_vox_count_reseg_roi"] == kept.size
    assert found["morph_mask_vox_count_reseg_roi"] == inside.size
    assert found["stat_mean"] == pytest.approx(kept.mean())


def test_bins_of_a_width_start_at_the_range_or_at_the_lowest_value_where_there_is_none() -> None:
    binned = FAST.model_copy(update={"discretisation": Discretisation(method="FBS", width=10)})
    image, mask = noise(), ball()
    lowest = int(image[mask].min())
    assert features_of(image, mask, binned).values["ih_min"] == 1
    ranged = binned.model_copy(update={"resegmentation": Resegmentation(range=(lowest - 30, None))})
    assert features_of(image, mask, ranged).values["ih_min"] == 4


@pytest.mark.parametrize(("modality", "method"), [("CT", "none"), ("PT", "FBS"), ("MR", "FBN")])
def test_the_volume_histogram_follows_the_modality(modality: str, method: Any) -> None:
    fixed = FAST.model_copy(update={"ivh": IvhDiscretisation(method=method)})
    automatic, chosen = (features_of(noise(), ball(), s, modality=modality).values for s in (FAST, fixed))
    assert automatic["ivh_i10"] == chosen["ivh_i10"]


def regions() -> dict[str, tuple[np.ndarray, tuple[str, Problem]]]:
    flat, tiny, none = (np.zeros((12, 20, 22), bool) for _ in range(3))
    flat[6] = ball()[6]
    tiny[6, 9, 10] = True
    return {
        "none": (none, ("roi", Problem.EMPTY)),
        "tiny": (tiny, ("glcm 3D averaged", Problem.TOO_SMALL)),
        "flat": (flat, ("glszm 3D", Problem.TOO_SMALL)),
    }


@pytest.mark.parametrize("name", list(regions()))
def test_a_region_without_features_says_why_and_stops_no_other(name: str) -> None:
    mask, problem = regions()[name]
    rois = [make_roi("nifti", 1, None, "grid", mask, {}), make_roi("nifti", 2, None, "grid", ball(), {})]
    grid = grid_of((12, 20, 22), (1.0, 1.5, 2.0))
    (_, bad), (_, good) = extract_features(noise(), grid, "CT", rois, RadiomicsSettings())
    assert problem in bad.problems
    assert not good.problems
    assert good.values["cm_contrast_3D_avg"] is not None


def test_a_flat_region_keeps_its_intensities() -> None:
    mask, _ = regions()["flat"]
    assert features_of(noise(), mask, RadiomicsSettings()).values["stat_mean"] == pytest.approx(noise()[mask].mean())


def test_a_round_region_has_all_features_of_shape() -> None:
    grid = np.ogrid[:21, :21, :21]
    sphere = sum((axis - 10) ** 2 for axis in grid) < 8.2**2
    image = np.random.default_rng(1).normal(40, 5, sphere.shape)
    found = features_of(image, sphere, FAST, grid_of(sphere.shape, (1.0, 1.0, 1.0)))
    assert found.problems == {}
    axis, area = found.values["morph_pca_maj_axis"], found.values["morph_area_mesh"]
    assert axis is not None
    assert area is not None
    assert found.values["morph_area_dens_aee"] == pytest.approx(area / (np.pi * axis**2), rel=1e-6)  # of a sphere


def test_a_flat_region_lacks_only_the_feature_of_shape_that_is_not_defined() -> None:
    mask, _ = regions()["flat"]
    found = features_of(noise(), mask, FAST)
    assert [tag for tag, value in found.values.items() if value is None] == ["morph_vol_dens_aee"]
    assert found.problems == {("morphology", Problem.UNDEFINED): 1}


def test_one_grey_level_has_statistics_but_no_histogram() -> None:
    found = features_of(np.zeros((12, 20, 22), np.int16), ball(), FAST)
    assert found.values["stat_mean"] == 0
    assert found.values["stat_cov"] is None  # a ratio to zero, not a million
    assert found.problems["histogram", Problem.ONE_LEVEL] == 1


def test_voxels_without_a_number_are_left_out_and_counted() -> None:
    image = noise().astype(np.float32)
    image[6, 9, 10] = np.nan
    found = features_of(image, ball(), FAST)
    assert found.problems["intensities", Problem.NOT_FINITE] == 1
    assert found.values["int_mask_vox_count_reseg_roi"] == ball().sum() - 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"interpolation": Interpolation(spacing=(0.01, 0.01, 0.01))}, Problem.OVERSIZED),
        ({"max_region_voxels": 100}, Problem.TOO_LARGE),
        ({"resegmentation": Resegmentation(range=(5000, 6000))}, Problem.RESEGMENTED),
    ],
)
def test_what_cannot_be_prepared_is_refused_before_memory_is_taken(changes: dict[str, Any], problem: Problem) -> None:
    found = features_of(noise(), ball(), FAST.model_copy(update=changes))
    assert found.problems == {("roi", problem): 1}


def test_a_width_that_makes_a_million_levels_is_refused() -> None:
    settings = RadiomicsSettings(discretisation=Discretisation(method="FBS", width=0.001), families=("glcm",))
    assert features_of(noise(), ball(), settings).problems["glcm 3D averaged", Problem.TOO_MANY_LEVELS] == 1


def test_the_table_has_all_columns_and_the_same_bytes_for_the_same_rows(tmp_path: Path) -> None:
    settings = RadiomicsSettings()
    empty = make_roi("rtstruct", 2, "x", "position", np.zeros((12, 20, 22), bool), {})
    good = make_roi("rtstruct", 1, "liver", "position", ball(), {})
    grid = grid_of((12, 20, 22), (1.0, 1.5, 2.0))

    def rows(rois: list[Roi]) -> list[dict[str, Any]]:
        return [make_row(VOLUME, 1, roi, f) for roi, f in extract_features(noise(), grid, "CT", rois, settings)]

    for name in ("a", "b"):
        write_features(rows([good, empty]), settings, tmp_path / f"{name}.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    table = pd.read_parquet(tmp_path / "a.parquet")
    described = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert [column["name"] for column in described["columns"]] == list(table.columns)
    assert table.loc[1, "problems"] == "roi: roi-empty (1)"
    assert table.loc[1, "roi_findings"] == "roi-empty (1)"
    assert table["stat_mean"].notna().tolist() == [True, False]
    assert next(column for column in described["columns"] if column["name"] == "stat_var")["unit"] == "HU2"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ({"discretisation": {"method": "fixed"}}, "discretisation.method"),
        ({"discretization": {}}, "did you mean `discretisation`"),
        ({"resegmentation": {"range": [400, -500]}}, "upper end"),
        ({"interpolation": {"spacing": [0, 1, 1]}}, "between 0.01 and 100"),
        ({"dimensions": ["4D"]}, "dimensions"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(text: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        check_settings({"radiomics": text}, "--settings")
