"""From the images of a release to a stack of slices a series, for a network. What it learns from them is in `cnn`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.train.features import SeriesFeatures, read_image

SLICES = 8


def read_pictures(dataset: Path, instances: pd.DataFrame, modalities: Sequence[str], thumbnail: int) -> SeriesFeatures:
    """`SLICES` slices of each series of `modalities`, evenly spaced, `thumbnail` pixels a side; sorted by series.

    The matrix is (series, slices, thumbnail, thumbnail) in float32, each series with mean 0 and standard deviation 1. A
    shorter series repeats slices.
    """
    chosen = instances[instances["image_path"].notna() & instances["modality"].isin(list(modalities))]
    chosen = chosen.sort_values(["unit", "slice_index", "frame", "image_path"], kind="stable")
    rows: list[tuple[str, str, str, str]] = []
    stacks = []
    for (unit, modality), slices in chosen.groupby(["unit", "modality"], sort=True):
        places = np.linspace(0, len(slices) - 1, SLICES).round().astype(int)
        paths = slices["image_path"].to_numpy()[places]
        made = {path: read_image(dataset / path, thumbnail) for path in dict.fromkeys(paths)}
        stack = np.stack([made[path] for path in paths])
        stacks.append(((stack - stack.mean()) / (stack.std() or 1.0)).astype(np.float32))
        first = slices.iloc[0]
        rows.append((str(unit), str(first["study"]), str(first["patient"]), str(modality)))
    matrix = np.stack(stacks) if stacks else np.zeros((0, SLICES, thumbnail, thumbnail), dtype=np.float32)
    return SeriesFeatures.of(rows, (), matrix)
