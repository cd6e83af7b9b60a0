"""The baseline: learns from train alone, by patient, the same each time, and says plainly when it cannot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.files import write_table
from tasks.core.settings import TrainSettings
from tasks.core.workspace import Workspace
from tasks.export.stage import export
from tasks.record.releases.cohorts import SavedCohort, save_cohort
from tasks.train.baseline import TrainedModel, train
from tasks.train.features import project, read_features
from tasks.train.report import files
from tests.support.fake_stages import fill_workspace
from tests.support.places import make_workspace

SETTINGS = TrainSettings(thumbnail=16, permutations=0, bootstrap=50, folds=2, features="images")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = make_workspace(tmp_path_factory.mktemp("train") / "workspace")
    fill_workspace(workspace, 24)
    return export(workspace).path


@pytest.fixture(scope="module")
def trained(release: Path) -> TrainedModel:
    return train(release, SETTINGS)


@pytest.fixture
def copied(release: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(release, tmp_path / "release"))


def change(release: Path, table: str, **columns: object) -> None:
    place = release / f"{table}.parquet"
    write_table(pd.read_parquet(place, dtype_backend="numpy_nullable").assign(**columns), place)


def test_a_visible_lesion_is_learned(trained: TrainedModel) -> None:
    assert trained.metrics["test_roc_auc"] > 0.9
    assert trained.metrics["validation_balanced_accuracy"] > 0.8


def test_training_again_gives_the_same_scores(release: Path, trained: TrainedModel) -> None:
    again = train(release, SETTINGS)
    assert again.metrics == trained.metrics
    assert files(again, "a model") == files(trained, "a model")
    assert np.array_equal(
        again.estimator.predict_proba(trained.example), trained.estimator.predict_proba(trained.example)
    )


def test_a_cohort_is_all_that_is_learned_from(release: Path, trained: TrainedModel) -> None:
    some = tuple(sorted(trained.patients))[:18]
    cohort = SavedCohort(name="some", by="patient", ids=some, content="c" * 64)
    save_cohort(Workspace(release.parents[2]), cohort)
    only = train(release, SETTINGS.model_copy(update={"cohort": "some"}))
    assert set(only.patients) == set(some)
    assert only.params["cohort"] == "some"
    nobody = cohort.model_copy(update={"name": "nobody", "ids": ("p999",)})
    save_cohort(Workspace(release.parents[2]), nobody)
    with pytest.raises(ConfigurationError, match="in the cohort nobody"):
        train(release, SETTINGS.model_copy(update={"cohort": "nobody"}))
    with pytest.raises(ConfigurationError, match="no cohort other"):
        train(release, SETTINGS.model_copy(update={"cohort": "other"}))


def test_each_patient_it_saw_is_told_with_the_split_of_the_release(release: Path, trained: TrainedModel) -> None:
    splits = pd.read_parquet(release / "splits.parquet").set_index("patient")["split"]
    assert trained.patients == splits.to_dict()
    assert {part.split: part.patients for part in trained.evaluations} == splits.value_counts().to_dict()


def test_the_labels_of_other_splits_change_nothing_that_is_learned(copied: Path, trained: TrainedModel) -> None:
    labels = pd.read_parquet(copied / "labels.parquet", dtype_backend="numpy_nullable")
    learned = labels["patient"].map(lambda name: trained.patients[name] == "train")
    change(copied, "labels", value=labels["value"].where(learned, 1 - labels["value"]))
    flipped = train(copied, SETTINGS)
    assert np.array_equal(flipped.estimator[-1].coef_, trained.estimator[-1].coef_)
    assert flipped.metrics["test_roc_auc"] == pytest.approx(1 - trained.metrics["test_roc_auc"])


def test_the_confusion_matrix_counts_each_study_once(trained: TrainedModel) -> None:
    for part in trained.evaluations:
        assert sum(map(sum, part.confusion)) == part.studies
        assert part.roc[0][0] == part.roc[1][0] == 0.0
        assert part.roc[0][-1] == part.roc[1][-1] == 1.0


def test_a_label_of_the_patient_counts_for_all_its_studies(copied: Path, trained: TrainedModel) -> None:
    change(copied, "labels", study=pd.array([None] * 24, dtype="string"))
    assert train(copied, SETTINGS).metrics == trained.metrics


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (TrainSettings(target="fracture"), "has no label `fracture`"),
        (TrainSettings(modalities=("US",)), "has no images of US"),
    ],
)
def test_what_is_missing_is_named(release: Path, settings: TrainSettings, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        train(release, settings)


@pytest.mark.parametrize(
    ("value", "said"), [(1, "split `train` has no negative"), (0, "split `train` has no positive")]
)
def test_a_split_of_one_class_is_named(copied: Path, value: int, said: str) -> None:
    change(copied, "labels", value=value)
    with pytest.raises(ConfigurationError, match=said):
        train(copied, SETTINGS)


def test_a_patient_in_two_splits_stops_it(copied: Path) -> None:
    splits = pd.read_parquet(copied / "splits.parquet", dtype_backend="numpy_nullable")
    other = splits[splits["split"] == "train"].head(1).assign(split="test")
    write_table(pd.concat([splits, other], ignore_index=True), copied / "splits.parquet")
    with pytest.raises(ContractViolation, match="leak: 1 patients are in two splits"):
        train(copied, SETTINGS)


def test_labels_that_are_not_yes_or_no_are_refused(copied: Path) -> None:
    change(copied, "labels", value=2)
    with pytest.raises(ConfigurationError, match="other than 0 and 1"):
        train(copied, SETTINGS)


def test_a_folder_without_a_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no release"):
        train(tmp_path, SETTINGS)


def test_brightness_and_contrast_of_a_whole_series_do_not_matter(tmp_path: Path) -> None:
    import cv2

    image = np.random.default_rng(0).integers(40, 100, (32, 32)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    cv2.imwrite(str(tmp_path / "b.png"), image * 2 + 10)
    a, b = project([tmp_path / "a.png"], 16), project([tmp_path / "b.png"], 16)
    assert np.allclose(a, b, atol=1e-3)
    assert a.std() > 0.05


def test_modalities_have_blocks_of_their_own(release: Path) -> None:
    instances = pd.read_parquet(release / "instances.parquet", dtype_backend="numpy_nullable")
    features = read_features(release, instances, ("MR", "CT"), 16)
    assert features.matrix.shape == (24, 2 * 2 * 16 * 16)
    filled = np.array([name.startswith("CT.") for name in features.names])
    assert not features.matrix[:, ~filled].any()
    assert features.matrix[:, filled].any(axis=1).all()


def test_features_of_a_release_can_be_learned_from_with_gaps_and_without_them_it_says_what_to_set(copied: Path) -> None:
    settings = TrainSettings(features="radiomics", permutations=0, bootstrap=50, folds=2)
    with pytest.raises(ConfigurationError, match=r"radiomics\.in_flow"):
        train(copied, settings)
    labels = pd.read_parquet(copied / "labels.parquet").query("label == 'lesion'")
    by_patient = dict(zip(labels["patient"], labels["value"], strict=True))
    series = pd.read_parquet(copied / "series.parquet")[["unit", "patient", "study", "modality"]]
    noise = np.random.default_rng(1).normal(0, 0.1, (2, len(series)))
    told = series.assign(
        stat_mean=[float(by_patient[patient]) for patient in series["patient"]] + noise[0],
        stat_var=np.where(np.arange(len(series)) % 3, noise[1], np.nan),
        img_dim_x_init_img=512.0,
    )
    write_table(told, copied / "features.parquet")
    columns = [{"name": "unit"}, {"name": "img_dim_x_init_img", "family": "diagnostics"}]
    columns += [{"name": name, "family": "statistics"} for name in ("stat_mean", "stat_var")]
    (copied / "features.json").write_text(json.dumps({"columns": columns}), encoding="utf-8")
    model = train(copied, settings)
    assert model.metrics["test_roc_auc"] > 0.9
    assert set(model.feature_names) == {f"{m}.{tag}" for m in ("CT", "MR") for tag in ("stat_mean", "stat_var")}
    assert model.params["features"] == "radiomics"
    assert train(copied, settings.model_copy(update={"features": "auto"})).params["features"] == "radiomics"
