"""Whole runs behind a pull: what the PACS could not send is held back and told, and comes when it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.services.orthanc import connect, upload, wait_until_stable
from flows.standing import Standing, standing_of
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tests.support.hospitals import copy_plain_series
from tests.support.orthanc import name_in_environment
from tests.support.pacs import NAME, lose_a_file, two_orthancs
from tests.support.places import with_params
from tests.support.runs import build, complete_workspace, sluice


@pytest.mark.services
@pytest.mark.orthanc
def test_a_series_that_the_pacs_sent_in_part_is_held_until_it_is_whole(
    prefect: None, small_hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = with_params(complete_workspace(tmp_path / "running"), pull={"backoff_seconds": 0.1})
    copy_plain_series(small_hospital, tmp_path / "some")
    with two_orthancs(tmp_path / "pair", MaximumStorageCacheSize=0) as pair:
        name_in_environment(pair.ours, monkeypatch)
        upload(pair.theirs, tmp_path / "some")
        _, place, away = lose_a_file(tmp_path / "pair" / "theirs" / "storage", tmp_path / "lost")
        assert _pull(running) == 5
        assert wait_until_stable(pair.ours)
        state = build(running)
        assert state.is_completed(), state.message
        before = _standing(running)
        assert before.tally.balances
        assert before.source.short_of_pacs == (1, 1)
        [short] = [row for row in before.stuck if row.what == "short of the PACS"]
        assert short.command == "sluice pull"
        assert "held back" in short.why

        away.rename(place)
        assert _pull(running) == 0
        assert wait_until_stable(pair.ours)
        state = build(running, since_last_run=True)
        assert state.is_completed(), state.message
        after = _standing(running)
        assert after.tally.balances
        assert after.source.short_of_pacs == (0, 0)
        with connect(pair.theirs) as client:
            there = client.get("/statistics").json()["CountInstances"]
        assert after.funnel.expected == after.funnel.released == there > before.funnel.released > 0


def _pull(workspace: Workspace) -> int:
    code, _, _ = sluice("pull", "--from", NAME, "--start", "2000-01-01", "-w", str(workspace.root))
    return code


def _standing(workspace: Workspace) -> Standing:
    with Ledger.open(workspace) as ledger:
        return standing_of(workspace, ledger)
