"""Splits: grouped by patient, stratified by label, near the shares, and never moved."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.core.errors import ConfigurationError
from tasks.curate.lock import read_lock, write_lock
from tasks.curate.splits import SMALLEST_STRATUM, assign, stratify
from tests.support.tables import patient_of

SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
CLASSES = ("0", "1", "unlabelled")

shares = st.sampled_from(
    [SHARES, {"train": 0.8, "validation": 0.1, "test": 0.1}, {"train": 0.7, "test": 0.3}, {"train": 1.0}]
)
cohorts = st.lists(st.sampled_from(CLASSES), min_size=1, max_size=60).map(
    lambda classes: {patient_of(number): name for number, name in enumerate(classes)}
)


@given(cohorts, cohorts, shares, shares)
@settings(max_examples=60, deadline=None)
def test_adding_patients_or_changing_shares_never_moves_a_patient(first, second, before, after) -> None:
    after = {**dict.fromkeys(before, 0.0), **after}
    former = assign(first, before, {})
    grown = {**second, **dict.fromkeys(first, CLASSES[0])}  # also with other labels than before
    assert {patient: assign(grown, after, former)[patient] for patient in former} == former


@given(cohorts, shares, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_arrival_and_of_the_parameters_has_no_effect(cohort, wanted, chance: random.Random) -> None:
    shuffled, turned = list(cohort.items()), list(wanted.items())
    chance.shuffle(shuffled)
    chance.shuffle(turned)
    assert assign(dict(shuffled), dict(turned), {}) == assign(cohort, wanted, {})


@given(cohorts, shares)
@settings(max_examples=60, deadline=None)
def test_each_class_comes_within_one_patient_of_the_shares(cohort, wanted) -> None:
    assigned = assign(cohort, wanted, {})
    for name in CLASSES:
        members = [patient for patient in cohort if cohort[patient] == name]
        counts = Counter(assigned[patient] for patient in members)
        forced = sum(len(members) * share < 1 for share in wanted.values()) if len(members) >= len(wanted) else 0
        for split, share in wanted.items():
            assert abs(counts[split] - share * len(members)) <= 1 + forced


@given(cohorts, shares)
@settings(max_examples=60, deadline=None)
def test_a_class_with_enough_patients_is_in_every_split(cohort, wanted) -> None:
    assigned = assign(cohort, wanted, {})
    for name in CLASSES:
        found = {assigned[patient] for patient in cohort if cohort[patient] == name}
        if sum(each == name for each in cohort.values()) >= len(wanted):
            assert found == set(wanted)


@given(cohorts, st.lists(st.lists(st.integers(0, 59), max_size=5), max_size=6))
@settings(max_examples=60, deadline=None)
def test_patients_who_share_pixels_are_never_parted(cohort, drawn) -> None:
    taken: set[int] = set()
    groups = []
    for group in drawn:
        own = sorted(set(group) - taken)
        taken.update(own)
        groups.append([patient_of(number) for number in own])
    assigned = assign(cohort, SHARES, {}, groups)
    for group in groups:
        assert len({assigned[patient] for patient in group if patient in assigned}) <= 1


def test_patients_that_arrive_one_by_one_end_near_the_shares_too() -> None:
    locked: dict[str, str] = {}
    strata: dict[str, str] = {}
    for number in range(40):
        strata[patient_of(number)] = str(number % 2)
        locked = assign(strata, SHARES, locked)
    for name in ("0", "1"):
        counts = Counter(split for patient, split in locked.items() if strata[patient] == name)
        assert counts == {"train": 12, "validation": 4, "test": 4}


def test_the_first_patient_trains_and_three_of_a_class_fill_three_splits() -> None:
    assert list(assign({patient_of(1): "1"}, SHARES, {}).values()) == ["train"]
    two = assign({patient_of(number): "1" for number in range(2)}, SHARES, {})
    assert "train" in two.values()
    three = assign({patient_of(number): "1" for number in range(3)}, SHARES, {})
    assert sorted(three.values()) == ["test", "train", "validation"]


def test_small_strata_do_not_add_up_to_a_bias() -> None:
    strata = {patient_of(f"{name} {number}"): f"{name}" for name in "abcdef" for number in range(7)}
    counts = Counter(assign(strata, SHARES, {}).values())
    assert abs(counts["train"] - 0.6 * len(strata)) <= 2
    assert abs(counts["test"] - counts["validation"]) <= 2


def test_a_new_patient_follows_the_locked_one_it_shares_pixels_with() -> None:
    old, new = patient_of("old"), patient_of("new")
    for split in SHARES:
        assert assign({old: "0", new: "1"}, SHARES, {old: split}, [[old, new]])[new] == split


def test_a_split_with_share_zero_keeps_its_patients_and_takes_no_new_ones() -> None:
    old = patient_of("old")
    strata = {old: "0", **{patient_of(number): "0" for number in range(20)}}
    assigned = assign(strata, {"train": 0.5, "test": 0.5, "pilot": 0.0}, {old: "pilot"})
    assert [patient for patient, split in assigned.items() if split == "pilot"] == [old]


def test_a_split_that_params_no_longer_have_is_told_in_one_line() -> None:
    with pytest.raises(ConfigurationError, match=r"'pilot'.*put it back"):
        assign({patient_of(1): "0"}, SHARES, {patient_of(1): "pilot"})


def test_a_patient_who_is_away_keeps_the_split_for_the_return(tmp_path: Path) -> None:
    lock = tmp_path / "splits.lock"
    write_lock(lock, {patient_of(1): "test", patient_of(0): "train"})
    assert read_lock(lock) == {patient_of(1): "test", patient_of(0): "train"}
    lines = [line for line in lock.read_text().splitlines() if '"p' in line and "patients" not in line]
    assert lines == sorted(lines)
    assert len(lines) == 2
    assert assign({patient_of(1): "1"}, SHARES, read_lock(lock)) == {patient_of(1): "test"}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 2, "patients": {}}', '{"format": 1, "patients": {"Miller": "train"}}', "<<<<<<< HEAD"],
)
def test_a_damaged_lock_stops_the_stage_instead_of_moving_everyone(tmp_path: Path, text: str) -> None:
    lock = tmp_path / "splits.lock"
    lock.write_text(text)
    with pytest.raises(ConfigurationError, match="damaged") as told:
        read_lock(lock)
    assert "Miller" not in str(told.value)


def test_a_class_is_divided_by_modality_only_while_every_stratum_stays_large() -> None:
    def cohort(**sizes: int) -> tuple[dict[str, str], dict[str, str]]:
        modality = {patient_of(f"{name} {number}"): name for name, size in sizes.items() for number in range(size)}
        return dict.fromkeys(modality, "1"), modality

    enough, few = SMALLEST_STRATUM, SMALLEST_STRATUM - 1
    assert set(stratify(*cohort(CT=enough, MR=enough)).values()) == {"1/CT", "1/MR"}
    assert set(stratify(*cohort(CT=enough, MR=few)).values()) == {"1"}
    assert set(stratify(*cohort(CT=enough, MR=few, US=1)).values()) == {"1/CT", "1/other"}
    assert set(stratify(*cohort(CT=enough)).values()) == {"1"}
