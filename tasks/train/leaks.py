"""What must not be: the label, or a test patient, found among what is learned from. Shuffled labels must score chance.

Patients are shuffled, not series: all of a patient's labels move together, as they would leak together. On average such
models score 0.5 however strong or weak they are; only knowledge of the held-out patients themselves lifts them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tasks.core.models import Frozen
from tasks.train.examples import TRAIN, Examples
from tasks.train.folds import cross_validate
from tasks.train.learner import Learner
from tasks.train.scores import Ints, auc, by_study

MARGIN = 0.01
"""How far above 0.5 the mean may lie all the same."""
_SURE = 3.09  # one in a thousand, on one side
_COPY = 1e-3
_FEW = 3
_TRIES = 50

Progress = Callable[[int, int], None]


class Leak(Frozen):
    """A leak by its name, and what was found, in a sentence without a pseudonym."""

    name: str
    sentence: str


class Shuffled(Frozen):
    """AUCs of models on shuffled labels: their mean, and `limit`, above which it is no chance any more."""

    way: str
    aucs: tuple[float, ...]
    mean: float
    limit: float

    @property
    def leaks(self) -> bool:
        """Whether the mean lies above what chance gives."""
        return self.mean > self.limit


class LeakCheck(Frozen):
    """What was looked at, and the leaks that were found."""

    found: tuple[Leak, ...]
    shuffled: tuple[Shuffled, ...]


def look_for_leaks(
    examples: Examples,
    learner: Learner,
    permutations: int,
    folds: int,
    seed: int,
    progress: Progress = lambda *_: None,
) -> LeakCheck:
    """Look for patients, pictures and series in two splits, for the label among the features, and shuffle labels.

    `folds` of 0 leaves cross-validation on shuffled labels out.
    """
    shuffled = shuffle(examples, learner, permutations, folds, seed, progress) if permutations else ()
    found = [*twins(examples), *copies(examples)]
    found += [
        Leak(
            name="shuffled-labels",
            sentence=f"models trained on shuffled labels score {one.mean:.3f} ({one.way}), where chance stays below "
            f"{one.limit:.3f}: held-out patients are known to the training set",
        )
        for one in shuffled
        if one.leaks
    ]
    return LeakCheck(found=tuple(found), shuffled=shuffled)


def twins(examples: Examples) -> list[Leak]:
    """Patients, pictures and feature vectors that are in two splits."""
    found = []
    split_of: dict[str, set[str]] = {}
    for patient, split in zip(examples.features.patients, examples.split, strict=True):
        split_of.setdefault(patient, set()).add(str(split))
    if several := sum(len(splits) > 1 for splits in split_of.values()):
        found.append(Leak(name="patient-in-two-splits", sentence=f"{several} patients have series in two splits"))
    vectors: dict[bytes, set[str]] = {}
    for vector, split in zip(examples.features.matrix, examples.split, strict=True):
        values = vector[np.isfinite(vector)]
        if values.size and values.min() < values.max():
            vectors.setdefault(vector.tobytes(), set()).add(str(split))
    if same := sum(len(splits) > 1 for splits in vectors.values()):
        found.append(Leak(name="series-in-two-splits", sentence=f"{same} series look exactly alike in two splits"))
    table = examples.tables["instances"]
    if {"content_sha256", "low_quality"} <= set(table.columns):
        split = dict(zip(examples.features.patients, examples.split, strict=True))
        sound = table[table["content_sha256"].notna() & ~table["low_quality"].fillna(False).astype(bool)]
        pictures = sound.assign(split=sound["patient"].map(split)).dropna(subset=["split"])
        if same := int((pictures.groupby("content_sha256")["split"].nunique() > 1).sum()):
            found.append(Leak(name="picture-in-two-splits", sentence=f"{same} pictures are the same in two splits"))
    return found


def copies(examples: Examples) -> list[Leak]:
    """Features that are the label itself: one value for each class, in every series of a modality."""
    features, found = examples.features, set()
    if features.matrix.ndim != 2:
        return []
    for modality in sorted(set(features.modalities)):
        own = np.array([name == modality for name in features.modalities])
        patients = np.array(features.patients, dtype=object)
        groups = [own & (examples.target == value) for value in (0, 1)]
        if min(len(set(patients[group])) for group in groups) < _FEW:
            continue
        low, high = (features.matrix[group] for group in groups)
        gap = np.abs(high.mean(axis=0) - low.mean(axis=0))
        spread = np.maximum(np.ptp(high, axis=0), np.ptp(low, axis=0))
        found |= {features.names[at] for at in np.flatnonzero((gap > 0) & (spread <= _COPY * gap))}
    named = ", ".join(sorted(found)[:3]) + (" …" if len(found) > 3 else "")
    return [Leak(name="label-in-features", sentence=f"{len(found)} features are the label: {named}")] if found else []


def shuffle(
    examples: Examples, learner: Learner, permutations: int, folds: int, seed: int, progress: Progress
) -> tuple[Shuffled, ...]:
    """Train on shuffled labels, and score on the held-out splits and by cross-validation."""
    people = examples.features.patients, examples.features.studies
    train, development = examples.rows(TRAIN), examples.development
    held = np.flatnonzero(examples.split.astype(str) != TRAIN)
    rng = np.random.default_rng([seed, 14])
    splits: list[float] = []
    crossed: list[float] = []
    for done in range(permutations):
        target = _shuffled(people, examples.target, rng, (train, held))
        if target is None:
            break
        scores = learner.fit(train, target).score(held)
        told = by_study([people[0][row] for row in held], [people[1][row] for row in held], target[held], scores)
        splits.append(auc(told.truth, told.score))
        if folds and (made := cross_validate(learner, development, people, target, folds, seed + done)):
            crossed.append(float(np.mean(made.fold_aucs)))
        progress(done + 1, permutations)
    return tuple(
        _judged(way, aucs, _error(people[0], examples.target, rows))
        for way, aucs, rows in (("held-out splits", splits, held), ("cross-validation", crossed, development))
        if aucs
    )


def _shuffled(
    people: tuple[Sequence[str], Sequence[str]], target: Ints, rng: np.random.Generator, parts: tuple[Ints, Ints]
) -> Ints | None:
    """Labels in which each patient has those of another; None where no shuffle leaves both classes in both parts."""
    labels: dict[str, dict[str, int]] = {}
    for patient, study, value in zip(*people, target, strict=True):
        own = labels.setdefault(patient, {})
        own[study] = max(int(value), own.get(study, 0))
    names = sorted(labels)
    place = {patient: {study: at for at, study in enumerate(sorted(labels[patient]))} for patient in names}
    lists = {patient: [labels[patient][study] for study in sorted(labels[patient])] for patient in names}
    for _ in range(_TRIES):
        donor = dict(zip(names, (names[at] for at in rng.permutation(len(names))), strict=True))
        made = np.array(
            [
                lists[donor[patient]][place[patient][study] % len(lists[donor[patient]])]
                for patient, study in zip(*people, strict=True)
            ],
            dtype=np.int64,
        )
        if all(len(set(made[rows].tolist())) == 2 for rows in parts):
            return made
    return None


def _error(patients: Sequence[str], target: Ints, rows: Ints) -> float:
    """The standard error of an AUC of 0.5 (Mann and Whitney 1947), patients counted and not series."""
    positive = {patients[row] for row in rows if target[row]}
    some, others = len(positive), len({patients[row] for row in rows} - positive)
    return float(np.sqrt((some + others + 1) / (12 * max(1, some) * max(1, others))))


def _judged(way: str, aucs: list[float], error: float) -> Shuffled:
    spread = max(error, float(np.std(aucs, ddof=1)) if len(aucs) > 1 else 0.0)
    limit = 0.5 + MARGIN + _SURE * spread / np.sqrt(len(aucs))
    return Shuffled(way=way, aucs=tuple(aucs), mean=float(np.mean(aucs)), limit=float(limit))
