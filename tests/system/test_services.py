"""`sluice up` and what a data engineer does with it: deployments with forms, a backfill, runs from another shell."""

from __future__ import annotations

import json
import os
import re
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
from tests.support.chromium import chromium
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
    assert names == {"build_dataset", "window", "backfill", "pull", "train_model", "train_enhancement"}


def test_a_backfill_that_was_killed_goes_on_repeats_nothing_and_releases_once(up: Up) -> None:
    words = ["backfill", "2017-01-01", "2021-12-31", "--step", "year", "--modality", "CT"]

    def through() -> list[str]:
        return [str(run["state_name"]) for run in up.runs("build_dataset") if run["state_type"] == "COMPLETED"]

    first = subprocess.Popen([*SLUICE, *words], cwd=up.workspace.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_for(lambda: bool(through()), 240)
    finally:
        first.kill()
        first.communicate()
    assert set(through()) <= {"Prepared", "NothingNew"}  # no window makes a release of its own
    second = sluice(*words, cwd=up.workspace.root)
    assert second.returncode == 0, second.stderr
    assert "5 windows:" in second.stdout
    assert "2 empty" in second.stdout  # no run is started where the source has no study
    assert "done before" in second.stdout
    assert "release/dataset/v1" in second.stdout, second.stdout
    assert len(up.runs("build_dataset")) == 4  # three windows and the release
    third = sluice(*words, cwd=up.workspace.root)
    assert "5 windows: 3 done before, 2 empty" in third.stdout
    assert "NothingNew" in third.stdout
    assert len(up.runs("build_dataset")) == 5


def test_a_run_from_another_shell_uses_the_same_server(up: Up) -> None:
    before = len(up.runs("build_dataset"))
    done = sluice("run", "--modality", "MR", cwd=up.workspace.root)
    assert done.returncode == 0, done.stderr
    assert len(up.runs("build_dataset")) > before
    with Ledger.open(up.workspace) as ledger:
        assert len(releases(ledger)) >= 1
    status = sluice("status", cwd=up.workspace.root)
    assert "the sum is right" in status.stdout, status.stdout + done.stdout
    assert os.environ.get("PREFECT_API_URL") != up.environment["PREFECT_API_URL"]


def test_the_run_links_to_the_data_docs_where_they_are_served(up: Up, tmp_path: Path) -> None:
    """After the runs of the tests above."""
    found = up.api.post("/artifacts/filter", json={"artifacts": {"key": {"any_": ["data-docs"]}}}).raise_for_status()
    links = {re.search(r"\((.*)\)", artifact["data"]).group(1) for artifact in found.json()}  # type: ignore[union-attr]
    address = up.environment["SLUICE_PAGES_URL"]
    assert links == {f"{address}/docs/index.html"}
    password = json.loads((up.workspace.vault / "passwords.json").read_text(encoding="utf-8"))["pages"]
    assert httpx.get(*links).status_code == 401
    with chromium(tmp_path / "browser") as browser:
        browser.open(*links, user="sluice", password=password)
        assert browser.status[-1] == 200
        assert "The release may be published" in browser.text()
        assert "patient-is-in-one-split" in browser.text()
        assert browser.refused == []
        assert browser.run("getComputedStyle(document.querySelector('header')).borderLeftStyle") == "solid"
