"""A disk that fills up: one line that says so, nothing half-made, and after freeing space the next run finishes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.core.workspace import Workspace
from tests.support.disks import fill, small_disk
from tests.support.runs import assert_plain, build, content, copy_of, nothing_released, stage, standing, tree

pytestmark = pytest.mark.services


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An empty disk of 96 MB."""
    with small_disk(tmp_path / "disk", 96) as place:
        yield place


def test_a_disk_full_during_deidentification_is_told_and_freeing_it_lets_the_next_run_finish(
    fresh: Workspace, released: Workspace, small_hospital: Path, disk: Path
) -> None:
    workspace = copy_of(fresh, disk / "workspace")
    ballast = fill(disk, leave=4_000_000)
    state = build(workspace)
    assert state.is_failed()
    assert state.name == "Misconfigured"
    assert_plain(state.message, small_hospital, "full", "free some space")
    assert nothing_released(workspace)

    ballast.unlink()
    state = build(workspace)
    assert state.is_completed(), state.message
    assert "release/heart/v1" in (state.message or "")
    assert content(workspace) == content(released)


def test_a_disk_full_during_export_leaves_the_last_release_and_the_next_run_finishes(
    study: Workspace, small_hospital: Path, disk: Path
) -> None:
    shutil.move(study.root, disk / "workspace")
    workspace = Workspace(disk / "workspace")
    before = standing(workspace)
    text = workspace.params.read_text(encoding="utf-8")
    workspace.params.write_text(text.replace("Untitled dataset", "Another title"), encoding="utf-8")
    ballast = fill(disk, leave=150_000)
    code, said = stage("export", workspace)
    assert code == 2, said
    last = said.strip().splitlines()[-1]
    assert_plain(last, small_hospital, "full", "free some space")
    assert standing(workspace)["dataset"] == before["dataset"]
    assert [path.name for path in (workspace.data / "dataset").iterdir()] == ["heart"]

    ballast.unlink()
    state = build(workspace)
    assert state.is_completed(), state.message
    assert "release/heart/v2" in (state.message or "")
    assert tree(workspace.dataset) != before["dataset"]
