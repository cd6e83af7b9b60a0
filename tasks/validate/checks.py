"""Columns derived for the gates: for each row of a table, whether something holds that no single column shows.

Keys between tables, files, leaks over splits, types, text that does not belong. The suites of expectations/ then
expect these columns to be true. They are computed in memory, and none is ever written into a table. Geometry and
intensities are in `plausible.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping

import pandas as pd

from tasks.validate import plausible
from tasks.validate.books import COUNTED
from tasks.validate.contract import contract, each, privacy
from tasks.validate.tables import Curated, files_exist, holds

SMALLEST_FOR_SHARES = 20  # patients; below, shares are a matter of rounding
SHARE_TOLERANCE = 0.1
RAREST_CLASS = 0.05  # of the studies with a value
LEAST_KEPT = 0.9  # of the last release's rows
EARLIEST_YEAR = 1900

_OUR_UID = re.compile(r"2\.25\.[0-9]{1,39}|1\.2\.840\.10008(\.[0-9]+)+")


def with_checks(curated: Curated) -> dict[str, pd.DataFrame]:
    """Each curated table with its derived columns."""
    makers: dict[str, Callable[[Curated], Mapping[str, pd.Series]]] = {
        "instances": _instances,
        "series": _series,
        "studies": _studies,
        "patients": _patients,
        "labels": _labels,
        "splits": _splits,
        "cohort": _cohort,
        "release": _release,
        "features": _features,
    }
    checked = {}
    for table, frame in curated.frames.items():
        derived = {**makers[table](curated), **contract(table, frame), **privacy(frame)}
        checked[table] = frame.assign(
            **{name: held if name in HELPERS else held.fillna(False).astype(bool) for name, held in derived.items()}
        )
    return checked


HELPERS = frozenset({"split", "age_band", "patient_sex", "month", "field_of_view_mm"})
"""Derived columns that hold a value and no verdict: an expectation counts with them."""


def _instances(curated: Curated) -> dict[str, pd.Series]:
    patient = curated.column("instances", "patient")
    image = curated.column("instances", "kind") == "image"
    has_image, has_object = (curated.column("instances", name).notna() for name in ("image_path", "object_path"))
    described = [curated.column("instances", name).notna() for name in ("mean", "std", "content_sha256", "png_sha256")]
    return {
        "unit_is_known": _known(curated, "instances", "unit", "series"),
        "study_is_known": _known(curated, "instances", "study", "studies"),
        "patient_is_known": _known(curated, "instances", "patient", "patients"),
        "patient_of_study_agrees": patient == _through(curated, "instances", "study", "studies", "patient"),
        "patient_of_unit_agrees": patient == _through(curated, "instances", "unit", "series", "patient"),
        "study_of_unit_agrees": curated.column("instances", "study")
        == _through(curated, "instances", "unit", "series", "study"),
        "has_one_place": has_image ^ has_object,
        "file_exists": files_exist(curated),
        "image_is_described": ~image | pd.concat(described, axis=1).all(axis=1),
        "pixels_stay_in_one_split": _pixels_in_one_split(curated),
        "references_are_pseudonymous": each(curated.column("instances", "references"), _only_our_uids),
        "is_in_cohort": _known(curated, "instances", "unit", "cohort"),
        "residual_is_clean": _passed(curated),
        "split": _through(curated, "instances", "patient", "splits", "split"),
        **plausible.of_instances(curated),
    }


def _series(curated: Curated) -> dict[str, pd.Series]:
    return {
        "study_is_known": _known(curated, "series", "study", "studies"),
        "patient_is_known": _known(curated, "series", "patient", "patients"),
        "patient_of_study_agrees": curated.column("series", "patient")
        == _through(curated, "series", "study", "studies", "patient"),
        "instances_are_counted": curated.column("series", "images") + curated.column("series", "objects")
        == _count(curated, "series", "unit", "instances", ["instance", "frame"]),
        "date_is_plausible": _plausible_dates(curated, "series"),
        "patient_sex": _through(curated, "series", "patient", "patients", "sex"),
        "age_band": _through(curated, "series", "patient", "patients", "age_band"),
        "month": curated.column("series", "study_date").astype("string").str[:7],
        **plausible.of_series(curated),
    }


def _studies(curated: Curated) -> dict[str, pd.Series]:
    valued = curated.column("labels", "value").notna() & (curated.column("labels", "label") == curated.label)
    labelled = set(curated.column("labels", "study")[valued.fillna(False).astype(bool)])
    few = len(curated.frames["studies"]) < SMALLEST_FOR_SHARES
    return {
        "patient_is_known": _known(curated, "studies", "patient", "patients"),
        "series_are_counted": curated.column("studies", "series")
        == _count(curated, "studies", "study", "series", ["unit"]),
        "date_is_plausible": _plausible_dates(curated, "studies"),
        "is_labelled": curated.column("studies", "study").isin(labelled),
        "is_labelled_or_none_is": curated.column("studies", "study").isin(labelled) | (not labelled) | few,
    }


def _patients(curated: Curated) -> dict[str, pd.Series]:
    return {
        "is_in_cohort": _known(curated, "patients", "patient", "cohort"),
        "has_split": _known(curated, "patients", "patient", "splits"),
        "studies_are_counted": curated.column("patients", "studies")
        == _count(curated, "patients", "patient", "studies", ["study"]),
    }


def _labels(curated: Curated) -> dict[str, pd.Series]:
    return {
        "study_is_known": _known(curated, "labels", "study", "studies"),
        "patient_is_known": _known(curated, "labels", "patient", "patients"),
        "patient_of_study_agrees": curated.column("labels", "patient")
        == _through(curated, "labels", "study", "studies", "patient"),
        "label_is_named": curated.column("labels", "label").isin(set(curated.named)) | (not curated.named),
        "class_is_not_rare": _classes_are_balanced(curated),
        "class_is_that_of_stratum": _class_is_that_of_stratum(curated),
    }


def _features(curated: Curated) -> dict[str, pd.Series]:
    things = set(curated.column("instances", "instance")[curated.column("instances", "object_path").notna()])
    thing = curated.column("features", "roi_instance")
    return {
        "unit_is_known": _known(curated, "features", "unit", "series"),
        "patient_of_unit_agrees": curated.column("features", "patient")
        == _through(curated, "features", "unit", "series", "patient"),
        "object_is_known": thing.isna() | thing.isin(things),
        "has_no_problem": curated.column("features", "problems").fillna("") == "",
    }


def _cohort(curated: Curated) -> dict[str, pd.Series]:
    present = _count(curated, "cohort", "unit", "instances", ["instance"])
    expected, refused, dropped = (
        pd.to_numeric(curated.column("cohort", name)).astype("Int64") for name in ("expected", "refused", "dropped")
    )
    gone = holds(present == 0)
    patient, study = (_through(curated, "cohort", "unit", "series", name) for name in ("patient", "study"))
    return {
        "is_accounted": present + refused + dropped == expected,
        "patient_agrees": gone | holds(curated.column("cohort", "patient") == patient),
        "study_agrees": gone | holds(curated.column("cohort", "study") == study),
    }


def _release(curated: Curated) -> dict[str, pd.Series]:
    shares = []
    for table in COUNTED:
        before = pd.to_numeric(curated.column("release", f"last_{table}")).fillna(0)
        shares.append((len(curated.frames[table]) / before.where(before > 0)).fillna(1.0))
    fewest = pd.concat(shares, axis=1).min(axis=1)
    return {"counts_do_not_fall": fewest >= 1, "counts_do_not_collapse": fewest >= LEAST_KEPT}


def _classes_are_balanced(curated: Curated) -> pd.Series:
    """For each row, whether the rarer of its label's classes is not too rare, where enough studies have a value."""
    label, value = curated.column("labels", "label"), curated.column("labels", "value")
    counted = value.notna().groupby(label).transform("sum")
    ones = (value == 1).fillna(False).astype("Int64").groupby(label).transform("sum")
    share = ones / counted.where(counted > 0)
    return holds(counted < SMALLEST_FOR_SHARES) | holds(share.between(RAREST_CLASS, 1 - RAREST_CLASS))


