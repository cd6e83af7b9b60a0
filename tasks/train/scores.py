"""How well scores tell studies apart: metrics with an interval by bootstrap over patients.

Patients are drawn, not studies: those of one patient are alike, and would make the interval too narrow. Only numbers;
what is scored by which model belongs to the other modules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.core.models import Frozen

THRESHOLD = 0.5
BINS = 10
METRICS = ("roc_auc", "balanced_accuracy", "accuracy", "sensitivity", "specificity", "brier", "ece")
_CELLS = 2_000_000

Values = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Interval(Frozen):
    """A metric with its 95 % interval; None where it cannot be told."""

    value: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Scored:
    """One score in [0, 1] a study, with its label (0, 1) and whose it is; sorted by patient and study."""

    patients: tuple[str, ...]
    studies: tuple[str, ...]
    truth: Ints
    score: Values

    def chosen(self, rows: npt.NDArray[np.bool_]) -> Scored:
        """Some of the studies."""
        keep = np.flatnonzero(rows)
        return Scored(
            tuple(self.patients[row] for row in keep),
            tuple(self.studies[row] for row in keep),
            self.truth[keep],
            self.score[keep],
        )


def by_study(patients: Sequence[str], studies: Sequence[str], target: Ints, scores: Values) -> Scored:
    """The mean score of a study's series; a study is positive if one of them is."""
    frame = pd.DataFrame({"patient": patients, "study": studies, "target": target, "score": scores})
    grouped = frame.groupby(["patient", "study"], sort=True).agg({"target": "max", "score": "mean"}).reset_index()
    return Scored(
        tuple(grouped["patient"]),
        tuple(grouped["study"]),
        grouped["target"].to_numpy(np.int64),
        grouped["score"].to_numpy(np.float64),
    )


def auc(truth: Ints, score: Values) -> float:
    """The area under the ROC curve; NaN with one class."""
    return float(measure(truth, score, np.ones((1, len(truth))))["roc_auc"][0])


def measure(truth: Ints, score: Values, weight: Values) -> dict[str, Values]:
    """All `METRICS` under each row of `weight` (resamples, studies): arrays of one value a resample.

    `ece` is the expected calibration error over `BINS` bins of equal width (Guo et al. 2017), `brier` the mean squared
    error of the score. NaN where a resample lacks a class.
    """
    order = np.argsort(score, kind="stable")
    yes, score, weight = truth[order].astype(np.float64), score[order], weight[:, order]
    starts = np.flatnonzero(np.r_[True, np.diff(score) > 0])
    positive = np.add.reduceat(weight * yes, starts, axis=1)
    negative = np.add.reduceat(weight * (1 - yes), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative
    positives, negatives, total = positive.sum(axis=1), negative.sum(axis=1), weight.sum(axis=1)
    decided = score >= THRESHOLD
    place = np.minimum((score * BINS).astype(int), BINS - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivity = (weight * (yes * decided)).sum(axis=1) / positives
        specificity = (weight * ((1 - yes) * ~decided)).sum(axis=1) / negatives
        off = [np.abs((weight[:, place == one] * (yes - score)[place == one]).sum(axis=1)) for one in range(BINS)]
        return {
            "roc_auc": (positive * (below + negative / 2)).sum(axis=1) / (positives * negatives),
            "balanced_accuracy": (sensitivity + specificity) / 2,
            "accuracy": (weight * (decided == (yes > 0))).sum(axis=1) / total,
            "sensitivity": sensitivity,
            "specificity": specificity,
            "brier": (weight * (score - yes) ** 2).sum(axis=1) / total,
            "ece": np.sum(off, axis=0) / total,
        }


def bootstrap(scored: Scored, draws: int, seed: int) -> dict[str, Interval]:
    """Each metric with its percentile interval over `draws` resamples of patients; NaN metrics are left out.

    Where all studies are told apart every resample says 1, and the percentiles would claim certainty. Then the AUC's
    interval is that which the studies would have if the two closest ones of different labels were exchanged: it meets
    the interval of a model that errs once, so that a perfect score never looks worse than a good one.
    """
    resampled = _resample(scored, draws, seed)
    found = {}
    for name, values in measure(scored.truth, scored.score, np.ones((1, len(scored.truth)))).items():
        if not np.isnan(values[0]):
            low, high = _ends(resampled[name])
            found[name] = Interval(value=float(values[0]), low=low, high=high)
    area = found.get("roc_auc")
    if area and area.value in (0.0, 1.0) and area.low is not None:
        low, high = _ends(_resample(_exchanged(scored, perfect=area.value == 1.0), draws, seed)["roc_auc"])
        perfect = area.value == 1.0
        found["roc_auc"] = Interval(value=area.value, low=low if perfect else 0.0, high=1.0 if perfect else high)
    return found


def _resample(scored: Scored, draws: int, seed: int) -> dict[str, Values]:
    names, codes = np.unique(np.array(scored.patients, dtype=object), return_inverse=True)
    count = len(names)
    rng = np.random.default_rng([seed, 11])
    parts: dict[str, list[Values]] = {name: [np.zeros(0)] for name in METRICS}
    at_once = max(1, _CELLS // max(1, len(codes)))
    for start in range(0, draws if count > 1 else 0, at_once):
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=min(at_once, draws - start))
        for name, values in measure(scored.truth, scored.score, drawn[:, codes].astype(np.float64)).items():
            parts[name].append(values[~np.isnan(values)])
    return {name: np.concatenate(values) for name, values in parts.items()}


def _exchanged(scored: Scored, *, perfect: bool) -> Scored:
    """The same with the scores of the closest positive and negative study exchanged."""
    toward, away = (np.argmin, np.argmax) if perfect else (np.argmax, np.argmin)
    positive, negative = np.flatnonzero(scored.truth == 1), np.flatnonzero(scored.truth == 0)
    one, other = positive[toward(scored.score[positive])], negative[away(scored.score[negative])]
    score = scored.score.copy()
    score[[one, other]] = score[[other, one]]
    return Scored(scored.patients, scored.studies, scored.truth, score)


def _ends(values: Values) -> tuple[float | None, float | None]:
    if not len(values):
        return None, None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def reliability(scored: Scored) -> list[tuple[float, float, int]]:
    """For each bin that holds studies: mean score, share of positives, number of studies."""
    place = np.minimum((scored.score * BINS).astype(int), BINS - 1)
    return [
        (float(scored.score[place == one].mean()), float(scored.truth[place == one].mean()), int((place == one).sum()))
        for one in range(BINS)
        if (place == one).any()
    ]
