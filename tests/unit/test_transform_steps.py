"""The steps of a chain on small made-up volumes: what each does, where its voxels lie, and what chains are refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tasks.core.errors import ConfigurationError, QuarantineUnit
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings, check_settings, digest
from tasks.transform.steps.block import Block
from tasks.transform.steps.chain import chain_for, describe_chain

TURNED = np.array([[0.0, -2.0, 0, 10], [1.5, 0, 0, -20], [0, 0, 3.0, 5], [0, 0, 0, 1]])
"""Rows run along -x, columns along y: spacing (z, y, x) is 3, 2, 1.5 mm."""


def chain(*steps: Any, modality: str = "MR", **more: Any) -> Any:
    return chain_for(TransformSettings(steps=steps, **more), modality)


def run(values: Any, *steps: Any, limit: int = 2**40) -> Block:
    return chain(*steps).on_volume(Block(np.asarray(values, np.float32), TURNED, limit))


def ramp(shape: tuple[int, int, int]) -> Any:
    """Values that are linear in mm of the patient: 3 x + 5 y + 7 z."""
    z, y, x = np.indices(shape)
    places = np.stack([x, y, z, np.ones(shape)], axis=-1) @ TURNED.T
    return places[..., :3] @ np.array([3.0, 5.0, 7.0])


def at_centres(block: Block) -> Any:
    z, y, x = np.indices(block.values.shape)
    places = np.stack([x, y, z, np.ones(block.values.shape)], axis=-1) @ block.affine.T
    return places[..., :3] @ np.array([3.0, 5.0, 7.0])


@pytest.mark.parametrize("spacing", [None, 1.0, 2.5])
def test_isotropic_voxels_have_the_value_of_their_own_place(spacing: float | None) -> None:
    found = run(ramp((6, 8, 9)), {"isotropic": {"spacing": spacing}})
    assert found.spacing == pytest.approx((spacing or 1.5,) * 3)
    edge = math.ceil(2 / (spacing or 1.5))  # beyond the first centres there is nothing to interpolate with
    inside = (slice(edge, -edge),) * 3
    assert np.allclose(found.values[inside], at_centres(found)[inside], atol=1e-3)
    covered = np.array(found.values.shape) * (spacing or 1.5) - np.array([6 * 3, 8 * 2, 9 * 1.5])
    assert ((covered > -1e-6) & (covered < (spacing or 1.5))).all()


def test_a_resampled_volume_past_the_limit_is_refused_before_it_is_made() -> None:
    with pytest.raises(QuarantineUnit) as refused:
        run(np.zeros((4, 4, 4)), {"isotropic": {"spacing": 0.1}}, limit=1000)
    assert refused.value.reason is Reason.TOO_LARGE_FOR_STEPS


def test_crop_keeps_the_body_its_place_and_every_slice() -> None:
    values = ramp((3, 30, 40)) / 1e6 - 1000
    values[1, 10:16, 12:20] = 50
    values[2, 28, 38] = 50  # a speck that is no body
    found = run(values, {"crop-body": {"threshold": -500, "margin": 4.0}})
    assert found.values.shape == (3, 6 + 2 * 2, 8 + 2 * 3)
    assert np.array_equal(found.values, np.float32(values)[:, 8:18, 9:23])
    assert np.allclose(at_centres(found), (ramp((3, 30, 40)))[:, 8:18, 9:23])


def test_n4_takes_a_bias_field_off_and_threads_change_no_bit() -> None:
    import SimpleITK as sitk  # noqa: N813

    z, y, x = np.indices((16, 32, 32)) / np.array([16, 32, 32]).reshape(3, 1, 1, 1)
    tissue = np.where((np.indices((16, 32, 32))[1] // 4) % 2, 400.0, 800.0)
    shaded = tissue * np.exp(0.8 * x + 0.4 * y - 0.3 * z)
    shaded[:, :, :4] = 0
    step = {"n4": {"shrink": 2, "iterations": 20}}
    kept = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    found = []
    for threads in (1, 4):
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
        found.append(run(shaded, step).values)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(kept)
    assert np.array_equal(*found)
    spread = [values[tissue == 400][values[tissue == 400] > 0].std() for values in (shaded, found[0])]
    means = [values[tissue == 400][values[tissue == 400] > 0].mean() for values in (shaded, found[0])]
    assert spread[1] / means[1] < 0.3 * spread[0] / means[0]


@pytest.mark.parametrize("step", ["denoise-median", "denoise-nlm", {"denoise-curvature": {"iterations": 8}}])
def test_denoising_brings_values_nearer_to_the_truth(step: Any) -> None:
    truth = np.zeros((4, 40, 40))
    truth[:, 10:30, 10:30] = 100
    noisy = truth + np.random.default_rng(1).normal(0, 12, truth.shape)
    found = run(noisy, step).values
    assert np.abs(found - truth).mean() < 0.7 * np.abs(noisy - truth).mean()
    assert found[:, 15:25, 15:25].mean() == pytest.approx(100, abs=4)


def test_clahe_stays_in_its_range_and_spreads_what_is_dull() -> None:
    dull = np.random.default_rng(2).normal(40, 4, (1, 64, 64))
    found = run(dull, {"clahe": {"range": [-160, 240], "clip_limit": 10}}).values
    assert found.min() >= -160
    assert found.max() <= 240
    assert found.std() > 3 * dull.std()


def test_zscore_counts_what_is_above_and_refuses_what_has_no_spread() -> None:
    values = np.array([0, 0, 0, 10, 20, 30, 40, 50.0]).reshape(2, 2, 2)
    found = run(values, {"zscore": {"above": 0}}).values
    assert found[values > 0].mean() == pytest.approx(0, abs=1e-6)
    assert found[values > 0].std() == pytest.approx(1)
    with pytest.raises(QuarantineUnit) as refused:
        run(np.full((2, 2, 2), 7), "zscore")
    assert refused.value.reason is Reason.STEP_FAILED


def test_histogram_matching_puts_percentiles_on_the_landmarks() -> None:
    values = np.random.default_rng(3).gamma(2.0, 300.0, (8, 16, 16))
    step = {"histogram-match": {"percentiles": [10, 50, 90], "landmarks": [0, 40, 100]}}
    found = run(values, step).values
    assert np.percentile(found, [10, 50, 90]) == pytest.approx([0, 40, 100], abs=0.2)
    assert np.array_equal(np.argsort(values, axis=None), np.argsort(found, axis=None))  # the order stays


def test_a_step_is_for_the_modalities_that_it_names() -> None:
    steps = ({"clip": {"low": 0, "modalities": ["MR"]}}, {"clip": {"high": 5}})
    assert chain(*steps, modality="MR").names == "clip,clip"
    assert chain(*steps, modality="CT").names == "clip"
    assert chain(*steps, modality="CT").on_plane(np.array([[-9.0, np.nan, 9.0]])).tolist() == [[-9.0, -9.0, 5.0]]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (["n5"], "unknown step `n5`; did you mean `n4`?"),
        ([{"isotropic": {"spcing": 1}}], "isotropic: unknown parameter `spcing`; did you mean `spacing`?"),
        ([{"isotropic": {"spacing": -1}}], "isotropic: spacing: Input should be greater than or equal to 0.01"),
        (["zscore", "n4"], "put n4 before zscore"),
        (["clahe", "isotropic"], "put isotropic before clahe"),
        ([{"clip": {}}], "give low, high or both"),
        ([{"n4": {}, "clip": {}}], "a step is a name"),
        ([{"histogram-match": {"landmarks": [1, 2]}}], "as many as percentiles (11)"),
    ],
)
def test_a_mistake_in_a_chain_is_one_line_that_says_what_to_write(steps: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        check_settings({"transform": {"steps": steps}}, "params.yaml")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_steps_for_other_modalities_do_not_disturb_the_order() -> None:
    TransformSettings(steps=({"zscore": {"modalities": ["CT"]}}, {"n4": {"modalities": ["MR"]}}))


def test_a_window_in_a_unit_that_a_step_drops_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"windows.CT is in the unit of the source, and zscore leaves none"):
        check_settings({"transform": {"steps": ["zscore"], "windows": {"CT": [40, 400]}}}, "params.yaml")


def test_the_digest_follows_the_chain_and_not_how_it_is_written() -> None:
    plain, spelled = (TransformSettings(steps=(one,)) for one in ("zscore", {"zscore": {"above": None}}))
    assert digest(plain) == digest(spelled)
    assert digest(plain) != digest(TransformSettings(steps=({"zscore": {"above": 0}},)))
    assert check_settings({"transform": plain.model_dump(mode="json")}, "x").transform == plain


def test_what_is_recorded_names_versions_and_all_parameters() -> None:
    (told,) = describe_chain(TransformSettings(steps=("isotropic",)).steps)
    assert told["parameters"] == {"modalities": [], "spacing": None, "method": "linear"}
    assert told["version"] == 1
    assert math.prod(int(part) for part in told["packages"]["SimpleITK"].split(".")[:1]) >= 2
