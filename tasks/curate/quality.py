"""Flags for low quality and for outliers. Flagged, never dropped: a rare disease is an outlier.

Works on the statistics that transform took of each [0, 1] image; pixels are not read again.
"""

from __future__ import annotations

import pandas as pd

from tasks.core.settings import CurateSettings

FEATURES = ("mean", "std")
SMALLEST_GROUP = 8  # fewer images tell nothing about what is usual
CLIPPED = 0.95
MAD_TO_SIGMA = 0.6745  # Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993)
MEAN_AD_TO_SIGMA = 0.7979

NOTES = {
    "constant": "all pixels are equal",
    "contrast": "hardly any contrast",
    "clipped": "nearly all pixels at an end of the window",
    "unmeasured": "no statistics",
    "outlier": "brightness or contrast unusual for its modality and body part",
}


def flag(instances: pd.DataFrame, body_part: pd.Series, settings: CurateSettings) -> pd.DataFrame:
    """`instances` with low_quality (bool), outlier (bool) and quality_note (words, or null).

    `body_part` maps unit to body part. Objects without an image are never flagged.
    """
    image = (instances["kind"] == "image").fillna(False).astype(bool)
    mean, std = instances["mean"], instances["std"]
    unmeasured = image & (mean.isna() | std.isna())
    constant = image & (instances["intensity_min"] == instances["intensity_max"]).fillna(False).astype(bool)
    contrast = image & ~constant & (std < settings.min_contrast)
    # An image on [0, 1] has at most the variance mean (1 - mean), reached by black and white alone (Bhatia-Davis).
    clipped = image & ~constant & ~contrast & (std**2 > CLIPPED * mean * (1 - mean))
    outlier = image & ~constant & _outliers(instances[image], body_part, settings.outlier_z, instances.index)
    flags = {
        "unmeasured": unmeasured, "constant": constant, "contrast": contrast, "clipped": clipped, "outlier": outlier,
    }  # fmt: skip
    notes = [
        "; ".join(NOTES[name] for name, raised in zip(flags, row, strict=True) if raised) or None
        for row in zip(*(series.to_numpy(dtype=bool) for series in flags.values()), strict=True)
    ]
    return instances.assign(
        low_quality=(unmeasured | constant | contrast | clipped).astype(bool),
        outlier=outlier.astype(bool),
        quality_note=pd.Series(notes, index=instances.index, dtype="string"),
    )


def robust_z(values: pd.Series) -> pd.Series:
    """Modified z-scores by median and MAD; where more than half of the values are equal, by the mean deviation.

    All zero where there is no spread at all, so that identical images are never outliers.
    """
    distance = values - values.median()
    deviation = distance.abs().median()
    if deviation > 0:
        return MAD_TO_SIGMA * distance / deviation
    mean_deviation = distance.abs().mean()
    if mean_deviation > 0:
        return MEAN_AD_TO_SIGMA * distance / mean_deviation
    return distance * 0.0


def roll_up(series: pd.DataFrame, instances: pd.DataFrame, duplicates: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    """`series` without those that lost all their instances, with images and objects counted anew and, per series,
    how many images are low_quality, outliers, share pixels with another patient, or were dropped as duplicates."""
    rows = instances.assign(
        is_image=instances["kind"] == "image",
        is_object=instances["kind"] != "image",
    ).groupby("unit")
    counted = {
        "images": rows["is_image"].sum(),
        "objects": rows["is_object"].sum(),
        "low_quality_images": rows["low_quality"].sum(),
        "outlier_images": rows["outlier"].sum(),
        "shared_pixel_images": rows["shared_pixels"].sum(),
        "duplicates_dropped": pd.Series({unit: len(sops) for unit, sops in duplicates.items()}, dtype="int64"),
    }
    kept = series[series["unit"].isin(set(instances["unit"]))]
    return kept.assign(**{name: kept["unit"].map(count).fillna(0).astype("int64") for name, count in counted.items()})


def _outliers(images: pd.DataFrame, body_part: pd.Series, limit: float, index: pd.Index) -> pd.Series:
    raised = pd.Series(False, index=index)
    part = images["unit"].map(body_part).astype("string").fillna("")
    grouping = [images["modality"].fillna(""), part]
    for feature in FEATURES:
        groups = images[feature].groupby(grouping)
        enough = groups.transform("count") >= SMALLEST_GROUP
        score = groups.transform(robust_z).abs()
        raised.loc[images.index] |= (enough & (score > limit)).fillna(False).astype(bool)
    return raised
