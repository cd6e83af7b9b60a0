"""The main job as a user runs it: from a synthetic hospital's Orthanc to a registered model, every service real."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pydicom
import pytest

from flows.services.orthanc import find_orthanc
from tasks.core.cohort import read_cohort
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.register import models_of, patients_of_model, releases
from tasks.simulate.model import AnswerKey, Kind
from tests.support.leaks import Needles, git_objects, search, search_bytes
from tests.support.runs import dvc

pytestmark = [
    pytest.mark.services,
    pytest.mark.orthanc,
    pytest.mark.skipif(find_orthanc() is None, reason="Orthanc is not installed: run `make services`"),
]
SLUICE = [sys.executable, "-m", "flows"]


@dataclass(frozen=True)
class Demo:
    """A finished `sluice demo`: where it lies and what it printed."""

    root: Path
    output: str

    @property
    def workspace(self) -> Workspace:
        """Its workspace, read anew."""
        return Workspace(self.root / "workspace")

    @property
    def key(self) -> AnswerKey:
        """What was planted in its hospital."""
        return AnswerKey.read(self.root / "hospital")


def sluice(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, and return what it printed."""
    return subprocess.run(
        [*SLUICE, *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for the whole module: it takes minutes."""
    root = tmp_path_factory.mktemp("demo")
    done = sluice("demo", "--directory", str(root), "--patients", "16")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    yield Demo(root, done.stdout)
    shutil.rmtree(root, ignore_errors=True)


def test_every_instance_of_the_hospital_has_one_outcome(demo: Demo) -> None:
    workspace = demo.workspace
    with Ledger.open(workspace) as ledger:
        tally = ledger.tally(read_cohort(workspace))
    key = demo.key
    refused = [*key.traps["gzip"], *key.traps["truncated-pixels"]]  # Orthanc takes neither
    offered = sum(key.expected.instances.values()) - len(refused)
    assert tally.balances
    assert tally.expected == offered
    assert tally.released > 0.9 * offered


def test_the_release_is_tidy_and_its_checksums_hold(demo: Demo) -> None:
    dataset = demo.workspace.dataset
    for name in ("patients", "studies", "series", "instances", "labels", "splits"):
        parquet, csv = pd.read_parquet(dataset / f"{name}.parquet"), pd.read_csv(dataset / f"{name}.csv")
        assert len(parquet) == len(csv) > 0
    assert all((dataset / name).is_file() for name in ("README.md", "croissant.json", "release.json"))
    for line in (dataset / "checksums.sha256").read_text().splitlines():
        digest, name = line.split("  ", 1)
        assert hashlib.sha256((dataset / name).read_bytes()).hexdigest() == digest
    instances = pd.read_parquet(dataset / "instances.parquet")
    images = instances[instances["kind"] == "image"]
    assert set(images["modality"]) >= {"CT", "MR", "CR"}
    assert {"structure-set", "segmentation"} <= set(instances["kind"])


def test_text_burned_into_pixels_is_masked_in_what_is_released(demo: Demo) -> None:
    """The simulator writes it white into the upper left corner (test_simulate_hospital.py)."""
    workspace, key, looked = demo.workspace, demo.key, 0
    archives = {name: path for path in workspace.deidentified.rglob("*.zip") for name in ZipFile(path).namelist()}
    for path in key.burned_in:
        source = pydicom.dcmread(demo.root / "hospital" / path)
        member = f"{workspace.pseudonymiser.uid(source.SOPInstanceUID)}.dcm"
        if member not in archives:
            continue
        for ds, is_masked in ((source, False), (_member(archives[member], member), True)):
            pixels = ds.pixel_array.astype(float)
            corner = (pixels[0] if ds.get("NumberOfFrames") else pixels)[2:16, 4:120]
            most = 2**ds.BitsStored - 1
            bright = corner.max() / most if ds.PhotometricInterpretation != "MONOCHROME1" else 1 - corner.min() / most
            assert (bright < 0.9) == is_masked, member
        looked += 1
    assert looked >= 0.9 * len(key.burned_in)


def _member(archive: Path, name: str) -> pydicom.Dataset:
    with ZipFile(archive) as archived:
        return pydicom.dcmread(BytesIO(archived.read(name)))


def test_contours_and_segmentations_still_refer_to_released_images(demo: Demo) -> None:
    instances = pd.read_parquet(demo.workspace.dataset / "instances.parquet")
    images = set(instances.loc[instances["kind"] == "image", "instance"])
    objects = instances[instances["kind"].isin(["structure-set", "segmentation"])]
    assert len(objects) >= 2
    for references in objects["references"]:
        assert images & set(json.loads(references))


def test_the_model_leads_to_its_release_and_patients_and_back(demo: Demo) -> None:
    workspace = demo.workspace
    with Ledger.open(workspace) as ledger:
        (release,) = releases(ledger, "heart")
        (model,) = models_of(ledger, release.tag)
        learned = set(patients_of_model(ledger, model.name, model.version))
    splits = pd.read_parquet(workspace.dataset / "splits.parquet")
    assert learned
    assert learned <= set(splits.loc[splits["split"] == "train", "patient"])
    tags = subprocess.run(["git", "tag"], cwd=workspace.root, capture_output=True, text=True, check=True).stdout.split()
    assert release.tag in tags


def test_the_summary_says_what_came_of_it_and_what_to_open(demo: Demo) -> None:
    for word in (
        "released",
        "quarantined",
        "duplicate-pixels",
        "release/heart/v1",
        "dataset card",
        "data docs",
        "model",
    ):
        assert word in demo.output


def test_dvc_repro_after_the_run_has_nothing_to_do(demo: Demo) -> None:
    told = dvc(demo.workspace.root, "repro")
    assert "Data and pipelines are up to date." in told
    assert "Running stage" not in told


def test_nothing_that_was_planted_is_left_in_what_the_tools_keep(demo: Demo) -> None:
    workspace = demo.workspace
    kinds = set(Kind) - {Kind.DATE, Kind.DEVICE}
    needles = Needles(item for item in demo.key.planted if item.kind in kinds)
    source = workspace.services / "orthanc"
    leaks, searched = search(workspace.root, needles, skip=[source, workspace.vault])
    leaks += search_bytes(git_objects(workspace.root), needles, workspace.root / ".git")
    assert searched > 10_000_000
    assert leaks == [], sorted({(leak.kind, str(leak.path.relative_to(workspace.root))) for leak in leaks})[:20]


def test_planted_dates_are_not_in_what_prefect_and_mlflow_keep(demo: Demo) -> None:
    workspace = demo.workspace
    needles = Needles(item for item in demo.key.planted if item.kind is Kind.DATE)
    for service in ("prefect", "mlflow"):
        leaks, _ = search(workspace.services / service, needles)
        assert leaks == [], sorted({str(leak.path.name) for leak in leaks})


def test_quarantine_is_empty_and_private(demo: Demo) -> None:
    workspace = demo.workspace
    assert list(workspace.quarantine.iterdir()) == []
    assert workspace.quarantine.stat().st_mode & 0o777 == 0o700
    assert workspace.vault.stat().st_mode & 0o777 == 0o700
