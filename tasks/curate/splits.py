"""Patient-grouped, label-stratified splits that stay put.

A patient keeps the split in splits.lock for good, also when the labels or the shares in params.yaml change: only new
patients follow new shares. New ones are assigned in the order of a hash of their pseudonym, so the order of arrival
within a run has no effect. Patients who share pixels go together.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from tasks.core.errors import ConfigurationError

SMALLEST_STRATUM = 15  # patients; a class is divided by modality only into strata of at least this many
OTHER = "other"
_TIE = 9  # decimals; deficits that differ by less are equal, so that float noise never decides


def stratify(classes: Mapping[str, str], modality: Mapping[str, str]) -> dict[str, str]:
    """Each patient's stratum: the class, with the main modality where all the strata of the class stay large enough.

    Modalities too small to stand alone are pooled as "other"; where that is too small too, the class isn't divided.
    """
    strata: dict[str, str] = {}
    for name in set(classes.values()):
        members = [patient for patient in classes if classes[patient] == name]
        sizes = Counter(modality.get(patient, OTHER) for patient in members)
        large = {each for each, size in sizes.items() if size >= SMALLEST_STRATUM}
        rest = sum(size for each, size in sizes.items() if each not in large)
        divide = len(large) + (rest > 0) > 1 and (rest == 0 or rest >= SMALLEST_STRATUM)
        for patient in members:
            own = modality.get(patient, OTHER)
            strata[patient] = f"{name}/{own if own in large else OTHER}" if divide else name
    return strata


def assign(
    strata: Mapping[str, str],
    shares: Mapping[str, float],
    locked: Mapping[str, str],
    together: Sequence[Sequence[str]] = (),
) -> dict[str, str]:
    """The split of every patient in `strata`; those in `locked` keep theirs.

    `shares` maps split to share (adding up to 1). `together` are groups that must not be parted. Within a stratum
    the counts come within one patient of the shares, and each split with a share gets a patient of each class (the
    part of the stratum before "/") that has at least as many patients as there are such splits; both as far as
    `locked` and `together` leave room. Raises `ConfigurationError` where a locked split is gone from `shares`.
    """
    gone = sorted(set(locked.values()) - set(shares))
    if gone:
        raise ConfigurationError(
            f"data/splits.lock has patients in split '{gone[0]}', which curate.splits no longer has: "
            "put it back into params.yaml (a share of 0 takes no new patients)"
        )
    plan = _Plan(strata, shares)
    for patient in strata:
        if patient in locked:
            plan.put((patient,), locked[patient])
    for group in _groups(strata, plan.assigned, together):
        former = Counter(locked[patient] for patient in group if patient in locked)
        new = tuple(patient for patient in group if patient not in locked)
        if former:  # where the lock parts them already, the larger part draws the new ones
            plan.put(new, min(former, key=lambda split: (-former[split], plan.rank[split])))
        else:
            plan.put(new, plan.choose(new))
    return dict(sorted(plan.assigned.items()))


class _Plan:
    """Counts by stratum, class and in total, and what is still missing from the shares."""

    def __init__(self, strata: Mapping[str, str], shares: Mapping[str, float]) -> None:
        self.strata = strata
        self.shares = shares
        order = sorted(shares, key=lambda split: (split != "train", -shares[split], split))
        self.rank = {split: place for place, split in enumerate(order)}
        self.open = [split for split in order if shares[split] > 0]
        self.sizes = Counter(name for patient in strata for name in self._names(patient))
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.assigned: dict[str, str] = {}

    def put(self, group: Sequence[str], split: str) -> None:
        """Assign `group` to `split`."""
        for patient in group:
            self.assigned[patient] = split
            for name in self._names(patient):
                self.counts[name][split] += 1

    def choose(self, group: Sequence[str]) -> str:
        """The split that lacks most of what `group` is made of."""
        candidates = self._bare(group) or self.open
        return min(
            candidates,
            key=lambda split: (*(-deficit for deficit in self._deficits(group, split)), self.rank[split]),
        )

    def _bare(self, group: Sequence[str]) -> list[str]:
        """Splits without any patient of a class of `group`, once there are no more of that class than such splits."""
        for name in sorted({self._class(patient) for patient in group}):
            bare = [split for split in self.open if not self.counts[name][split]]
            left = self.sizes[name] - self.counts[name].total()
            if bare and len(self.open) <= self.sizes[name] and left - len(group) < len(bare):
                return bare
        return []

    def _deficits(self, group: Sequence[str], split: str) -> tuple[float, ...]:
        """What `split` lacks of the strata, then of the classes of `group`, then of all patients."""
        lacking = [0.0, 0.0, 0.0]
        for patient in group:
            for level, name in enumerate(self._names(patient)):
                lacking[level] += self.shares[split] * self.sizes[name] - self.counts[name][split]
        return tuple(round(value, _TIE) for value in lacking)

    def _names(self, patient: str) -> tuple[str, str, str]:
        return f"stratum {self.strata[patient]}", self._class(patient), "all"

    def _class(self, patient: str) -> str:
        return f"class {self.strata[patient].split('/')[0]}"


def _groups(
    strata: Mapping[str, str], assigned: Mapping[str, str], together: Sequence[Sequence[str]]
) -> list[tuple[str, ...]]:
    """Every group with a new patient, large ones first, then by stratum, then by the hash of its first member."""
    bound = [tuple(sorted(patient for patient in group if patient in strata)) for group in together]
    taken = {patient for group in bound for patient in group}
    single = [(patient,) for patient in strata if patient not in taken]
    waiting = [group for group in [*bound, *single] if any(patient not in assigned for patient in group)]
    return sorted(
        waiting,
        key=lambda group: (-len(group), _class_order(strata[group[0]]), min(_hash(patient) for patient in group)),
    )


def _class_order(stratum: str) -> tuple[bool, str]:
    return stratum.startswith("unlabelled"), stratum


def _hash(patient: str) -> str:
    return hashlib.sha256(patient.encode()).hexdigest()
