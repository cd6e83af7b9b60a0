"""Leaks, shortcuts, folds and intervals: what is wrong is named, and what is right is left in peace."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from tasks.train.folds import cross_validate, deal
from tasks.train.leaks import look_for_leaks
from tasks.train.learner import Linear
from tasks.train.scores import Scored, bootstrap, by_study, measure
from tasks.train.subgroups import look_at_subgroups
from tests.support.training import leaks, made_up, with_feature


def test_one_person_under_two_pseudonyms_is_found_by_pictures_and_by_vectors() -> None:
    examples = made_up()
    matrix = examples.features.matrix.copy()
    train, test = examples.rows("train")[0], examples.rows("test")[0]
    matrix[test] = matrix[train]
    pictures = examples.tables["instances"].copy()
    pictures.loc[test, "content_sha256"] = pictures.loc[train, "content_sha256"]
    twin = replace(
        examples,
        features=replace(examples.features, matrix=matrix),
        tables={**examples.tables, "instances": pictures},
    )
    assert set(leaks(twin, 0)) == {"series-in-two-splits", "picture-in-two-splits"}


def test_a_feature_that_is_the_label_is_named_and_one_that_only_tells_it_well_is_not() -> None:
    examples = made_up()
    assert "CT.f0" in leaks(with_feature(examples, 7.0 - 2.0 * examples.target), 0)["label-in-features"]
    noise = np.random.default_rng(4).normal(0, 0.05, len(examples.target))
    assert leaks(with_feature(examples, examples.target + noise), 0) == {}


def test_folds_keep_patients_together_and_have_both_classes() -> None:
    examples = made_up(23)
    people = examples.features.patients
    fold = deal(people, examples.target, 5, 0)
    assert len({(patient, one) for patient, one in zip(people, fold, strict=True)}) == 23
    assert all(set(examples.target[fold == one]) == {0, 1} for one in range(5))
    assert set(deal(people[:4], np.array([1, 1, 0, 0]), 5, 0)) == {0}


def test_cross_validation_never_touches_the_test_split() -> None:
    examples = made_up()
    rows, people = examples.development, (examples.features.patients, examples.features.studies)
    spoilt = examples.features.matrix.copy()
    spoilt[examples.rows("test")] = 1e6
    before, after = (
        cross_validate(Linear(matrix, 0), rows, people, examples.target, 4, 0)
        for matrix in (examples.features.matrix, spoilt)
    )
    assert before is not None
    assert after is not None
    assert np.array_equal(before.scored.score, after.scored.score)
    assert set(before.scored.patients) == {people[0][row] for row in rows}


def test_metrics_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import brier_score_loss, roc_auc_score

    rng = np.random.default_rng(5)
    truth, score, weight = rng.integers(0, 2, 80), rng.random(80).round(1), rng.integers(0, 4, 80)
    found = measure(truth, score, weight[None].astype(float))
    assert found["roc_auc"][0] == pytest.approx(roc_auc_score(truth, score, sample_weight=weight))
    assert found["brier"][0] == pytest.approx(brier_score_loss(truth, score, sample_weight=weight))
    calibrated = measure(np.array([0, 1, 1, 1]), np.full(4, 0.75), np.ones((1, 4)))
    assert calibrated["ece"][0] == pytest.approx(0.0)


def test_intervals_are_over_patients_and_honest_where_all_are_told_apart() -> None:
    rng = np.random.default_rng(6)
    truth = np.arange(40) % 2
    score = np.clip(truth * 0.2 + rng.normal(0.4, 0.25, 40), 0, 1)
    alone = by_study([f"p{n}" for n in range(40)], [f"s{n}" for n in range(40)], truth, score)
    names = [f"p{n % 40}" for n in range(400)]  # the same people, ten studies each
    often = by_study(names, [f"s{n}" for n in range(400)], np.tile(truth, 10), np.tile(score, 10))
    one, ten = (bootstrap(scored, 400, 0)["roc_auc"] for scored in (alone, often))
    assert one.low is not None
    assert ten.low is not None
    assert one.high is not None
    assert ten.high is not None
    assert one.low < one.value < one.high
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=0.2)
    assert bootstrap(alone, 400, 0) == bootstrap(alone, 400, 0)
    perfect = Scored(("a", "b", "c", "d"), ("a", "b", "c", "d"), np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]))
    low = bootstrap(perfect, 100, 0)["roc_auc"].low
    assert low is not None
    assert low < 0.5
    ends = []
    for errors in (0, 1):  # who errs once on the same patients is not surer than who never does
        order = np.r_[np.zeros(10 - errors), 1, np.ones(9), np.zeros(errors)].astype(np.int64)
        names = tuple(f"p{one:02d}" for one in range(20))
        ends.append(bootstrap(Scored(names, names, order, np.linspace(0.1, 0.9, 20)), 200, 0)["roc_auc"].low or 0.0)
    assert ends[0] >= ends[1] > 0.5


def test_small_subgroups_are_counted_and_not_shown() -> None:
    examples = made_up()
    series = examples.tables["series"].assign(manufacturer="A", model=["Rare"] * 6 + ["Common"] * 114)
    scored = by_study(
        examples.features.patients, examples.features.studies, examples.target, np.random.default_rng(0).random(120)
    )
    tables = {**examples.tables, "series": series}
    check = look_at_subgroups(replace(examples, tables=tables), {"test": scored}, "site", 10, 50, 0)
    assert {(one.by, one.group, one.patients) for one in check.shown} == {
        ("sex", "F", 30), ("sex", "M", 30), ("age_band", "60-69", 60), ("scanner", "A Common", 57),
    }  # fmt: skip
    assert [(one.by, one.groups) for one in check.hidden] == [("scanner", 1)]
    assert check.unknown == ("site",)
    assert all(one.metrics["roc_auc"].low is not None for one in check.shown)


PSEUDONYM = re.compile(r"\bp\d{3}\b|\bs\d{3}\b|\bu\d+\b")


def test_what_is_told_of_leaks_and_groups_names_nobody() -> None:
    examples = made_up(20)
    torn = replace(examples, split=np.array(["train", "test"] * 20, dtype=object))
    check = look_for_leaks(torn, Linear(torn.features.matrix, 0), 2, 0, 0)
    assert check.found
    assert not PSEUDONYM.search(json.dumps(check.model_dump(mode="json")))
