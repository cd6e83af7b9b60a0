"""Quality flags: told in words, never a reason to drop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.core.columns import TRANSFORMED
from tasks.core.settings import CurateSettings
from tasks.curate.quality import NOTES, flag, robust_z, roll_up
from tasks.transform.tables import make_frame
from tests.support.tables import make_cohort, make_image, make_object, make_series, unit_of

BLACK: dict[str, Any] = {"intensity_min": 0.0, "intensity_max": 0.0, "mean": 0.0, "std": 0.0}


def flagged(*rows: dict[str, Any], **settings: Any) -> pd.DataFrame:
    body_part = pd.Series({row["unit"]: "CHEST" for row in rows}, dtype="string")
    return flag(make_frame(rows, TRANSFORMED["instances"]), body_part, CurateSettings(**settings))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("constant", BLACK),
        ("contrast", {"mean": 0.5, "std": 0.019}),
        ("clipped", {"mean": 0.5, "std": 0.495}),
        ("unmeasured", {"mean": None, "std": None}),
    ],
)
def test_a_bad_image_is_flagged_with_its_reason(name: str, change: dict[str, Any]) -> None:
    frame = flagged(make_image(1, 1, **change), make_image(1, 2))
    assert frame["low_quality"].tolist() == [True, False]
    assert frame["quality_note"].tolist()[0] == NOTES[name]
    assert frame["quality_note"].isna().tolist() == [False, True]


def test_the_threshold_of_contrast_is_a_parameter() -> None:
    assert flagged(make_image(1, std=0.05)).loc[0, "low_quality"] == np.False_
    assert flagged(make_image(1, std=0.05), min_contrast=0.1).loc[0, "low_quality"] == np.True_


def test_an_image_unlike_its_group_is_an_outlier_and_stays() -> None:
    rows = make_cohort(10, slices=2)
    frame = flagged(*rows, make_image(99, mean=0.95, std=0.2))
    assert frame["outlier"].tolist() == [False] * 20 + [True]
    assert frame["quality_note"].iloc[-1] == NOTES["outlier"]
    assert frame["low_quality"].sum() == 0


def test_a_modality_is_not_judged_by_another() -> None:
    bright = [
        make_image(100 + number, mean=0.9 + number / 200, std=0.1 + number / 500, modality="CR") for number in range(9)
    ]
    assert not flagged(*make_cohort(10, slices=2), *bright)["outlier"].any()


def test_a_small_group_has_no_outliers() -> None:
    assert not flagged(*make_cohort(3, slices=1), make_image(99, mean=0.99))["outlier"].any()


def test_identical_values_have_no_outliers_and_one_stray_among_them_is_one() -> None:
    same = pd.Series([0.5] * 20)
    assert (robust_z(same) == 0).all()
    assert abs(robust_z(pd.Series([*same, 0.9])).iloc[-1]) > 3.5


def test_the_score_is_the_modified_z_score_of_iglewicz_and_hoaglin() -> None:
    values = pd.Series([1.0, 2.0, 3.0, 4.0, 10.0])  # median 3, MAD 1
    assert robust_z(values).tolist() == pytest.approx([-1.349, -0.6745, 0, 0.6745, 4.7215])


def test_objects_are_never_flagged() -> None:
    frame = flagged(make_object(1, []))
    assert not frame["low_quality"].any()
    assert not frame["outlier"].any()


def test_series_count_their_flags_and_one_without_instances_goes() -> None:
    rows = [make_image(1, 1, **BLACK), make_image(1, 2), make_object(2, [])]
    gone = make_image(3)
    instances = flagged(*rows).assign(shared_pixels=[False, True, False])
    series = roll_up(
        make_frame(make_series([*rows, gone]), TRANSFORMED["series"]), instances, {unit_of(1): ("2.25.1",)}
    ).set_index("unit")
    assert unit_of(3) not in series.index
    counted = series.loc[
        unit_of(1), ["images", "objects", "low_quality_images", "shared_pixel_images", "duplicates_dropped"]
    ]
    assert counted.tolist() == [2, 0, 1, 1, 1]
    assert series["objects"].tolist() == [0, 1]
