"""Cross-validation by patient: every series is scored by a model that never saw its patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.train.learner import Learner
from tasks.train.scores import Ints, Scored, auc, by_study

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CrossValidated:
    """Scores of all studies, each from the fold that left its patient out, and the AUC within each fold."""

    scored: Scored
    fold_aucs: tuple[float, ...]


def deal(patients: Sequence[str], target: Ints, folds: int, seed: int) -> Ints:
    """The fold of each series: patients shuffled and dealt out, those with a positive series first.

    There are at most as many folds as patients of the rarer class, so that each fold has both; all are 0 where that is
    one, or none.
    """
    positive = {patient for patient, value in zip(patients, target, strict=True) if value}
    rng = np.random.default_rng([seed, 13])
    classes = [sorted(positive), sorted(set(patients) - positive)]
    count = min(folds, *(len(people) for people in classes))
    fold: dict[str, int] = {}
    for people in classes:
        for place in rng.permutation(len(people)):
            fold[people[place]] = len(fold) % count if count > 1 else 0
    return np.array([fold[patient] for patient in patients], dtype=np.int64)


def cross_validate(
    learner: Learner,
    rows: Ints,
    people: tuple[Sequence[str], Sequence[str]],
    target: Ints,
    folds: int,
    seed: int,
    progress: Progress = lambda *_: None,
) -> CrossValidated | None:
    """Fit once a fold; None where there are not two patients of each class.

    `people` are patient and study of every row of the learner's matrix, `target` its label, `rows` those to use.
    """
    patients, studies = ([column[row] for row in rows] for column in people)
    fold = deal(patients, target[rows], folds, seed)
    count = int(fold.max(initial=0)) + 1
    if count < 2:
        return None
    scores = np.zeros(len(rows))
    aucs = []
    for one in range(count):
        out = fold == one
        scores[out] = learner.fit(rows[~out], target).score(rows[out])
        held = np.flatnonzero(out)
        within = by_study([patients[at] for at in held], [studies[at] for at in held], target[rows[out]], scores[out])
        aucs.append(auc(within.truth, within.score))
        progress(one + 1, count)
    return CrossValidated(by_study(patients, studies, target[rows], scores), tuple(aucs))
