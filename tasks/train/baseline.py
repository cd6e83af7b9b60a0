"""The baseline model: fitted on the train split alone, chosen on nothing, evaluated on every other split.

One prediction a study: the mean over its series. No patient is in two splits, since the release splits by patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, roc_auc_score, roc_curve
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from tasks.core.errors import ConfigurationError
from tasks.core.settings import TrainSettings
from tasks.train.features import Floats, SeriesFeatures, read_features
from tasks.train.radiomics import read_radiomics

TRAIN = "train"
THRESHOLD = 0.5
_FEATURES = 30
_KINDS = {"images": "local contrast", "radiomics": "radiomic features"}


@dataclass(frozen=True)
class Evaluation:
    """How the model does on one split. `confusion` is ((TN, FP), (FN, TP)) of studies; `roc` is (FPR, TPR) points."""

    split: str
    studies: int
    patients: int
    metrics: Mapping[str, float]
    confusion: tuple[tuple[int, int], tuple[int, int]]
    roc: tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class TrainedModel:
    """A fitted pipeline over series vectors, and what it was fitted and tested on. All ids are pseudonyms."""

    estimator: Pipeline
    evaluations: tuple[Evaluation, ...]
    feature_names: tuple[str, ...]
    series_per_split: Mapping[str, int]
    patients: Mapping[str, str]
    """Every patient that the model saw, and the split; those in "train" are the ones it learned from."""
    example: Floats
    """The first rows of the training matrix, for the model's signature."""
    params: Mapping[str, str | int | float]

    @property
    def metrics(self) -> dict[str, float]:
        """All metrics as `<split>_<metric>`."""
        return {f"{part.split}_{name}": value for part in self.evaluations for name, value in part.metrics.items()}


def train(release: Path, settings: TrainSettings) -> TrainedModel:
    """Train on the release in the folder `release`.

    Raises `ConfigurationError` when it has no labels of `settings.target`, no images of `settings.modalities`, or a
    split without both positive and negative studies.
    """
    instances, labels, splits = (_read(release, name) for name in ("instances", "labels", "splits"))
    if settings.features == "radiomics":
        features = read_radiomics(release, settings.modalities)
    else:
        features = read_features(release, instances, settings.modalities, settings.thumbnail)
    if not features.units:
        wanted = ", ".join(settings.modalities)
        raise ConfigurationError(f"the release has no {settings.features} of {wanted}: set train.modalities")
    truth = label_series(features, labels, settings.target)
    split = splits.set_index("patient")["split"].reindex(list(features.patients)).to_numpy(dtype=object)
    known = np.array([value is not None for value in truth]) & pd.notna(split)
    target = np.array([value or 0 for value in truth])
    names = [TRAIN, *sorted({str(name) for name in split[known]} - {TRAIN})]
    members = {name: known & (split == name) for name in names}
    for name, rows in members.items():
        _need_both(name, target[rows], settings.target)
    learned_from = features.matrix[members[TRAIN]]
    estimator = _pipeline(learned_from, settings).fit(learned_from, target[members[TRAIN]])
    scores = estimator.predict_proba(features.matrix)[:, 1]
    return TrainedModel(
        estimator=estimator,
        evaluations=tuple(_evaluate(name, features, target, scores, members[name]) for name in names),
        feature_names=features.names,
        series_per_split={name: int(rows.sum()) for name, rows in members.items()},
        patients={
            patient: str(name) for patient, name, used in zip(features.patients, split, known, strict=True) if used
        },
        example=learned_from[:3],
        params={
            "estimator": f"{_KINDS[settings.features]}, {_FEATURES} best features, logistic regression",
            "features": settings.features,
            "target": settings.target,
            "modalities": ",".join(settings.modalities),
            "thumbnail": settings.thumbnail,
            "seed": settings.seed,
            "threshold": THRESHOLD,
        },
    )


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


def _pipeline(matrix: Floats, settings: TrainSettings) -> Pipeline:
    """Radiomic features may be missing: those get the median of the train split first. Images never are."""
    gaps = settings.features == "radiomics"
    spread = np.nanmax(matrix, axis=0, initial=-np.inf) > np.nanmin(matrix, axis=0, initial=np.inf)
    varied = int(spread.sum())
    return Pipeline(
        [
            *([("fill", SimpleImputer(strategy="median", keep_empty_features=True))] if gaps else []),
            ("varied", VarianceThreshold()),
            ("scale", StandardScaler()),
            ("select", SelectKBest(f_classif, k=max(1, min(_FEATURES, varied)))),
            (
                "classify",
                LogisticRegression(C=0.05, class_weight="balanced", max_iter=2000, random_state=settings.seed),
            ),
        ]
    )


def _evaluate(
    split: str, features: SeriesFeatures, target: npt.NDArray[np.int64], scores: Floats, rows: npt.NDArray[np.bool_]
) -> Evaluation:
    frame = pd.DataFrame({"study": features.studies, "patient": features.patients, "target": target, "score": scores})
    studies = frame[rows].groupby(["patient", "study"], sort=True).agg({"target": "max", "score": "mean"})
    truth, score = studies["target"].to_numpy(), studies["score"].to_numpy()
    decided = (score >= THRESHOLD).astype(int)
    (tn, fp), (fn, tp) = confusion_matrix(truth, decided, labels=[0, 1]).tolist()
    fpr, tpr, _ = roc_curve(truth, score)
    return Evaluation(
        split=split,
        studies=len(studies),
        patients=studies.index.get_level_values("patient").nunique(),
        metrics={
            "accuracy": float(accuracy_score(truth, decided)),
            "balanced_accuracy": float(balanced_accuracy_score(truth, decided)),
            "roc_auc": float(roc_auc_score(truth, score)),
        },
        confusion=((tn, fp), (fn, tp)),
        roc=(tuple(map(float, fpr)), tuple(map(float, tpr))),
    )


def _need_both(split: str, target: npt.NDArray[np.int64], name: str) -> None:
    if not len(target):
        raise ConfigurationError(
            f"the split `{split}` has no labelled images: take more patients, or other train.modalities"
        )
    if len(set(target.tolist())) < 2:
        word = "positive" if not target.any() else "negative"
        raise ConfigurationError(f"the split `{split}` has no {word} study of `{name}`: more patients are needed")


def _read(release: Path, table: str) -> pd.DataFrame:
    try:
        return pd.read_parquet(release / f"{table}.parquet", dtype_backend="numpy_nullable")
    except FileNotFoundError:
        raise ConfigurationError(f"{release} is no release (no {table}.parquet): make one with `sluice run`") from None
    except (OSError, ValueError):
        raise ConfigurationError(f"{release}/{table}.parquet is damaged: check the release's checksums") from None
