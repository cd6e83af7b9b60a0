"""From the feature table of a release to one vector a series: the mean over its regions and volumes.

Diagnostics are left out: they describe the scan, not the tissue. As in features.py a vector has a block for each
modality, of which only the series' own is filled. A value that is not there is NaN, for the model to fill.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.core.errors import ConfigurationError
from tasks.train.features import SeriesFeatures

FEATURES = "features.parquet"


def read_radiomics(dataset: Path, modalities: Sequence[str]) -> SeriesFeatures:
    """The vectors of all series of `modalities` in features.parquet, sorted by series.

    Raises `ConfigurationError` where the release has no such table.
    """
    try:
        table = pd.read_parquet(dataset / FEATURES)
        told = json.loads((dataset / "features.json").read_text(encoding="utf-8"))["columns"]
    except (FileNotFoundError, ValueError, KeyError):
        raise ConfigurationError(
            "the release has no features: set radiomics.in_flow to roi or whole and release again, or train.features "
            "to images"
        ) from None
    tags = [column["name"] for column in told if column.get("family", "diagnostics") != "diagnostics"]
    blocks = sorted(set(modalities))
    rows: list[tuple[str, str, str, str]] = []
    vectors = []
    chosen = table[table["modality"].isin(blocks)]
    for (unit, modality), own in chosen.groupby(["unit", "modality"], sort=True):
        vector = np.zeros(len(blocks) * len(tags), dtype=np.float32)
        start = blocks.index(str(modality)) * len(tags)
        vector[start : start + len(tags)] = own[tags].astype("float64").mean(axis=0).to_numpy()
        rows.append((str(unit), str(own["study"].iloc[0]), str(own["patient"].iloc[0]), str(modality)))
        vectors.append(vector)
    names = tuple(f"{modality}.{tag}" for modality in blocks for tag in tags)
    matrix = np.stack(vectors) if vectors else np.zeros((0, len(names)), dtype=np.float32)
    return SeriesFeatures.of(rows, names, matrix)