def _class_is_that_of_stratum(curated: Curated) -> pd.Series:
    """For each row of the label that splits go by, whether its patient's stratum is of the class that labels say."""
    patient, value = curated.column("labels", "patient"), curated.column("labels", "value")
    counts = holds(curated.column("labels", "label") == curated.label) & value.notna()
    highest = pd.to_numeric(value, errors="coerce").where(counts).groupby(patient).transform("max")
    stratum = patient.map(curated.pairs("splits", "patient", "stratum")).astype("string").str.split("/").str[0]
    said = highest.map(lambda worst: "1" if worst > 0 else "0", na_action="ignore").astype("string")
    return ~counts | holds(said == stratum)


def _passed(curated: Curated) -> pd.Series:
    names = zip(curated.column("instances", "unit"), curated.column("instances", "instance"), strict=True)
    passed = curated.books.passed
    return pd.Series([name in passed for name in names], index=curated.frames["instances"].index, dtype=bool)


def _splits(curated: Curated) -> dict[str, pd.Series]:
    patient, split = (curated.column("splits", name) for name in ("patient", "split"))
    share = split.map(split.value_counts(normalize=True))
    near = (share - split.map(curated.shares)).abs() <= SHARE_TOLERANCE
    classes = curated.column("splits", "stratum").astype("string").str.split("/").str[0]
    used = [name for name, wanted in curated.shares.items() if wanted > 0]
    found = classes.map(split.groupby(classes).nunique())
    feasible = classes.map(classes.value_counts()) >= len(used)
    return {
        "patient_is_known": _known(curated, "splits", "patient", "patients"),
        "split_is_known": split.isin(set(curated.shares)),
        "split_is_as_locked": split == patient.map(curated.locked).astype("string"),
        "share_is_near": near | (len(split) < SMALLEST_FOR_SHARES),
        "class_is_in_each_split": (found >= len(used)) | ~feasible | (classes == "unlabelled"),
    }


