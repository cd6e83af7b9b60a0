"""What whole runs share: one finished release a session, copied by tests that change it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tasks.core.workspace import Workspace
from tests.support.places import make_workspace
from tests.support.runs import build, copy_of, over


@pytest.fixture(scope="session")
def small_hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest synthetic hospital: read it, never change it."""
    from tasks.simulate.hospital import simulate

    folder = tmp_path_factory.mktemp("small") / "hospital"
    simulate(folder, patients=8)
    return folder


@pytest.fixture(scope="session")
def released(prefect: None, small_hospital: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with its first release: read it, never change it."""
    workspace = over(_with_pipeline(tmp_path_factory.mktemp("released") / "workspace"), small_hospital)
    state = build(workspace)
    assert state.is_completed(), state.message
    return Workspace(workspace.root)


@pytest.fixture
def study(released: Workspace, tmp_path: Path) -> Workspace:
    """A copy of `released` of one's own."""
    return copy_of(released, tmp_path / "study")


@pytest.fixture
def fresh(released: Workspace, small_hospital: Path, tmp_path: Path) -> Workspace:
    """A workspace over the same hospital with the same key as `released`, in which nothing ran yet."""
    workspace = _with_pipeline(tmp_path / "fresh")
    shutil.copyfile(released.key_file, workspace.key_file)
    return over(workspace, small_hospital)


def _with_pipeline(place: Path) -> Workspace:
    from flows.commands.initialise import templates

    workspace = make_workspace(place)
    shutil.copyfile(templates() / "dvc.yaml", place / "dvc.yaml")
    return workspace
