"""One training: fitted on the train split alone, chosen on nothing, and examined.

Cross-validation, leaks, shortcuts and subgroups are looked at within train and validation; the model that is kept is
scored on every other split. One prediction a study: the mean over its series.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix, roc_curve
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from tasks.core.settings import TrainSettings
from tasks.train.cnn import Cnn, FittedNetwork, need_torch
from tasks.train.examples import TEST, TRAIN, Examples, read_examples
from tasks.train.features import Floats
from tasks.train.folds import cross_validate
from tasks.train.leaks import LeakCheck, look_for_leaks
from tasks.train.learner import BEST, FittedPipeline, Learner, Linear
from tasks.train.scores import THRESHOLD, Interval, Scored, bootstrap, by_study
from tasks.train.shortcuts import ShortcutCheck, look_for_shortcuts
from tasks.train.subgroups import SubgroupCheck, look_at_subgroups

CROSS_VALIDATED = "cv"
_CNN_PERMUTATIONS = 5
_KINDS = {
    "images": f"local contrast, {BEST} best features, logistic regression",
    "radiomics": f"radiomic features, {BEST} best features, logistic regression",
    "slices": "three convolutions over slices, strongest answers, one linear layer",
}

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Evaluation:
    """How the model does on one split. `confusion` is ((TN, FP), (FN, TP)) of studies; `roc` is (FPR, TPR) points."""

    split: str
    studies: int
    patients: int
    intervals: Mapping[str, Interval]
    confusion: tuple[tuple[int, int], tuple[int, int]]
    roc: tuple[tuple[float, ...], tuple[float, ...]]

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics without their intervals."""
        return {name: interval.value for name, interval in self.intervals.items()}


@dataclass(frozen=True)
class TrainedModel:
    """A fitted model over series, what it was fitted and tested on, and what was found. All ids are pseudonyms.

    `estimator` is a pipeline of scikit-learn, None for a network, whose `weights` are the bytes of an .npz. `scored`
    are the studies' scores behind each evaluation.
    """

    estimator: Pipeline | None
    weights: bytes | None
    evaluations: tuple[Evaluation, ...]
    cross_validated: Evaluation | None
    fold_aucs: tuple[float, ...]
    leaks: LeakCheck
    shortcuts: ShortcutCheck
    subgroups: SubgroupCheck
    scored: Mapping[str, Scored]
    feature_names: tuple[str, ...]
    series_per_split: Mapping[str, int]
    patients: Mapping[str, str]
    """Every patient that the model saw, and the split; those in "train" are the ones it learned from."""
    example: Floats
    """The first rows of the training matrix, for the model's signature."""
    params: Mapping[str, str | int | float]

    @property
    def metrics(self) -> dict[str, float]:
        """All metrics as `<split>_<metric>`, with the ends of their intervals as `_low` and `_high`."""
        found: dict[str, float] = {}
        for part in (*self.evaluations, *([self.cross_validated] if self.cross_validated else [])):
            for name, interval in part.intervals.items():
                found |= _flat(f"{part.split}_{name}", interval)
        return found

    @property
    def sha256(self) -> str | None:
        """The digest of a network's weights."""
        return hashlib.sha256(self.weights).hexdigest() if self.weights else None


def train(release: Path, settings: TrainSettings, progress: Progress = lambda *_: None) -> TrainedModel:
    """Train on the release in the folder `release`, and examine what came out.

    `progress` is told (what, done, in all). Raises what `read_examples` raises.
    """
    if settings.model == "cnn":
        need_torch()
    # Matrices of some dozen rows: threads of BLAS wait for each other four times as long as they work, and how many
    # there are would be a matter of the machine.
    with threadpool_limits(1):
        return _train(release, settings, progress)


