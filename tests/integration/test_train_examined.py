"""Leaks and shortcuts over whole rounds of training, and the network: seconds each."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from tasks.train.cnn import Cnn, load_network
from tasks.train.leaks import look_for_leaks
from tasks.train.learner import Linear
from tasks.train.shortcuts import look_for_shortcuts
from tests.support.training import leaks, made_up, with_feature


def test_shuffled_labels_score_chance_where_nothing_leaks() -> None:
    examples = made_up()
    strong = with_feature(examples, examples.target * 3 + np.random.default_rng(1).normal(size=len(examples.target)))
    check = look_for_leaks(strong, Linear(strong.features.matrix, 0), 12, 3, 0)
    assert check.found == ()
    assert {one.way for one in check.shuffled} == {"held-out splits", "cross-validation"}
    assert all(abs(one.mean - 0.5) < 0.1 for one in check.shuffled)


def test_patients_with_series_on_both_sides_are_found_by_name_and_by_shuffled_labels() -> None:
    examples = made_up(40)
    alike = np.repeat(np.random.default_rng(2).normal(size=(40, 20)), 2, axis=0)  # a patient's two series
    matrix = (alike + np.random.default_rng(3).normal(0, 0.1, alike.shape)).astype(np.float32)
    torn = np.array(["train", "test"] * 40, dtype=object)
    found = leaks(replace(examples, features=replace(examples.features, matrix=matrix), split=torn))
    assert "40 patients" in found["patient-in-two-splits"]
    scored = re.search(r"score (0\.\d+) \(held-out splits\)", found["shuffled-labels"])
    assert scored
    assert float(scored[1]) > 0.8


def test_a_scanner_that_predicts_the_label_is_a_shortcut_and_is_named() -> None:
    examples = made_up()
    confounded = np.where(examples.target == 1, "A", "B")
    confounded[::9] = "A"
    series = examples.tables["series"].assign(manufacturer=confounded)
    check = look_for_shortcuts(replace(examples, tables={**examples.tables, "series": series}), 5, 200, 0)
    assert check.found
    assert check.fields[0].name == "manufacturer"
    assert {"kvp", "images", "spacing_row_mm"} <= set(check.looked_at)


def test_shortcuts_are_not_cried_at_scanners_that_have_nothing_to_do_with_the_label() -> None:
    cried = [seed for seed in range(12) if look_for_shortcuts(made_up(seed=seed, series=1), 5, 200, 0).found]
    assert len(cried) <= 1


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is an extra: make torch")
def test_a_network_learns_a_spot_and_gives_the_same_bytes_again() -> None:
    rng = np.random.default_rng(7)
    stacks = rng.normal(0, 0.3, (24, 3, 16, 16)).astype(np.float32)
    target = (np.arange(24) % 2).astype(np.int64)
    for row in np.flatnonzero(target):
        y, x = rng.integers(2, 11, 2)
        stacks[row, 1, y : y + 4, x : x + 4] += 3
    learner = Cnn(stacks, 12, 0)
    first, again = learner.fit(np.arange(16), target), learner.fit(np.arange(16), target)
    scores = first.score(np.arange(16, 24))
    assert (scores[target[16:] == 1].min()) > scores[target[16:] == 0].max()
    weights = first.weights()
    assert weights == again.weights()
    loaded = type(first)(load_network(weights), stacks)
    assert np.array_equal(loaded.score(np.arange(24)), first.score(np.arange(24)))
    assert weights != Cnn(stacks, 12, 1).fit(np.arange(16), target).weights()
