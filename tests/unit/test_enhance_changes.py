"""What is said of a method: a lesion that it erases is flagged, the identity is not, and nothing is called harmless."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.files import write_table
from tasks.core.settings.enhancement import EnhancementSettings
from tasks.transform.enhance.cases import Case
from tasks.transform.enhance.changes import Flag, Judged, Verdict, judge, ring_of
from tasks.transform.enhance.examples import TRAIN, Example, check_apart, cut_patches, find_examples
from tasks.transform.enhance.methods import Method, choose_method, network_method
from tasks.transform.enhance.quality import estimate, psnr, ssim
from tasks.transform.windows import Image
from tests.support.enhance import draw_picture, identity_weights, make_case, write_release

SETTINGS = EnhancementSettings()
IDENTITY = Method("identity", lambda image: image)


def strong_median(image: Image) -> Image:
    return cv2.medianBlur((image * 255).astype(np.uint8), 15).astype(np.float32) / 255


def look(method: Method, *cases: Case) -> Judged:
    return judge(cases, method, SETTINGS)


def test_the_identity_changes_nothing_and_is_not_flagged() -> None:
    judged = look(IDENTITY, make_case(), make_case(patient=2, series=2))
    assert judged.verdict is Verdict.NO_LOSS
    assert [one.flags for one in judged.regions] == [(), ()]
    assert judged.regions[0].kept == judged.regions[0].cnr_kept == 1.0
    assert judged.intensity["CT"]["max_change"].mean == 0.0
    assert judged.upper_bound == pytest.approx(1 - 0.05**0.5)


def test_a_median_that_erases_a_small_lesion_is_flagged() -> None:
    judged = look(Method("median", strong_median), make_case(radius=3))
    assert judged.verdict is Verdict.MAY_HIDE
    assert Flag.CONTRAST_LOST in judged.regions[0].flags
    assert judged.regions[0].kept < 0.5


def test_the_median_step_erases_a_lesion_of_few_pixels_and_keeps_a_large_one() -> None:
    median = choose_method("median", {"size": 5})
    assert look(median, make_case(radius=1)).verdict is Verdict.MAY_HIDE
    assert look(median, make_case(radius=10)).verdict is Verdict.NO_LOSS


def test_inverted_contrast_and_added_noise_are_flagged() -> None:
    assert look(Method("invert", lambda image: 1 - image), make_case()).regions[0].flags == (Flag.CONTRAST_REVERSED,)
    noise = np.random.default_rng(0).normal(0, 0.05, (64, 64)).astype(np.float32)
    assert look(Method("noise", lambda image: image + noise), make_case()).regions[0].flags == (Flag.NOISE_COVERS,)


def test_a_loss_just_above_the_limit_is_flagged_and_just_below_is_not() -> None:
    for share, flagged in ((0.89, True), (0.91, False)):
        mean = 0.4

        def squeeze(image: Image, share: float = share, mean: float = mean) -> Image:
            return (image - mean) * share + mean

        judged = look(Method("squeeze", squeeze), make_case())
        assert bool(judged.flagged) is flagged
        assert judged.regions[0].kept == pytest.approx(share, abs=1e-4)


def test_without_a_region_or_with_a_faint_or_tiny_one_nothing_is_shown() -> None:
    case = make_case()
    bare = Case(case.patient, case.series, case.modality, case.pictures, case.spacing, ())
    tiny = np.zeros((5, 64, 64), bool)
    tiny[2, 30, 30] = True
    small = Case(2, 2, "CT", case.pictures, case.spacing, ((1, tiny),))
    for given, flags in ((bare, []), (make_case(contrast=0.0), [(Flag.FAINT,)]), (small, [(Flag.TOO_SMALL,)])):
        judged = look(IDENTITY, given)
        assert judged.verdict is Verdict.NOT_SHOWN
        assert [one.flags for one in judged.regions] == flags
        assert judged.upper_bound is None


def test_no_verdict_says_harmless() -> None:
    assert not any("harmless" in verdict.sentence or "safe" in verdict.sentence for verdict in Verdict)


def test_the_ring_is_measured_in_millimetres_and_leaves_out_the_next_pixel() -> None:
    mask = np.zeros((41, 41), bool)
    mask[20, 20] = True
    ring = ring_of(mask, (2.0, 1.0), 6.0)
    rows, columns = np.nonzero(ring)
    assert (rows.min(), columns.min()) == (16, 12)
    assert not ring[19:22, 19:22].any()


def test_a_finer_picture_is_compared_with_bicubic_enlargement() -> None:
    judged = look(network_method(identity_weights()), make_case())
    assert judged.verdict is Verdict.NO_LOSS
    assert judged.intensity["CT"]["max_change"].mean < 1e-6


def test_psnr_ssim_and_the_interval_are_as_defined() -> None:
    image = draw_picture(7)
    assert psnr(image + np.float32(0.1), image) == pytest.approx(20.0, abs=1e-3)
    assert ssim(image, image) == pytest.approx(1.0)
    assert ssim(np.clip(image + np.random.default_rng(0).normal(0, 0.1, image.shape), 0, 1), image) < 0.9
    found = estimate({"a": [1.0, 3.0], "b": [4.0], "c": [6.0]})
    assert found.mean == pytest.approx(4.0)  # of patients, not of images
    assert 2.0 <= found.low < 4.0 < found.high <= 6.0
    assert np.isnan(estimate({"a": [1.0]}).low)


def test_a_patient_in_two_splits_stops_training(tmp_path: Path) -> None:
    release = write_release(tmp_path, pictures=1)
    splits = pd.read_parquet(release / "splits.parquet")
    write_table(pd.concat([splits, pd.DataFrame({"patient": ["p0"], "split": ["test"]})]), release / "splits.parquet")
    with pytest.raises(ContractViolation, match="two splits"):
        find_examples(release, SETTINGS)
    one = Example(tmp_path / "x.png", "p0", "CT")
    with pytest.raises(ContractViolation, match="trained on and tested"):
        check_apart({"train": (one,), "test": (one,)})


def test_patches_come_from_training_patients_alone(tmp_path: Path) -> None:
    release = write_release(tmp_path, pictures=1)
    examples = find_examples(release, SETTINGS)
    assert {one.patient for one in examples[TRAIN]} == {"p0", "p1", "p2", "p3"}
    before = cut_patches(examples[TRAIN], SETTINGS)
    for one in (*examples["validation"], *examples["test"]):
        one.path.unlink()  # would be missed, were it read
    after = cut_patches(find_examples(release, SETTINGS)[TRAIN], SETTINGS)
    assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))


def test_a_release_without_pictures_of_a_split_says_what_to_do(tmp_path: Path) -> None:
    release = write_release(tmp_path, pictures=1, splits=("train", "validation"))
    with pytest.raises(ConfigurationError, match="take more patients"):
        find_examples(release, SETTINGS)
