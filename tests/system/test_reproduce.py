"""A release can be made again from its clone with the key and the source, and from the shell with `dvc repro`."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.core.workspace import Workspace
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


def test_a_clone_with_the_key_and_the_source_makes_the_same_release(released: Workspace, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(released.root), str(clone)], check=True)
    place = Workspace(clone)
    place.prepare()
    shutil.copy2(released.key_file, place.key_file)
    repro(clone)
    assert (clone / "dvc.lock").read_bytes() == (released.root / "dvc.lock").read_bytes()
    assert same(released.dataset, place.dataset)


def test_forcing_every_stage_changes_no_byte(released: Workspace) -> None:
    before = (released.root / "dvc.lock").read_bytes()
    assert "Running stage 'export'" in repro(released.root, "--force")
    assert (released.root / "dvc.lock").read_bytes() == before


def same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files with the same bytes."""
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    others = sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    return names == others and all(filecmp.cmp(one / name, other / name, shallow=False) for name in names)
