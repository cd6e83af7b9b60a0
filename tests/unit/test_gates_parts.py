"""The parts of the gates: waivers, drift, look-alikes, small groups, and the page that lists the rules."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.core.errors import ConfigurationError
from tasks.core.likeness import NEAR, near_pairs
from tasks.core.models import Verdict, Verdicts, Waiver
from tasks.core.scorecard import read_scorecard
from tasks.core.waivers import read_waivers, suspicions, waivers_after, write_waivers
from tasks.core.workspace import Workspace
from tasks.deidentify import VERSION
from tasks.transform.perceptual import perceptual_hash
from tasks.validate.catalogue import to_markdown
from tasks.validate.drift import has_moved, stability_index
from tasks.validate.groups import alike_across, in_small_groups
from tasks.validate.suites import read_suites
from tests.scorecard.history import PATH, summary
from tests.support.places import ROOT


def picture(seed: int, side: int = 192) -> np.ndarray:
    """A smooth random picture, as an image of a body is."""
    noise = np.random.default_rng(seed).normal(size=(side, side)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), side / 24) * 1000 + 500


def apart(one: str | None, other: str | None) -> int:
    assert one is not None
    assert other is not None
    return (int(one, 16) ^ int(other, 16)).bit_count()


@pytest.mark.parametrize("seed", range(5))
def test_the_same_picture_hashes_alike_in_another_window_size_noise_and_compression(seed: int) -> None:
    image = picture(seed)
    base = perceptual_hash(image)
    low, high = np.percentile(image, [1, 99])
    eight = np.round(np.clip((image - low) / (high - low), 0, 1) * 255)
    noisy = image + np.random.default_rng(9).normal(scale=0.02 * (high - low), size=image.shape)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", eight.astype(np.uint8), [1, 75])[1], 0)
    smaller = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    for other in (eight, noisy, jpeg, smaller, 3 * image + 7):
        assert apart(base, perceptual_hash(other)) <= NEAR
    assert apart(base, perceptual_hash(-image, inverted=True)) <= NEAR
    assert apart(base, perceptual_hash(picture(seed + 100))) > 5 * NEAR


def test_an_image_of_one_value_looks_like_nothing() -> None:
    assert perceptual_hash(np.full((64, 64), 7, dtype=np.int16)) is None


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 10))
def test_near_pairs_are_all_pairs_that_are_near(seed: int, distance: int) -> None:
    chance = random.Random(seed)
    numbers = [chance.getrandbits(255) for _ in range(6)]
    for number in list(numbers):
        for bit in chance.sample(range(255), chance.randint(1, 12)):
            number ^= 1 << bit
        numbers.append(number)
    hashes = sorted({f"{number:064x}" for number in numbers})
    expected = [
        (one, other)
        for place, one in enumerate(hashes)
        for other in hashes[place + 1 :]
        if apart(one, other) <= distance
    ]
    assert sorted(near_pairs(hashes, distance)) == expected


def test_lookalikes_matter_across_groups_only() -> None:
    one, near, far = f"{0:064x}", f"{0b111:064x}", f"{2**200 - 1:064x}"
    frame = pd.DataFrame({"hash": [one, near, far, None, one], "split": ["train", "train", "test", "test", None]})
    assert not alike_across(frame, "hash", "split", 8).any()
    frame["split"] = ["train", "test", "test", "test", "train"]
    assert alike_across(frame, "hash", "split", 8).tolist() == [True, True, False, False, True]
    assert not alike_across(frame, "hash", "split", 2).any()


def test_a_group_is_counted_in_patients_and_not_in_rows() -> None:
    frame = pd.DataFrame({"sex": ["F", "F", "F", None, None], "patient": ["a", "a", "b", "c", "d"]}, dtype="string")
    assert in_small_groups(frame, ["sex"], "patient", 3).all()
    assert not in_small_groups(frame, ["sex"], "patient", 2).any()


def test_drift_is_neither_chance_nor_a_small_shift() -> None:
    assert stability_index({"CT": 60, "MR": 40}, {"CT": 60, "MR": 40}) == 0
    assert has_moved({"CT": 900, "MR": 100}, {"CT": 300, "MR": 700}, 0.25)
    assert not has_moved({"CT": 2, "MR": 1}, {"CT": 1, "MR": 2}, 0.25)
    assert not has_moved({"CT": 600, "MR": 400}, {"CT": 550, "MR": 450}, 0.25)
    assert has_moved({"Newcomer": 200}, {"ACME": 200}, 0.25)


def test_a_waiver_counts_for_the_release_after_the_one_it_names(workspace: Workspace) -> None:
    assert read_waivers(workspace) == ()
    first = Waiver(rule="splits/share-is-near", reason="there are few patients yet", by="the steward")
    later = Waiver(
        rule="splits/share-is-near", reason="still few of them", by="the steward", after="release/dataset/v1"
    )
    write_waivers(workspace, [first, later])
    assert waivers_after(workspace, None) == (first,)
    assert waivers_after(workspace, "release/dataset/v1") == (later,)
    assert waivers_after(workspace, "release/dataset/v2") == ()
    workspace.waivers.write_text("[{}]")
    with pytest.raises(ConfigurationError, match="take it from git"):
        read_waivers(workspace)


def test_a_waived_rule_does_not_block_and_still_fails() -> None:
    rules = tuple(
        Verdict(suite="splits", rule=name, severity="critical", passed=False, rows=1, sentence="It holds")
        for name in ("one", "two")
    )
    verdicts = Verdicts(rules=rules, waivers=(Waiver(rule="splits/one", reason="known and harmless", by="steward"),))
    assert [rule.name for rule in verdicts.blocking] == ["splits/two"]
    assert [rule.name for rule in verdicts.waived] == ["splits/one"]


@pytest.mark.parametrize(
    "text",
    [
        "Mrs Miller came twice",
        "MILLER^JANE",
        "born 1956-03-02",
        "born on 2.3.1956",
        "record 4711234",
        "1.2.840.113619.2",
    ],
)
def test_a_reason_that_looks_like_an_identifier_is_told(text: str) -> None:
    assert suspicions(text)


def test_a_plain_reason_is_not_suspected() -> None:
    assert suspicions("A new scanner of ward 3 since March; agreed with the data protection officer") == []


def test_the_page_of_the_gates_is_current() -> None:
    told = (ROOT / "docs" / "gates.md").read_text(encoding="utf-8")
    assert told == to_markdown(read_suites(ROOT / "expectations")), "run `sluice gates --markdown > docs/gates.md`"


def test_the_scorecard_that_the_gates_read_is_the_last_one_and_of_this_engine() -> None:
    assert read_scorecard() == summary(PATH)
    assert read_scorecard().engine == VERSION, "record a scorecard: `python -m tests.scorecard --record`"
    assert read_scorecard().passes
