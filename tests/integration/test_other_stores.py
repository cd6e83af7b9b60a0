"""The flow with what a site brings: a PostgreSQL register, and Orthanc's password in a Prefect Secret block."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from prefect.blocks.system import Secret

from flows.secrets import BLOCK, VARIABLE, orthanc_from_secret
from tasks.core.cohort import read_cohort
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.register import latest_release, patients_of_release
from tests.support.runs import build

pytestmark = pytest.mark.services


@pytest.mark.postgres
def test_the_whole_flow_keeps_its_books_in_postgresql(
    fresh: Workspace, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_REGISTER_URL", postgres)
    state = build(fresh)
    assert state.is_completed(), state.message
    workspace = Workspace(fresh.root)
    with Ledger.open(workspace) as ledger:
        tally = ledger.tally(read_cohort(workspace))
        release = latest_release(ledger, "heart")
        assert release is not None
        assert len(patients_of_release(ledger, release.tag)) == 8
    assert tally.balances
    assert tally.released > 0
    assert not workspace.register.exists()
    assert build(fresh).name == "NothingNew"


def test_the_password_of_orthanc_may_come_from_a_secret_block(prefect: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    orthanc_from_secret()
    assert VARIABLE not in os.environ
    Secret(value="from-the-block").save(BLOCK)
    monkeypatch.setenv(VARIABLE, "from-the-environment")
    orthanc_from_secret()
    assert os.environ[VARIABLE] == "from-the-environment"
    monkeypatch.delenv(VARIABLE)
    orthanc_from_secret()
    assert os.environ[VARIABLE] == "from-the-block"
    monkeypatch.delenv(VARIABLE)


def test_no_password_is_written_into_the_workspace(released: Workspace) -> None:
    kept = [path for path in released.root.rglob("*") if path.is_file() and not path.is_relative_to(released.vault)]
    key = released.key_file.read_bytes().strip()
    assert len(kept) > 50
    assert [path for path in kept if key in Path(path).read_bytes()] == []
