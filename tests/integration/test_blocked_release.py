"""What stops a release: a gate, missing git, another run, another key. The release that is there stays as it was."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from flows.outcome import FlowFailed, told
from tasks.core.workspace import Workspace
from tests.support.places import ROOT
from tests.support.runs import assert_plain, build, copy_of, nothing_released, stage, standing, tree

pytestmark = pytest.mark.services


def _exit_code(state: object) -> int:
    with pytest.raises(FlowFailed) as failed:
        told(state)  # type: ignore[arg-type]
    return failed.value.exit_code


def _demand(workspace: Workspace, rows: int) -> None:
    """Let a critical rule ask for more patients than there are."""
    place = workspace.expectations / "patients.json"
    suite = json.loads(place.read_text(encoding="utf-8"))
    suite["expectations"].append(
        {
            "type": "expect_table_row_count_to_be_between",
            "kwargs": {"min_value": rows},
            "severity": "critical",
            "meta": {"rule": "many-patients", "sentence": "There are many patients.", "fix": "take more patients"},
        }
    )
    place.write_text(json.dumps(suite), encoding="utf-8")


def test_a_gate_that_fails_blocks_the_release_and_leaves_the_last_one(study: Workspace, small_hospital: Path) -> None:
    before, suite = standing(study), (study.expectations / "patients.json").read_bytes()
    _demand(study, 1000)

    state = build(study)

    assert state.is_failed()
    assert state.name == "Blocked"
    assert _exit_code(state) == 3
    assert_plain(state.message, small_hospital, "patients/many-patients", "stays as it was", "data/docs")
    assert standing(study) == before
    assert "many-patients" in (study.docs / "index.html").read_text(encoding="utf-8")
    with get_client(sync_client=True) as client:
        flow_run = client.read_flow_runs(limit=1, sort="START_TIME_DESC")[0]  # type: ignore[arg-type]
        tables = [found for found in client.read_artifacts(limit=200) if found.flow_run_id == flow_run.id]
    (gates,) = [table for table in tables if table.key == "gates"]
    assert "many-patients" in str(gates.data)
    assert "1 critical rule(s) failed" in (gates.description or "")

    (study.expectations / "patients.json").write_bytes(suite)
    assert build(study).name == "NothingNew"
    assert standing(study) == before
    verdicts = json.loads((study.gates / "verdicts.json").read_text(encoding="utf-8"))
    assert "many-patients" not in str(verdicts), "what the blocked run left is still there"


@pytest.mark.parametrize("broken", ["{", '{"name": "labels"}', "[]", None])
def test_a_broken_suite_is_told_before_any_work(fresh: Workspace, small_hospital: Path, broken: str | None) -> None:
    place = fresh.expectations / "labels.json"
    place.unlink() if broken is None else place.write_text(broken, encoding="utf-8")
    state = build(fresh)
    assert state.name == "Misconfigured"
    assert _exit_code(state) == 2
    assert_plain(state.message, small_hospital, "labels.json")
    assert nothing_released(fresh)
    assert not fresh.cohort_lock.exists()


def test_without_git_nothing_is_begun(
    fresh: Workspace, small_hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    state = build(fresh)
    assert state.name == "Misconfigured"
    assert_plain(state.message, small_hospital, "git is not installed", "apt install git")
    assert nothing_released(fresh)
    assert not fresh.cohort_lock.exists()


def test_a_second_run_at_the_same_time_is_refused_and_does_no_harm(study: Workspace, small_hospital: Path) -> None:
    before = standing(study)
    with study.lock():
        state = build(study)
    assert state.name == "Misconfigured"
    assert_plain(state.message, small_hospital, "another run is working", "wait for it")
    assert standing(study) == before


def test_another_key_over_a_workspace_is_refused(study: Workspace, small_hospital: Path) -> None:
    before = standing(study)
    study.key_file.write_text(secrets.token_hex(32) + "\n")
    state = build(study)
    assert state.name == "Misconfigured"
    assert_plain(state.message, small_hospital, "another key", "restore")
    assert standing(study) == before


def test_a_file_where_a_zone_must_be_is_told(fresh: Workspace, small_hospital: Path) -> None:
    (fresh.data / "dataset").write_text("in the way")
    state = build(fresh)
    assert state.name == "Misconfigured"
    assert not fresh.cohort_lock.exists()
    assert_plain(state.message, small_hospital, "cannot write", "folder must be")
    assert (fresh.data / "dataset").read_text() == "in the way"


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can act as somebody else")
def test_a_workspace_that_may_not_be_written_is_told(study: Workspace, small_hospital: Path) -> None:
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        workspace = copy_of(study, Path(folder) / "workspace")
        for place in (workspace.vault, workspace.key_file):
            os.chown(place, 65534, 65534)
        before = tree(workspace.root)
        try:
            subprocess.run([*nobody, sys.executable, "-c", "import pandas"], cwd=ROOT, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this Python is out of reach for anybody but its owner")
        for name in ("extract", "curate", "export"):
            code, said = stage(name, workspace, before=nobody)
            assert code == 2, said
            assert_plain(said, small_hospital, "cannot write under", "check its owner")
        assert tree(workspace.root) == before
