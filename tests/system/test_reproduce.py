"""A release can be made again from its clone with the key and the source, and from the shell with `dvc repro`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.core.workspace import Workspace
from tasks.record.releases.records import read_records
from tasks.record.releases.release import STAGES
from tasks.record.releases.reproduction import reproduce
from tests.conftest import Hospital
from tests.support.prefect import folder_workspace
from tests.support.runs import build

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def released(prefect: None, hospital: Hospital, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with one release of the simulated hospital, taken from a folder."""
    workspace = folder_workspace(
        tmp_path_factory.mktemp("reproduce") / "workspace",
        hospital.dicom,
        **{
            "extract.labels_csv": str(hospital.folder / "labels.csv"),
            "extract.ehr_csv": str(hospital.folder / "ehr.csv"),
        },
    )
    state = build(workspace)
    assert state.is_completed(), state.message
    return workspace


def repro(root: Path, *arguments: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name != "SLUICE_WORKSPACE"} | {"PATH": path}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_forcing_every_stage_changes_no_byte(released: Workspace) -> None:
    before = (released.root / "dvc.lock").read_bytes()
    assert "Running stage 'export'" in repro(released.root, "--force")
    assert (released.root / "dvc.lock").read_bytes() == before


def test_reproduce_makes_the_release_again_and_leaves_nothing(released: Workspace) -> None:
    (record,) = read_records(released, released.settings.export.name)
    stages: list[str] = []
    found = reproduce(released, record, progress=stages.append)
    assert found.same
    assert found.first is None
    assert stages == [*STAGES, "compare"]
    assert list(released.scratch.glob("reproduce-*")) == []
