"""`sluice up` and what a data engineer does with it: deployments with forms, a backfill, runs from another shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.register import releases
from tasks.simulate.hospital import simulate
from tests.support.prefect import folder_workspace

pytestmark = pytest.mark.services
SLUICE = [sys.executable, "-m", "flows"]


class Up:
    """A running `sluice up` over a small hospital, and the API of its Prefect server."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        state = json.loads((workspace.vault / "services.json").read_text(encoding="utf-8"))
        self.environment: dict[str, str] = state["environment"]
        user, password = self.environment["PREFECT_API_AUTH_STRING"].split(":", 1)
        self.api = httpx.Client(base_url=self.environment["PREFECT_API_URL"], auth=(user, password), timeout=30)

    def runs(self, flow: str) -> list[dict[str, object]]:
        """The runs of `flow`."""
        reply = self.api.post("/flow_runs/filter", json={"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_ASC"})
        found: list[dict[str, object]] = reply.raise_for_status().json()
        return found


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.5)


def sluice(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SLUICE, *arguments], cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The services of one workspace for this module."""
    root = tmp_path_factory.mktemp("up")
    simulate(root / "hospital", patients=8)
    workspace = folder_workspace(
        root / "workspace",
        root / "hospital" / "dicom",
        **{"transform.size": 32, "extract.labels_csv": str(root / "hospital" / "labels.csv")},
    )
    log = (root / "up.log").open("w+")
    process = subprocess.Popen([*SLUICE, "up"], cwd=workspace.root, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: "a worker is waiting" in (root / "up.log").read_text() or process.poll() is not None, 180)
        assert process.poll() is None, (root / "up.log").read_text()
        yield Up(workspace)
    finally:
        process.terminate()
        process.wait(60)
        log.close()
    assert not (workspace.vault / "services.json").exists()


def test_the_servers_ask_for_a_password(up: Up) -> None:
    assert httpx.post(f"{up.environment['PREFECT_API_URL']}/flow_runs/filter", json={}).status_code == 401
    assert (
        httpx.get(f"{up.environment['MLFLOW_TRACKING_URI']}/ajax-api/2.0/mlflow/experiments/search").status_code == 401
    )
    for name in ("passwords.json", "services.json", "key"):
        assert (up.workspace.vault / name).stat().st_mode & 0o077 == 0


def test_the_form_of_build_dataset_offers_window_modalities_profile_and_dry_run(up: Up) -> None:
    deployment = up.api.get("/deployments/name/build_dataset/build_dataset").raise_for_status().json()
    form = deployment["parameter_openapi_schema"]["properties"]
    assert {"start", "end", "modalities", "profile", "dry_run", "since_last_run"} <= set(form)
    assert all(form[name].get("description") for name in form)
    assert form["start"]["anyOf"][0]["format"] == "date"
    assert "research" in form["profile"]["anyOf"][0]["enum"]
    names = {found["name"] for found in up.api.post("/deployments/filter", json={}).raise_for_status().json()}
    assert names == {"build_dataset", "backfill", "pull", "train_model"}


def test_a_backfill_runs_each_window_once_and_a_second_repeats_nothing(up: Up) -> None:
    root = up.workspace.root
    first = sluice("backfill", "2019-01-01", "2021-12-31", "--step", "month", "--modality", "CT", cwd=root)
    assert first.returncode == 0, first.stderr
    assert "36 windows: 36 started" in first.stdout

    def finished() -> list[str]:
        states = [str(run["state_type"]) for run in up.runs("build_dataset")]
        return [state for state in states if state in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")]

    # Windows queue up behind the deployment's limit of one; the first few prove the way.
    wait_for(lambda: len(finished()) >= 3, 240)
    assert set(finished()) == {"COMPLETED"}
    second = sluice("backfill", "2019-01-01", "2021-12-31", "--step", "month", "--modality", "CT", cwd=root)
    assert "0 started" in second.stdout
    assert len(up.runs("build_dataset")) == 36


def test_a_run_from_another_shell_uses_the_same_server(up: Up) -> None:
    for run in up.runs("build_dataset"):  # let the queue of the backfill go, and the workspace with it
        up.api.post(f"/flow_runs/{run['id']}/set_state", json={"state": {"type": "CANCELLED"}, "force": True})
    wait_for(lambda: all(run["state_type"] not in ("RUNNING", "PENDING") for run in up.runs("build_dataset")), 120)
    before = len(up.runs("build_dataset"))
    deadline = time.monotonic() + 60
    done = sluice("run", "--modality", "MR", cwd=up.workspace.root)
    while "another run is working" in done.stderr and time.monotonic() < deadline:
        time.sleep(2)
        done = sluice("run", "--modality", "MR", cwd=up.workspace.root)
    assert done.returncode == 0, done.stderr
    assert len(up.runs("build_dataset")) > before
    with Ledger.open(up.workspace) as ledger:
        assert len(releases(ledger)) >= 1
    status = sluice("status", cwd=up.workspace.root)
    assert "the sum is right" in status.stdout, status.stdout + done.stdout
    assert os.environ.get("PREFECT_API_URL") != up.environment["PREFECT_API_URL"]