def _train(release: Path, settings: TrainSettings, progress: Progress) -> TrainedModel:
    progress("reading", 0, 1)
    examples = read_examples(release, settings)
    progress("reading", 1, 1)
    cnn = settings.model == "cnn"

    def learner(what: str) -> Learner:
        if not cnn:
            return Linear(examples.features.matrix, settings.seed)
        told = (lambda done, of: progress(what, done, of)) if what else (lambda *_: None)
        return Cnn(examples.features.matrix, settings.epochs, settings.seed, told)

    crossed = cross_validate(
        learner(""),
        examples.development,
        (examples.features.patients, examples.features.studies),
        examples.target,
        settings.folds,
        settings.seed,
        lambda done, of: progress("cross-validating", done, of),
    )
    fitted = learner("training").fit(examples.rows(TRAIN), examples.target)
    scores = fitted.score(np.arange(len(examples.target)))
    scored = {name: _scored(examples, scores, name) for name in examples.splits}
    if crossed:
        scored[CROSS_VALIDATED] = crossed.scored
    leaks = look_for_leaks(
        examples,
        learner(""),
        min(settings.permutations, _CNN_PERMUTATIONS) if cnn else settings.permutations,
        0 if cnn else settings.folds,
        settings.seed,
        lambda done, of: progress("shuffling labels", done, of),
    )
    progress("looking for shortcuts", 0, 2)
    shortcuts = look_for_shortcuts(examples, settings.folds, settings.bootstrap, settings.seed)
    progress("looking for shortcuts", 1, 2)
    looked_at = {name: scored[name] for name in (TEST, CROSS_VALIDATED) if name in scored}
    subgroups = look_at_subgroups(
        examples, looked_at, settings.site_column, settings.subgroup_min, settings.bootstrap, settings.seed
    )
    progress("looking for shortcuts", 2, 2)
    return TrainedModel(
        estimator=fitted.estimator if isinstance(fitted, FittedPipeline) else None,
        weights=fitted.weights() if isinstance(fitted, FittedNetwork) else None,
        evaluations=tuple(_evaluate(name, scored[name], settings) for name in examples.splits),
        cross_validated=_evaluate(CROSS_VALIDATED, scored[CROSS_VALIDATED], settings) if crossed else None,
        fold_aucs=crossed.fold_aucs if crossed else (),
        leaks=leaks,
        shortcuts=shortcuts,
        subgroups=subgroups,
        scored=scored,
        feature_names=examples.features.names,
        series_per_split={name: len(examples.rows(name)) for name in examples.splits},
        patients={patient: str(name) for patient, name in zip(examples.features.patients, examples.split, strict=True)},
        example=examples.features.matrix[examples.rows(TRAIN)][:3],
        params={
            "estimator": _KINDS[examples.kind],
            "model": settings.model,
            "features": examples.kind,
            "target": settings.target,
            "modalities": ",".join(settings.modalities),
            **({"cohort": settings.cohort} if settings.cohort else {}),
            "thumbnail": settings.thumbnail,
            "seed": settings.seed,
            "threshold": THRESHOLD,
            "folds": settings.folds,
            "bootstrap": settings.bootstrap,
            "permutations": settings.permutations,
            **({"epochs": settings.epochs} if cnn else {}),
        },
    )


def _scored(examples: Examples, scores: np.ndarray, split: str) -> Scored:
    rows = examples.rows(split)
    patients, studies = (
        [column[row] for row in rows] for column in (examples.features.patients, examples.features.studies)
    )
    return by_study(patients, studies, examples.target[rows], scores[rows])


def _evaluate(split: str, scored: Scored, settings: TrainSettings) -> Evaluation:
    decided = (scored.score >= THRESHOLD).astype(int)
    (tn, fp), (fn, tp) = confusion_matrix(scored.truth, decided, labels=[0, 1]).tolist()
    fpr, tpr, _ = roc_curve(scored.truth, scored.score)
    return Evaluation(
        split=split,
        studies=len(scored.studies),
        patients=len(set(scored.patients)),
        intervals=bootstrap(scored, settings.bootstrap, settings.seed),
        confusion=((tn, fp), (fn, tp)),
        roc=(tuple(map(float, fpr)), tuple(map(float, tpr))),
    )


def _flat(name: str, interval: Interval) -> dict[str, float]:
    ends = {"": interval.value, "_low": interval.low, "_high": interval.high}
    return {f"{name}{end}": value for end, value in ends.items() if value is not None}