def _only_our_uids(references: str) -> bool:
    try:
        uids: Iterable[object] = json.loads(references)
        return all(_OUR_UID.fullmatch(str(uid)) for uid in uids)
    except (ValueError, TypeError):
        return False


def _pixels_in_one_split(curated: Curated) -> pd.Series:
    split = curated.column("instances", "patient").map(curated.pairs("splits", "patient", "split"))
    flat = curated.column("instances", "intensity_min") == curated.column("instances", "intensity_max")
    pixels = curated.column("instances", "content_sha256")
    splits = split.groupby([curated.column("instances", "rows"), curated.column("instances", "columns"), pixels])
    return (splits.transform("nunique").fillna(1) <= 1) | flat.fillna(False).astype(bool) | pixels.isna()


def _plausible_dates(curated: Curated, table: str) -> pd.Series:
    text = curated.column(table, "study_date").astype("string")
    parsed = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    after = parsed > pd.Timestamp(curated.today)
    return text.isna() | (parsed.notna() & ~after & (parsed.dt.year >= EARLIEST_YEAR))


def _known(curated: Curated, table: str, key: str, other: str) -> pd.Series:
    return curated.column(table, key).isin(set(curated.column(other, key).dropna()))


def _through(curated: Curated, table: str, key: str, other: str, value: str) -> pd.Series:
    return curated.column(table, key).map(curated.pairs(other, key, value)).astype("string")


def _count(curated: Curated, table: str, key: str, other: str, rows: list[str]) -> pd.Series:
    """How many distinct `rows` of `other` belong to each key."""
    owned = pd.DataFrame({name: curated.column(other, name) for name in [key, *rows]}).drop_duplicates()
    return curated.column(table, key).map(owned[key].value_counts()).fillna(0).astype("Int64")
