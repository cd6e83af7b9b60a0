"""Publishing with a real git and a real DVC: what is published, what is not, and what a crash leaves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.workspace import Workspace
from tasks.export.stage import export
from tasks.record import register
from tasks.record.ledger import Ledger
from tasks.record.releases import release, versioning
from tasks.record.releases.records import read_records
from tasks.record.releases.release import STAGES, publish
from tasks.record.releases.shell import dvc, git
from tests.support.fake_stages import copy_pipeline, fill_workspace, judge, relabel
from tests.support.places import ROOT, make_workspace
from tests.support.runs import tree


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with one release; tests copy it."""
    workspace = make_workspace(tmp_path_factory.mktemp("record") / "workspace")
    fill_workspace(workspace)
    copy_pipeline(ROOT, workspace)
    export(workspace)
    versioning.commit_stages(workspace.root, STAGES)
    with Ledger.open(workspace) as ledger:
        made = publish(workspace, ledger, flow_run="flow-1")
    assert made is not None
    return workspace


@pytest.fixture
def workspace(published: Workspace, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(published.root, tmp_path / "workspace", symlinks=True)))


def renew(workspace: Workspace, source: str) -> None:
    """A new content: export and commit it."""
    relabel(workspace, source)
    judge(workspace)
    export(workspace)
    versioning.commit_stages(workspace.root, STAGES)


def tags(workspace: Workspace) -> dict[str, str]:
    return versioning.tags(workspace.root, "release/*")


def test_after_a_commit_of_the_stages_repro_has_nothing_to_do(workspace: Workspace) -> None:
    assert versioning.is_clean(workspace.root)
    before = (workspace.root / "dvc.lock").read_bytes()
    said = dvc(workspace.root, "repro") or ""
    assert "Data and pipelines are up to date." in said
    assert "Running stage" not in said
    assert (workspace.root / "dvc.lock").read_bytes() == before


def test_the_record_the_tag_the_commit_and_the_register_agree(workspace: Workspace) -> None:
    (record,) = read_records(workspace, "dataset")
    manifest = json.loads((workspace.dataset / "release.json").read_text())
    assert record.manifest == manifest
    assert record.flow_run == "flow-1"
    assert record.tally.balances
    assert record.dvc == versioning.digests(workspace.root)["data/dataset/dataset"]
    assert len(record.dvc) == 36
    with Ledger.open(workspace) as ledger:
        (entered,) = register.releases(ledger)
        assert register.patients_of_release(ledger, entered.tag) == tuple(f"p{n}" for n in range(6))
    assert tags(workspace) == {"release/dataset/v1": entered.commit}
    held = set((git(workspace.root, "ls-tree", "-r", "--name-only", entered.tag) or "").split())
    assert {"dvc.lock", "params.yaml", "data/cohort.lock", "data/splits.lock", "data/releases/dataset-v1.json"} <= held
    assert not any(name.startswith(("data/quarantine", "data/vault", "data/images", "data/register")) for name in held)
    assert git(workspace.root, "merge-base", "--is-ancestor", record.commit, entered.commit, check=False) is not None


def test_nothing_new_makes_no_release_and_no_commit(workspace: Workspace) -> None:
    before = versioning.head(workspace.root)
    with Ledger.open(workspace) as ledger:
        assert publish(workspace, ledger) is None
    assert versioning.head(workspace.root) == before


def test_new_content_is_the_next_release(workspace: Workspace) -> None:
    renew(workspace, "second reader")
    with Ledger.open(workspace) as ledger:
        second = publish(workspace, ledger)
        assert second is not None
        assert second.tag == "release/dataset/v2"
        assert register.releases_of(ledger, "p1") == ("release/dataset/v1", "release/dataset/v2")
    renew(workspace, "labels")  # the first content again
    with Ledger.open(workspace) as ledger:
        third = publish(workspace, ledger)
    assert third is not None
    assert third.number == 3
    assert third.content == read_records(workspace, "dataset")[0].content


def test_what_the_user_staged_stays_staged_and_uncommitted(workspace: Workspace) -> None:
    (workspace.root / "notes.txt").write_text("mine")
    git(workspace.root, "add", "notes.txt")
    renew(workspace, "second reader")
    with Ledger.open(workspace) as ledger:
        publish(workspace, ledger)
    assert git(workspace.root, "status", "--porcelain") == "A  notes.txt\n"


CRASHES = [
    pytest.param("commit_paths", False, id="before the first commit"),
    pytest.param("commit_and_tag", False, id="before the record is committed"),
    pytest.param("commit_and_tag", True, id="before the record is committed, new data meanwhile"),
    pytest.param("tag_commit", False, id="before the tag"),
    pytest.param("tag_commit", True, id="before the tag, new data meanwhile"),
    pytest.param("record_release", False, id="before the register"),
]


