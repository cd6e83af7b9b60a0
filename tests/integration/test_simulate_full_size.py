"""The full synthetic hospital: the same bytes for the same seed, the promised size, and a label that can be learned."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom import dcmread
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tasks.simulate.hospital import simulate
from tasks.simulate.model import Kind
from tests.conftest import Hospital


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 by path of every file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_makes_the_same_bytes(hospital: Hospital, tmp_path: Path) -> None:
    again = simulate(tmp_path / "again", seed=0, patients=24)
    assert again == hospital.key
    assert digests(tmp_path / "again") == digests(hospital.folder)


def test_the_hospital_has_the_promised_size(hospital: Hospital) -> None:
    expected = hospital.key.expected
    assert expected.patients == 24
    assert 500 <= sum(expected.instances.values()) <= 800
    assert sum(path.stat().st_size for path in hospital.folder.rglob("*") if path.is_file()) < 150e6
    assert set(expected.instances) == {"CT", "MR", "CR", "DX", "US", "RTSTRUCT", "SEG"}
    assert len(hospital.key.encodings) == 5


def test_a_baseline_learns_the_lesion_on_patients_that_it_has_not_seen(hospital: Hospital) -> None:
    with (hospital.folder / "labels.csv").open(encoding="utf-8") as handle:
        labels = {row["AccessionNumber"]: int(row["lesion"]) for row in csv.DictReader(handle)}
    images, truth, patients = [], [], []
    slices = [*hospital.dicom.glob("*/*/CT_*/IM00[01]*"), *hospital.dicom.glob("*/*/MR_*/IM00[01]*")]
    for path in sorted(slices):
        ds = dcmread(path)
        images.append(thumbnail(ds.pixel_array.astype(np.float32), ds))
        truth.append(labels[ds.AccessionNumber])
        patients.append(ds.PatientID)
    x, y, groups = np.array(images), np.array(truth), np.array(patients)
    guess = np.zeros(len(y))
    for train, test in StratifiedGroupKFold(4, shuffle=True, random_state=0).split(x, y, groups):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
        guess[test] = model.fit(x[train], y[train]).predict_proba(x[test])[:, 1]
    assert roc_auc_score(y, guess) > 0.8


def thumbnail(stored: np.ndarray, ds: object) -> np.ndarray:
    """The stored values, windowed by fixed percentiles and reduced to 32 x 32, flat."""
    low, high = np.percentile(stored, (0.5, 99.5))
    small = cv2.resize(np.clip((stored - low) / (high - low), 0, 1), (32, 32), interpolation=cv2.INTER_AREA)
    return small.ravel()


@pytest.mark.parametrize("seed", [1, 2])
def test_other_seeds_make_hospitals_with_the_same_traps(seed: int, tmp_path: Path, hospital: Hospital) -> None:
    key = simulate(tmp_path / "other", seed=seed, patients=8)
    assert set(key.traps) == set(hospital.key.traps)
    assert all(key.traps.values())
    kinds = (Kind.UID, Kind.PATIENT_ID, Kind.ACCESSION, Kind.REQUEST)
    assert not key.values(*kinds) & hospital.key.values(*kinds)
