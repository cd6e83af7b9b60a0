"""The released tables: read from data/curated, split into metadata by subject, written as Parquet and safe CSV."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.core.columns import OPTIONAL, TABLES
from tasks.core.files import atomic_path, write_table
from tasks.core.formulas import neutral
from tasks.core.tables import read_table

_PATIENT = ("patient", "sex", "age_years", "age_band", "bmi", "icd10")
_IMAGE = (
    "instance", "frame", "unit", "patient", "modality", "kind", "image_path", "object_path", "rows", "columns",
    "pixel_spacing_row_mm", "pixel_spacing_column_mm", "png_spacing_row_mm", "png_spacing_column_mm", "position_mm",
    "slice_index", "orientation", "photometric", "bits_stored", "window_center", "window_width", "window_source",
    "intensity_min", "intensity_max", "intensity_unit", "transfer_syntax",
)  # fmt: skip
_MACHINE = (
    "unit", "patient", "study", "modality", "body_part", "manufacturer", "model", "field_strength_t", "kvp",
    "slice_thickness_mm", "slice_spacing_mm", "spacing_row_mm", "spacing_column_mm", "rows", "columns",
)  # fmt: skip


def read_tables(curated: Path) -> dict[str, pd.DataFrame]:
    """The tables of data/curated by name, those that params.yaml asks for after the others."""
    asked = [name for name in OPTIONAL if (curated / f"{name}.parquet").is_file()]
    return {name: read_table(curated / f"{name}.parquet", "curate") for name in (*TABLES, *asked)}


def metadata(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """What is known of the patient, of the image and of the machine, each with the ids that join them."""
    series = tables["series"].set_index("unit")
    instances = tables["instances"]
    image = _pick(instances, _IMAGE)
    weights = tables["series"][["patient", "weight_kg", "height_m"]].groupby("patient").median().reset_index()
    patient = _pick(tables["patients"], _PATIENT).merge(weights, on="patient", how="left")
    return {"patient": patient, "image": image, "machine": _pick(series.reset_index(), _MACHINE)}


def write_released(frame: pd.DataFrame, target: Path) -> None:
    """Write `frame` as `target`.parquet, and as CSV that no spreadsheet takes for formulas."""
    write_table(frame, target.with_suffix(".parquet"))
    with atomic_path(target.with_suffix(".csv")) as draft:
        without_formulas(frame).to_csv(draft, index=False, lineterminator="\n")


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with an apostrophe before each text that a spreadsheet would run (OWASP, CSV Injection)."""
    safe = frame.copy()
    for column in safe.columns:
        if isinstance(safe[column].dtype, pd.StringDtype) or safe[column].dtype == object:
            safe[column] = safe[column].map(_neutral, na_action="ignore")
    return safe


def _neutral(value: object) -> object:
    return neutral(value) if isinstance(value, str) else value


def _pick(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    return frame[[column for column in columns if column in frame.columns]]
