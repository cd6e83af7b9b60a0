"""What a release offers to learn from: series with their label, split, patient and study, whatever the features are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.core.errors import ConfigurationError
from tasks.core.settings import TrainSettings
from tasks.core.tables import read_release_table, split_of_patients
from tasks.record.releases.cohorts import cohort_beside
from tasks.train.features import SeriesFeatures, read_features
from tasks.train.pictures import read_pictures
from tasks.train.radiomics import FEATURES, read_radiomics
from tasks.train.scores import Ints

TRAIN, TEST = "train", "test"
TABLES = ("instances", "series", "patients", "labels", "splits")


@dataclass(frozen=True)
class Examples:
    """Labelled series of a release that are in a split. `target` (0, 1) and `split` have one value a series.

    `kind` is what was read: images, radiomics or slices; `tables` are those of the release.
    """

    features: SeriesFeatures
    target: Ints
    split: npt.NDArray[np.object_]
    kind: str
    tables: Mapping[str, pd.DataFrame]

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there are, train first."""
        return (TRAIN, *sorted({str(name) for name in self.split} - {TRAIN}))

    def rows(self, *names: str) -> Ints:
        """The places of the series of these splits."""
        return np.flatnonzero(np.isin(self.split.astype(str), names))

    @property
    def development(self) -> Ints:
        """The places of all series but those of the test split, which is kept for the end."""
        return np.flatnonzero(self.split.astype(str) != TEST)

    @property
    def patients(self) -> npt.NDArray[np.object_]:
        """Whose each series is."""
        return np.array(self.features.patients, dtype=object)


def read_examples(release: Path, settings: TrainSettings) -> Examples:
    """Read the release in the folder `release`.

    Raises `ConfigurationError` when it has no labels of `settings.target`, no images of `settings.modalities`, or a
    split without both positive and negative studies; `ContractViolation` when a patient is in two splits.
    """
    tables = {name: read_release_table(release, name) for name in TABLES}
    if settings.cohort is not None:
        tables["instances"] = cohort_beside(release, settings.cohort).rows(tables["instances"])
    kind, features = _features(release, settings, tables["instances"])
    if settings.cohort is not None:  # radiomics are not read by instances
        inside = set(tables["instances"]["unit"])
        features = features.chosen(np.flatnonzero([unit in inside for unit in features.units]))
    if not features.units:
        wanted = ", ".join(settings.modalities) + (f" in the cohort {settings.cohort}" if settings.cohort else "")
        raise ConfigurationError(f"the release has no {kind} of {wanted}: set train.modalities")
    truth = label_series(features, tables["labels"], settings.target)
    splits = split_of_patients(tables["splits"])
    split = np.array([splits.get(patient) for patient in features.patients], dtype=object)
    known = np.flatnonzero(np.array([value is not None for value in truth]) & pd.notna(split))
    target = np.array([truth[row] or 0 for row in known], dtype=np.int64)
    examples = Examples(features.chosen(known), target, split[known], kind, tables)
    for name in examples.splits:
        _need_both(name, target[examples.rows(name)], settings.target)
    return examples


def label_series(features: SeriesFeatures, labels: pd.DataFrame, target: str) -> list[int | None]:
    """0, 1 or None for each series: its study's label, else its patient's."""
    chosen = labels[(labels["label"] == target) & labels["value"].notna()]
    if chosen.empty:
        raise ConfigurationError(f"the release has no label `{target}`: set train.target, or extract.labels_csv")
    if not set(chosen["value"]) <= {0, 1}:
        raise ConfigurationError(f"the label `{target}` has values other than 0 and 1: the baseline learns yes or no")
    by_study = {study: int(value) for study, value in chosen[["study", "value"]].dropna().itertuples(index=False)}
    of_patients = chosen[chosen["study"].isna()]
    by_patient = {patient: int(value) for patient, value in of_patients[["patient", "value"]].itertuples(index=False)}
    return [
        by_study.get(study, by_patient.get(patient))
        for study, patient in zip(features.studies, features.patients, strict=True)
    ]


def _features(release: Path, settings: TrainSettings, instances: pd.DataFrame) -> tuple[str, SeriesFeatures]:
    if settings.model == "cnn":
        return "slices", read_pictures(release, instances, settings.modalities, settings.thumbnail)
    kind = settings.features
    if kind == "auto":
        kind = "radiomics" if (release / FEATURES).exists() else "images"
    if kind == "radiomics":
        return kind, read_radiomics(release, settings.modalities)
    return kind, read_features(release, instances, settings.modalities, settings.thumbnail)


def _need_both(split: str, target: Ints, name: str) -> None:
    if not len(target):
        raise ConfigurationError(
            f"the split `{split}` has no labelled images: take more patients, or other train.modalities"
        )
    if len(set(target.tolist())) < 2:
        word = "positive" if not target.any() else "negative"
        raise ConfigurationError(f"the split `{split}` has no {word} study of `{name}`: more patients are needed")
