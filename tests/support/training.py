"""Labelled series that are made up, with what the tables of a release say of them, for tests of training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from tasks.train.examples import Examples
from tasks.train.features import SeriesFeatures
from tasks.train.leaks import look_for_leaks
from tasks.train.learner import Linear

SPLITS = ("train", "train", "train", "validation", "test")


def made_up(patients: int = 60, *, series: int = 2, seed: int = 0, features: int = 20) -> Examples:
    """Patients with `series` series of a study each, noise as features and coins as labels."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(patients), series)
    count = len(who)
    coins = rng.permutation(np.arange(patients) % 2)
    units = tuple(f"u{row}" for row in range(count))
    people = tuple(f"p{one:03d}" for one in who)
    own = SeriesFeatures(
        units=units,
        studies=tuple(f"s{one:03d}" for one in who),
        patients=people,
        modalities=("CT",) * count,
        names=tuple(f"CT.f{one}" for one in range(features)),
        matrix=rng.normal(size=(count, features)).astype(np.float32),
    )
    table = pd.DataFrame(
        {
            "unit": units,
            "manufacturer": rng.choice(["A", "B"], count),
            "model": rng.choice(["One", "Two", "Three"], count),
            "kvp": rng.choice([100.0, 120.0], count),
            "images": rng.integers(20, 40, count),
            "spacing_row_mm": rng.normal(0.7, 0.05, count),
        }
    )
    sexes = pd.DataFrame(
        {"patient": sorted(set(people)), "sex": (["F", "M"] * patients)[:patients], "age_band": "60-69"}
    )
    pictures = pd.DataFrame(
        {"unit": units, "patient": people, "image_path": "x", "content_sha256": units, "low_quality": False}
    )
    return Examples(
        features=own,
        target=coins[who].astype(np.int64),
        split=np.array([SPLITS[one % len(SPLITS)] for one in who], dtype=object),
        kind="images",
        tables={"series": table, "instances": pictures, "patients": sexes},
    )


def leaks(examples: Examples, permutations: int = 12) -> dict[str, str]:
    """The leaks that are found, each with its sentence."""
    learner = Linear(examples.features.matrix, 0)
    return {leak.name: leak.sentence for leak in look_for_leaks(examples, learner, permutations, 3, 0).found}


def with_feature(examples: Examples, values: np.ndarray) -> Examples:
    """The same with `values` as the first feature."""
    matrix = examples.features.matrix.copy()
    matrix[:, 0] = values
    return replace(examples, features=replace(examples.features, matrix=matrix))
