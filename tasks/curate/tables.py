"""Reading the tables that curate starts from, with the types of the contract whatever a column happens to hold.

A column that is empty everywhere has no type of its own in Parquet, so known columns are cast here. Nothing is
judged here.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pandas as pd

from tasks.core.columns import TRANSFORMED
from tasks.core.errors import ContractViolation
from tasks.core.tables import read_table

_MADE = tuple(chain.from_iterable(TRANSFORMED.values()))
INTEGERS = frozenset(column.name for column in _MADE if column.dtype == "Int64")
FLOATS = frozenset(column.name for column in _MADE if column.dtype == "float64")
NEEDED = {
    "instances": (
        "instance", "frame", "unit", "patient", "study", "series", "study_uid", "modality", "kind", "image_path",
        "rows", "columns", "slice_index", "intensity_min", "intensity_max", "mean", "std", "content_sha256",
        "perceptual_hash", "references",
    ),
    "series": (
        "unit", "patient", "study", "series", "study_uid", "modality", "body_part", "study_date", "sex", "age_years",
        "weight_kg", "height_m",
    ),
    "features": ("unit", "patient", "study", "volume", "roi_instance", "roi_number"),
    "labels": ("patient", "study"),
    "ehr": ("patient",),
}  # fmt: skip


MAKERS = {
    "instances": "transform",
    "features": "transform",
    "series": "transform",
    "labels": "deidentify",
    "ehr": "deidentify",
}


def read(path: Path) -> pd.DataFrame:
    """The table at `path`, cast to the types of the contract; raises `ContractViolation` where it is not as agreed."""
    frame = read_table(path, MAKERS[path.stem])
    lacking = [column for column in NEEDED[path.stem] if column not in frame.columns]
    if lacking:
        raise ContractViolation(
            f"{path} lacks the column {lacking[0]}: run `python -m tasks.{MAKERS[path.stem]}` again"
        )
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
