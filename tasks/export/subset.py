"""A part of a release as a folder that `load_release` reads: tables, images and objects of what was chosen."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from tasks.core.columns import OPTIONAL, TABLES
from tasks.core.files import atomic_directory, write_json, write_text
from tasks.export.dataset import load_release
from tasks.export.manifest import checksums, listing
from tasks.export.tables import write_released


def write_subset(dataset: Path, column: str, ids: Collection[str], target: Path) -> int:
    """Write what `ids` (values of `column` of instances) name of `dataset` to `target`; returns how many images.

    Files are linked where that can be, else copied. `subset.json` says of which content it is a part; it is not signed,
    and no release. Same choice, same bytes.
    """
    part = load_release(dataset, cohort=sorted(ids))
    rows = part.table("instances")
    rows = rows[rows[column].isin(set(ids))]
    with atomic_directory(target) as draft:
        for name in (*TABLES, *OPTIONAL):
            if (dataset / f"{name}.parquet").is_file():
                write_released(part.table(name), draft / name)
        if (dataset / "features.json").is_file():
            shutil.copyfile(dataset / "features.json", draft / "features.json")
        for path in pd.concat([rows["image_path"], rows["object_path"]]).dropna():
            _place(dataset / path, draft / path)
        content = json.loads((dataset / "release.json").read_text(encoding="utf-8"))["content"]
        write_json(draft / "subset.json", {"of": content, "by": column, "count": len(set(rows[column]))})
        write_text(draft / "checksums.sha256", listing(checksums(draft)))
    return int(rows["image_path"].notna().sum())


def _place(source: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, goal)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, goal)
