"""From the images of a release to one vector a series: small projections of local contrast through its slices.

Local contrast (a difference of Gaussians) drops what differs between scanners and people as a whole: brightness, coil
sensitivity, the size of the body. The vector has a block for each modality, of which only the series' own is filled; so
one linear model learns several modalities without mixing them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.core.pictures import read_grey

PROJECTIONS = ("mean", "max")
FINE, COARSE = 0.0375, 0.125
"""Standard deviations of the two Gaussians in parts of the width: structures of about a tenth of it stand out."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SeriesFeatures:
    """`matrix` is (series, features) in float32; `units`, `studies`, `patients` name its rows, `names` its columns.

    Slices of a network are (series, slices, rows, columns), and have no names.
    """

    units: tuple[str, ...]
    studies: tuple[str, ...]
    patients: tuple[str, ...]
    modalities: tuple[str, ...]
    names: tuple[str, ...]
    matrix: Floats

    @classmethod
    def of(cls, rows: Sequence[tuple[str, str, str, str]], names: Sequence[str], matrix: Floats) -> SeriesFeatures:
        """From (series, study, patient, modality) of each row."""
        units, studies, patients, modalities = (tuple(row[column] for row in rows) for column in range(4))
        return cls(units, studies, patients, modalities, tuple(names), matrix)

    def chosen(self, rows: npt.NDArray[np.int64]) -> SeriesFeatures:
        """Some of the series, by their places."""
        units, studies, patients, modalities = (
            tuple(column[row] for row in rows) for column in (self.units, self.studies, self.patients, self.modalities)
        )
        return SeriesFeatures(units, studies, patients, modalities, self.names, self.matrix[rows])


def read_features(dataset: Path, instances: pd.DataFrame, modalities: Sequence[str], thumbnail: int) -> SeriesFeatures:
    """The vectors of all series of `modalities` that have images, sorted by series.

    `instances` is the release's table; images are read from `dataset`, reduced to `thumbnail` pixels a side.
    """
    chosen = instances[instances["image_path"].notna() & instances["modality"].isin(list(modalities))]
    chosen = chosen.sort_values(["unit", "slice_index", "frame", "image_path"], kind="stable")
    blocks = sorted(set(modalities))
    size = len(PROJECTIONS) * thumbnail * thumbnail
    rows: list[tuple[str, str, str, str]] = []
    vectors = []
    for (unit, modality), slices in chosen.groupby(["unit", "modality"], sort=True):
        first = slices.iloc[0]
        vector = np.zeros(len(blocks) * size, dtype=np.float32)
        start = blocks.index(str(modality)) * size
        vector[start : start + size] = project([dataset / path for path in slices["image_path"]], thumbnail)
        rows.append((str(unit), str(first["study"]), str(first["patient"]), str(modality)))
        vectors.append(vector)
    names = tuple(
        f"{modality}.{projection}.{row}.{column}"
        for modality in blocks
        for projection in PROJECTIONS
        for row in range(thumbnail)
        for column in range(thumbnail)
    )
    matrix = np.stack(vectors) if vectors else np.zeros((0, len(names)), dtype=np.float32)
    return SeriesFeatures.of(rows, names, matrix)


def project(paths: Sequence[Path], thumbnail: int) -> Floats:
    """Mean and maximum of local contrast over the slices: (2 x thumbnail x thumbnail,).

    In standard deviations of the series.
    Taken in one pass, so that a long series costs no more memory than a short one.
    """
    contrast = np.zeros((thumbnail, thumbnail), dtype=np.float64)
    highest = np.full_like(contrast, -np.inf)
    total = squares = 0.0
    for path in paths:
        image = read_image(path, thumbnail)
        total += float(image.sum())
        squares += float((image**2).sum())
        local = cv2.GaussianBlur(image, (0, 0), FINE * thumbnail) - cv2.GaussianBlur(image, (0, 0), COARSE * thumbnail)
        contrast += local
        np.maximum(highest, local, out=highest)
    pixels = len(paths) * thumbnail * thumbnail
    spread = np.sqrt(max(squares / pixels - (total / pixels) ** 2, 0.0)) or 1.0  # an even series has no contrast either
    return (np.concatenate([(contrast / len(paths)).ravel(), highest.ravel()]) / spread).astype(np.float32)


def read_image(path: Path, thumbnail: int) -> npt.NDArray[np.float64]:
    """A PNG in grey and reduced to `thumbnail` pixels a side, in [0, 1]."""
    reduced = cv2.resize(read_grey(path), (thumbnail, thumbnail), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, dtype=np.float64)  # [0, 1]
