"""One row an image with all that is known of it, and the tables by which Hugging Face `datasets` reads a release.

`load_dataset(DIR)` takes its splits from images-<split>.parquet (huggingface.co/docs/datasets, Create an image dataset;
Manual configuration). It reads all configurations of a folder with one builder, so the index tables are none: they are
read with `load_dataset("parquet", data_files=…)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import yaml

from tasks.core.files import write_table

SPLITS = ("train", "validation", "test")
LABEL = "label_"
"""Before the name of a label, where it is a column."""

_OF_PATIENT = ("sex", "age_years", "age_band")
_OF_SERIES = ("body_part", "manufacturer", "study_date")
_FACTS = (
    "instance", "frame", "unit", "patient", "study", "modality", "body_part", "sex", "age_years", "age_band",
    "slice_index", "orientation", "png_spacing_row_mm", "png_spacing_column_mm", "window_center", "window_width",
    "intensity_unit", "low_quality", "outlier",
)  # fmt: skip


def image_rows(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The images of instances with split, patient and series facts, and `label_<name>` for each label of the study.

    Sorted by image_path; objects are left out.
    """
    rows = tables["instances"]
    rows = rows[rows["image_path"].notna()]
    for table, key, names in (
        ("splits", "patient", ("split",)),
        ("patients", "patient", _OF_PATIENT),
        ("series", "unit", _OF_SERIES),
    ):
        facts = tables[table].set_index(key)
        rows = rows.assign(**{name: rows[key].map(facts[name]) for name in names if name in facts.columns})
    for label, said in tables["labels"].groupby("label", sort=True):
        rows = rows.assign(**{f"{LABEL}{label}": rows["study"].map(said.set_index("study")["value"])})
    return rows.sort_values("image_path", kind="stable").reset_index(drop=True)


def write_split_tables(images: pd.DataFrame, dataset: Path) -> tuple[str, ...]:
    """Write images-<split>.parquet for each split that has images; returns the splits."""
    written = []
    labels = [name for name in images.columns if str(name).startswith(LABEL)]
    columns = [name for name in _FACTS if name in images.columns]
    for split in SPLITS:
        rows = images[images["split"] == split]
        if len(rows):
            table = rows[["image_path", *columns, *labels]].rename(columns={"image_path": "file_name"})
            write_table(table, dataset / f"images-{split}.parquet")
            written.append(split)
    return tuple(written)


def front_matter(title: str, splits: tuple[str, ...]) -> str:
    """The YAML that the card begins with, with the lines around it."""
    images = {
        "config_name": "images",
        "default": True,
        "data_files": [{"split": split, "path": ["images/*/*.png", f"images-{split}.parquet"]} for split in splits],
        "metadata_filenames": [f"images-{split}.parquet" for split in splits],
    }
    tables = {"config_name": "instances", "data_files": "instances.parquet"}  # a release of objects alone
    configs = [images if splits else tables]
    told = yaml.safe_dump({"pretty_name": title, "configs": configs}, sort_keys=False, allow_unicode=True)
    return f"---\n{told}---\n"
