"""Reading the tables that curate starts from, with the types of the contract whatever a column happens to hold.

A column that is empty everywhere has no type of its own in Parquet, so known columns are cast here. Nothing is
judged here.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.core.errors import ContractViolation

INTEGERS = frozenset({"frame", "rows", "columns", "slice_index", "bits_stored", "images", "objects", "series_number"})
FLOATS = frozenset(
    {
        "pixel_spacing_row_mm",
        "pixel_spacing_column_mm",
        "png_spacing_row_mm",
        "png_spacing_column_mm",
        "spacing_row_mm",
        "spacing_column_mm",
        "slice_spacing_mm",
        "slice_thickness_mm",
        "position_mm",
        "window_center",
        "window_width",
        "intensity_min",
        "intensity_max",
        "mean",
        "std",
        "field_strength_t",
        "kvp",
        "age_years",
        "weight_kg",
        "height_m",
    }
)
NEEDED = {
    "instances": (
        "instance", "frame", "unit", "patient", "study", "series", "study_uid", "modality", "kind", "image_path",
        "rows", "columns", "slice_index", "intensity_min", "intensity_max", "mean", "std", "content_sha256",
        "references",
    ),
    "series": (
        "unit", "patient", "study", "series", "study_uid", "modality", "body_part", "study_date", "sex", "age_years",
        "weight_kg", "height_m",
    ),
    "labels": ("patient", "study"),
    "ehr": ("patient",),
}  # fmt: skip


def read(path: Path) -> pd.DataFrame:
    """The table at `path`, cast to the types of the contract; raises `ContractViolation` where it is not as agreed."""
    try:
        frame = pd.read_parquet(path, dtype_backend="numpy_nullable")
    except FileNotFoundError:
        raise ContractViolation(f"no {path.name} in {path.parent}: run the stage before this one first") from None
    except (OSError, ValueError):
        raise ContractViolation(f"{path} is not a Parquet table: delete it and run the stage before this one") from None
    lacking = [column for column in NEEDED[path.stem] if column not in frame.columns]
    if lacking:
        raise ContractViolation(f"{path} lacks the column {lacking[0]}: run the stage before this one again")
    return cast(frame)


def read_if_there(path: Path) -> pd.DataFrame | None:
    """The table at `path`, or None where the workspace has none."""
    return read(path) if path.is_file() else None


def cast(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with Int64, float64 and string columns; other columns keep their type."""
    typed = frame.copy()
    for column in typed.columns:
        if column in INTEGERS:
            typed[column] = pd.to_numeric(typed[column], errors="coerce").astype("Int64")
        elif column in FLOATS:
            typed[column] = pd.to_numeric(typed[column], errors="coerce").astype("float64")
        elif pd.api.types.is_object_dtype(typed[column].dtype):
            typed[column] = typed[column].astype("string")
    return typed
