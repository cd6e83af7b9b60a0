"""A seeded defect for each rule of expectations/: what is planted in good tables, and how many rows it breaks.

The tables are those of 24 patients with two images each and one structure set (`rows` = 49, 25 series).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from tasks.validate.suites import Suite
from tests.support.tables import digest, new_uid, pseudonym

Frames = dict[str, pd.DataFrame]
Defect = Callable[[Frames], None]
PLANTED = "Miller^Jane"


def put(table: str, column: str, value: object, row: int = 0) -> Defect:
    """One cell gets another value."""

    def plant(frames: Frames) -> None:
        frame = frames[table].copy()
        if isinstance(value, str) or value is None:
            frame[column] = frame[column].astype("string")
        frame.iloc[row, frame.columns.get_loc(column)] = pd.NA if value is None else value
        frames[table] = frame

    return plant


def put_all(table: str, column: str, value: object) -> Defect:
    """A whole column gets one value."""

    def plant(frames: Frames) -> None:
        frames[table] = frames[table].assign(**{column: value})

    return plant


def drop(table: str, column: str) -> Defect:
    """A column is missing."""

    def plant(frames: Frames) -> None:
        frames[table] = frames[table].drop(columns=column)

    return plant


def repeat(table: str, **changes: object) -> Defect:
    """The first row comes twice, the second time with `changes`."""

    def plant(frames: Frames) -> None:
        frame = frames[table]
        frames[table] = pd.concat([frame, frame.iloc[[0]].assign(**changes)], ignore_index=True)

    return plant


def cut(table: str, rows: int) -> Defect:
    """Only the first rows are left."""

    def plant(frames: Frames) -> None:
        frames[table] = frames[table].iloc[:rows].reset_index(drop=True)

    return plant


def leak(frames: Frames) -> None:
    """A patient who trains and one who tests have one picture in common."""
    split = frames["splits"].drop_duplicates("split").set_index("split")["patient"]
    instances = frames["instances"].copy()
    shared = instances["patient"].isin([split["train"], split["test"]]) & (instances["slice_index"] == 1)
    instances.loc[shared, "content_sha256"] = digest("leak")
    frames["instances"] = instances


def move(frames: Frames) -> None:
    """A patient who trained is tested."""
    splits = frames["splits"].copy()
    patient = splits.index[splits["split"] == "train"][0]
    splits.loc[patient, "split"] = "test"
    frames["splits"] = splits


def last_is_object(value: str) -> Defect:
    """The path of the structure set is changed."""

    def plant(frames: Frames) -> None:
        instances = frames["instances"].copy()
        instances.loc[instances["kind"] == "structure-set", "object_path"] = value
        frames["instances"] = instances

    return plant


def refer_to_source(frames: Frames) -> None:
    instances = frames["instances"].copy()
    instances.loc[instances["kind"] == "structure-set", "references"] = '["1.3.12.2.1107.5.1.4.1"]'
    frames["instances"] = instances


STRANGE = {
    "patient": pseudonym("p", "stranger"),
    "study": pseudonym("s", "stranger"),
    "unit": pseudonym("u", "stranger"),
}
NARRATIVE = f"The patient {PLANTED} came back with a cough and was told that there is nothing to see at all"

DEFECTS: dict[str, tuple[Defect, int]] = {
    "instances/release-is-not-empty": (cut("instances", 0), 0),
    "instances/columns-exist": (drop("instances", "window_center"), 49),
    "instances/references-are-new-uids": (refer_to_source, 1),
    "instances/frame-is-there-once": (repeat("instances"), 2),
    "instances/instance-is-in-one-series": (repeat("instances", unit=STRANGE["unit"]), 2),
    "instances/image-path-is-its-own": (repeat("instances", instance=new_uid("x")), 2),
    "instances/image-or-object": (put("instances", "image_path", None), 1),
    "instances/file-exists": (put("instances", "image_path", "CT/gone.png"), 1),
    "instances/image-path-is-pseudonymous": (put("instances", "image_path", f"CT/{PLANTED}_1.png"), 1),
    "instances/object-path-is-pseudonymous": (last_is_object(f"{PLANTED}.zip#1.dcm"), 1),
    "instances/series-is-known": (put("instances", "unit", STRANGE["unit"]), 1),
    "instances/study-is-known": (put("instances", "study", STRANGE["study"]), 1),
    "instances/patient-is-known": (put("instances", "patient", STRANGE["patient"]), 1),
    "instances/patient-of-study-agrees": (put("instances", "patient", STRANGE["patient"]), 1),
    "instances/patient-of-series-agrees": (put("instances", "patient", STRANGE["patient"]), 1),
    "instances/study-of-series-agrees": (put("instances", "study", STRANGE["study"]), 1),
    "instances/pixels-in-one-split": (leak, 2),
    "instances/image-is-described": (put("instances", "png_sha256", None), 1),
    "instances/mean-is-normalised": (put("instances", "mean", 1.2), 1),
    "instances/std-is-normalised": (put("instances", "std", 255.0), 1),
    "instances/content-digest-is-sha256": (put("instances", "content_sha256", "d41d8cd9"), 1),
    "instances/frame-counts-from-zero": (put("instances", "frame", -1), 1),
    "instances/modality-is-known": (put("instances", "modality", "XYZ"), 1),
    "instances/kind-is-known": (put("instances", "kind", "movie"), 1),
    "instances/orientation-is-known": (put("instances", "orientation", "upside down"), 1),
    "instances/window-source-is-known": (put("instances", "window_source", "guess"), 1),
    "instances/rows-are-plausible": (put("instances", "rows", 0), 1),
    "instances/columns-are-plausible": (put("instances", "columns", 70000), 1),
    "instances/bits-are-plausible": (put("instances", "bits_stored", 0), 1),
    "instances/pixel-spacing-row-mm-is-plausible": (put("instances", "pixel_spacing_row_mm", 0.0), 1),
    "instances/pixel-spacing-column-mm-is-plausible": (put("instances", "pixel_spacing_column_mm", 700.0), 1),
    "instances/slice-thickness-is-plausible": (put("instances", "slice_thickness_mm", 500.0), 1),
    "instances/hounsfield-units-are-plausible": (put("instances", "intensity_min", -1e6), 1),
    "instances/quality-is-good": (put_all("instances", "low_quality", True), 49),
    "instances/few-outliers": (put_all("instances", "outlier", True), 49),
    "instances/pixels-of-one-patient": (put("instances", "shared_pixels", True), 1),
    "series/columns-exist": (drop("series", "kvp"), 25),
    "series/frame-of-reference-is-a-new-uid": (put("series", "frame_of_reference", "1.3.12.2.1107.5.1.4"), 1),
    "series/series-is-there-once": (repeat("series"), 2),
    "series/study-is-known": (put("series", "study", STRANGE["study"]), 1),
    "series/patient-is-known": (put("series", "patient", STRANGE["patient"]), 1),
    "series/patient-of-study-agrees": (put("series", "patient", STRANGE["patient"]), 1),
    "series/instances-are-counted": (put("series", "images", 3), 1),
    "series/age-is-capped": (put("series", "age_years", 97.0), 1),
    "series/age-is-plausible": (put("series", "age_years", -2.0), 1),
    "series/date-is-plausible": (put("series", "study_date", "2999-01-01"), 1),
    "series/modality-is-known": (put("series", "modality", "XYZ"), 1),
    "series/sex-is-known": (put("series", "sex", "female"), 1),
    "series/spacing-row-mm-is-plausible": (put("series", "spacing_row_mm", 70.0), 1),
    "series/spacing-column-mm-is-plausible": (put("series", "spacing_column_mm", -0.7), 1),
    "series/slice-spacing-is-plausible": (put("series", "slice_spacing_mm", 500.0), 1),
    "series/field-strength-is-in-tesla": (put("series", "field_strength_t", 15000.0), 1),
    "series/kvp-is-plausible": (put("series", "kvp", 120000.0), 1),
    "series/weight-is-in-kilograms": (put("series", "weight_kg", 70000.0), 1),
    "series/height-is-in-metres": (put("series", "height_m", 175.0), 1),
    "studies/columns-exist": (drop("studies", "modalities"), 24),
    "studies/study-is-there-once": (repeat("studies"), 2),
    "studies/patient-is-known": (put("studies", "patient", STRANGE["patient"]), 1),
    "studies/series-are-counted": (put("studies", "series", 7), 1),
    "studies/date-is-plausible": (put("studies", "study_date", "20150314"), 1),
    "studies/study-is-labelled": (cut("labels", 20), 4),
    "patients/columns-exist": (drop("patients", "bmi"), 24),
    "patients/patient-is-there-once": (repeat("patients"), 2),
    "patients/patient-has-a-split": (cut("splits", 23), 1),
    "patients/studies-are-counted": (put("patients", "studies", 7), 1),
    "patients/age-is-capped": (put("patients", "age_years", 91.0), 1),
    "patients/age-is-plausible": (put("patients", "age_years", -1.0), 1),
    "patients/age-band-is-known": (put("patients", "age_band", "47"), 1),
    "patients/sex-is-known": (put("patients", "sex", "W"), 1),
    "patients/bmi-is-plausible": (put("patients", "bmi", 2200.0), 1),
    "patients/icd10-is-a-list": (put("patients", "icd10", "I25.1"), 1),
    "patients/icd10-holds-codes": (put("patients", "icd10", '["chest pain"]'), 1),
    "patients/most-sexes-are-known": (put_all("patients", "sex", pd.NA), 24),
    "labels/columns-exist": (drop("labels", "source"), 24),
    "labels/label-is-there-once": (repeat("labels", value=1), 2),
    "labels/study-is-known": (put("labels", "study", STRANGE["study"]), 1),
    "labels/patient-is-known": (put("labels", "patient", STRANGE["patient"]), 1),
    "labels/patient-of-study-agrees": (put("labels", "patient", STRANGE["patient"]), 1),
    "labels/value-is-zero-or-one": (put("labels", "value", 2), 1),
    "labels/value-is-given": (put("labels", "value", pd.NA), 1),
    "labels/source-is-known": (put("labels", "source", "hearsay"), 1),
    "splits/columns-exist": (drop("splits", "stratum"), 24),
    "splits/patient-is-in-one-split": (repeat("splits", split="test"), 2),
    "splits/patient-is-known": (put("splits", "patient", STRANGE["patient"]), 1),
    "splits/split-is-known": (put("splits", "split", "trial"), 1),
    "splits/split-is-as-locked": (move, 1),
    "splits/class-is-in-each-split": (put_all("splits", "split", "train"), 24),
    "splits/share-is-near": (put_all("splits", "split", "train"), 24),
}


def seed_defects(suites: Iterable[Suite]) -> dict[str, tuple[Defect, int]]:
    """Rule ("suite/rule") -> the defect and the rows it breaks: `DEFECTS`, and those that every key and table has."""
    defects = dict(DEFECTS)
    for suite in suites:
        name, count = suite.name, {"instances": 49, "series": 25}.get(suite.name, 24)
        for rule in suite.expectations:
            column, full = rule.kwargs.get("column", ""), f"{suite.name}/{rule.meta.rule}"
            if rule.type == "expect_column_values_to_not_be_null" and "mostly" not in rule.kwargs:
                defects.setdefault(full, (put(name, column, None), 1))
            elif rule.meta.rule.endswith("-is-a-pseudonym"):
                defects[full] = (put(name, column, PLANTED), 1)
            elif rule.meta.rule.endswith("-is-a-new-uid"):
                defects.setdefault(full, (put(name, column, "1.3.12.2.1107.5.1.4.54693"), 1))
        defects[f"{name}/columns-are-not-identifying"] = (put_all(name, "PatientName", PLANTED), count)
        defects[f"{name}/no-free-text"] = (put_all(name, "findings", NARRATIVE), count)
    return defects