@pytest.mark.parametrize(("step", "meanwhile"), CRASHES)
def test_a_crash_is_repaired_by_the_next_call(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, step: str, meanwhile: bool
) -> None:
    renew(workspace, "second reader")
    place: Any = release if step == "record_release" else versioning
    with monkeypatch.context() as broken, Ledger.open(workspace) as ledger:
        broken.setattr(place, step, _die)
        with pytest.raises(KeyboardInterrupt):
            publish(workspace, ledger)
    if meanwhile:
        renew(workspace, "third reader")
    with Ledger.open(workspace) as ledger:
        repaired = publish(workspace, ledger)
        assert repaired is not None
        assert publish(workspace, ledger) is None
        entered = register.releases(ledger)
    records = read_records(workspace, "dataset")
    assert [record.tag for record in records] == [one.tag for one in entered] == sorted(tags(workspace))
    assert [tags(workspace)[one.tag] for one in entered] == [one.commit for one in entered]
    assert repaired.content == json.loads((workspace.dataset / "release.json").read_text())["content"]
    assert len(records) == (3 if meanwhile and step == "tag_commit" else 2)
    assert git(workspace.root, "status", "--porcelain") == ""


def _die(*args: object, **kwargs: object) -> None:
    raise KeyboardInterrupt


def test_a_lost_register_is_filled_again_from_git_and_dvc(workspace: Workspace) -> None:
    renew(workspace, "second reader")
    with Ledger.open(workspace) as ledger:
        publish(workspace, ledger)
    for place in workspace.register.parent.iterdir():
        place.unlink()
    with Ledger.open(workspace) as ledger:
        assert publish(workspace, ledger) is not None
        assert register.releases_of(ledger, "p1") == ("release/dataset/v1", "release/dataset/v2")


def test_bytes_that_dvc_does_not_hold_are_not_published(workspace: Workspace) -> None:
    relabel(workspace, "third")
    judge(workspace)
    export(workspace)
    with Ledger.open(workspace) as ledger, pytest.raises(ContractViolation, match="DVC does not hold"):
        publish(workspace, ledger)
    assert list(tags(workspace)) == ["release/dataset/v1"]


def test_a_clone_has_the_release_byte_for_byte(workspace: Workspace, tmp_path: Path) -> None:
    dvc(workspace.root, "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    dvc(workspace.root, "push")
    git(tmp_path, "clone", "--quiet", str(workspace.root), "clone")
    clone = Workspace(tmp_path / "clone")
    dvc(clone.root, "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    dvc(clone.root, "pull")
    assert tree(workspace.dataset)
    assert tree(clone.dataset) == tree(workspace.dataset)
    assert versioning.is_clean(clone.root)


def test_a_git_hook_around_us_does_not_lead_elsewhere(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere/.git")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert len(versioning.head(workspace.root)) == 40


def test_a_machine_without_git_identity_can_publish(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(workspace.root.parent))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(workspace.root.parent))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    renew(workspace, "second reader")
    with Ledger.open(workspace) as ledger:
        made = publish(workspace, ledger)
    assert made is not None
    assert git(workspace.root, "log", "-1", "--format=%an <%ae>") == "Sluice <sluice@localhost>\n"


def test_a_workspace_inside_a_repository_that_ignores_it_gets_its_own(tmp_path: Path) -> None:
    outer, inner, part = tmp_path / "outer", tmp_path / "outer" / "demo", tmp_path / "outer" / "study"
    for folder in (inner, part):
        folder.mkdir(parents=True)
    git(outer, "init", "--quiet")
    (outer / ".gitignore").write_text("/demo/\n")
    versioning.ensure_repository(inner)
    versioning.ensure_repository(part)
    assert (inner / ".git").is_dir()
    assert not (part / ".git").exists()
    assert (part / ".dvc" / "config").is_file()


def test_missing_git_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="git is not installed"):
        versioning.ensure_repository(tmp_path)


def test_what_git_or_dvc_says_is_one_line(workspace: Workspace) -> None:
    with pytest.raises(ConfigurationError, match=r"dvc commit failed in .*nosuchstage") as caught:
        versioning.commit_stages(workspace.root, ["nosuchstage"])
    assert "\n" not in str(caught.value)


def test_python_m_tasks_record_publishes_once(workspace: Workspace) -> None:
    renew(workspace, "second reader")
    command = [sys.executable, "-m", "tasks.record"]
    environment = {**os.environ, "SLUICE_WORKSPACE": str(workspace.root)}
    said = [
        subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert said[0].startswith("record: published release/dataset/v2 (DVC ")
    assert said[1] == "record: nothing new, so no new release\n"
