"""What can be fitted: a rule that takes rows and labels and gives scores. Nothing here knows patients or splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from tasks.train.features import Floats
from tasks.train.scores import Ints, Values

BEST = 30
"""Features that logistic regression is left with."""


class Fitted(Protocol):
    """Something that scores rows of the matrix it was fitted on, each in [0, 1]."""

    def score(self, rows: Ints) -> Values: ...


class Learner(Protocol):
    """Something that can be fitted to the rows of a matrix. `target` has a label for every row, used or not."""

    def fit(self, rows: Ints, target: Ints) -> Fitted: ...


@dataclass(frozen=True)
class FittedPipeline:
    """A pipeline of scikit-learn over `matrix`."""

    estimator: Pipeline
    matrix: Floats

    def score(self, rows: Ints) -> Values:
        """Probabilities of a positive label."""
        return np.asarray(self.estimator.predict_proba(self.matrix[rows])[:, 1], dtype=np.float64)


@dataclass(frozen=True)
class Linear:
    """Logistic regression on the best of the features; all that is learned is learned from the rows that are given.

    Gaps get the median of those rows. `best` None takes all features.
    """

    matrix: Floats
    seed: int
    strength: float = 0.05
    best: int | None = BEST

    def fit(self, rows: Ints, target: Ints) -> FittedPipeline:
        """Fit to these rows."""
        learned_from = self.matrix[rows]
        return FittedPipeline(self._pipeline(learned_from).fit(learned_from, target[rows]), self.matrix)

    def _pipeline(self, learned_from: Floats) -> Pipeline:
        gaps = bool(np.isnan(self.matrix).any())
        spread = np.nanmax(learned_from, axis=0, initial=-np.inf) > np.nanmin(learned_from, axis=0, initial=np.inf)
        varied = int(spread.sum())
        best = max(1, min(self.best or varied, varied))
        return Pipeline(
            [
                *([("fill", SimpleImputer(strategy="median", keep_empty_features=True))] if gaps else []),
                *([("varied", VarianceThreshold())] if varied else []),  # it refuses where nothing varies
                ("scale", StandardScaler()),
                *([("select", SelectKBest(f_classif, k=best))] if self.best else []),
                (
                    "classify",
                    LogisticRegression(C=self.strength, class_weight="balanced", max_iter=2000, random_state=self.seed),
                ),
            ]
        )
