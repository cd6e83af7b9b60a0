"""A real Orthanc looked at again: late, deleted, replaced and contested images, a crash, another database."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows import change_feed
from flows.services.orthanc import OrthancService, connect, start_orthanc, upload, wait_until_stable
from flows.standing import Standing, standing_of
from tasks.core.cohort import read_cohort
from tasks.core.workspace import Workspace
from tasks.extract.freeze import freeze
from tasks.extract.select import Selection, select
from tasks.record.ledger import Ledger
from tasks.record.sightings import Seen, forget_changed, read_sightings
from tests.support.dicom import make_dicom
from tests.support.hospitals import copy_plain_series
from tests.support.orthanc import name_in_environment, running_orthanc, send
from tests.support.places import with_params
from tests.support.runs import build, complete_workspace, sluice

pytestmark = pytest.mark.orthanc


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OrthancService]:
    with running_orthanc(tmp_path / "orthanc") as service:
        name_in_environment(service, monkeypatch)
        yield service


@pytest.fixture
def ledger(workspace: Workspace) -> Iterator[Ledger]:
    with Ledger.open(workspace) as opened:
        yield opened


def instance(series: int, number: int, **attributes: str) -> bytes:
    uids = {"StudyInstanceUID": f"1.2.{series}", "SeriesInstanceUID": f"1.2.{series}.1", "PatientID": f"P{series}"}
    return make_dicom(f"1.2.{series}.1.{number}", **(uids | attributes))


def look(workspace: Workspace, ledger: Ledger, *, feed: bool = False) -> Selection:
    """A run's look, all of which is done and remembered."""
    selection = select(workspace, since_change=change_feed.read_from(workspace, ledger) if feed else None)
    ledger.register(freeze(workspace, selection, ledger))
    change_feed.remember(workspace, ledger, selection)
    return selection


def reasons(workspace: Workspace) -> list[str]:
    return sorted(item.reason.code for item in read_cohort(workspace).refused if item.reason)


def test_one_study_under_two_patients_is_two_in_orthanc_and_is_taken_for_neither(
    server: OrthancService, workspace: Workspace, ledger: Ledger
) -> None:
    send(server, instance(1, 1), instance(2, 1))
    assert wait_until_stable(server)
    look(workspace, ledger)
    send(server, instance(1, 2, PatientID="P9", SeriesInstanceUID="1.2.1.2"))
    assert wait_until_stable(server)
    assert look(workspace, ledger, feed=True).narrowed
    assert reasons(workspace) == ["patient-collision"] * 2, "the one that was there first is no more right"
    assert read_cohort(workspace).expected == 3


def test_an_overwritten_instance_is_refused_and_an_ignored_one_changes_nothing(
    tmp_path: Path, workspace: Workspace, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = instance(1, 1, StudyDescription="an altogether different description")
    with start_orthanc(tmp_path / "ignoring") as ignoring:
        name_in_environment(ignoring, monkeypatch)
        send(ignoring, instance(1, 1), instance(1, 2), other)
        assert wait_until_stable(ignoring)
        look(workspace, ledger)
        before = read_cohort(workspace)
    with start_orthanc(tmp_path / "ignoring", more={"OverwriteInstances": True}) as overwriting:
        name_in_environment(overwriting, monkeypatch)
        assert look(workspace, ledger).cohort.units == before.units
        send(overwriting, other)
        assert wait_until_stable(overwriting)
        look(workspace, ledger, feed=True)
        assert reasons(workspace) == ["uid-collision"]
        assert [unit.expected for unit in read_cohort(workspace).units] == [1]
        assert forget_changed(ledger.database) == 1
        look(workspace, ledger)
        assert reasons(workspace) == []


def test_series_of_a_killed_orthanc_come_by_the_feed_or_by_the_full_look_and_arriving_ones_are_told(
    server: OrthancService, tmp_path: Path, workspace: Workspace, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(server, instance(1, 1))
    assert wait_until_stable(server)
    look(workspace, ledger)
    send(server, *(instance(series, number) for series in (2, 3, 4) for number in (1, 2)))
    during = look(workspace, ledger, feed=True)
    assert during.unstable == 3
    arriving = read_sightings(ledger.database, (Seen.ARRIVING,))
    assert set(arriving) == during.unstable_units
    assert read_cohort(workspace).expected == 1
    os.killpg(server.process.child.pid, signal.SIGKILL)
    time.sleep(0.2)
    server.stop()
    with start_orthanc(tmp_path / "orthanc", port=int(server.url.rsplit(":", 1)[1])) as restarted:
        name_in_environment(restarted, monkeypatch)
        assert wait_until_stable(restarted)
        with connect(restarted) as client:
            stable = [
                row for row in client.get("/changes?limit=1000").json()["Changes"] if "Stable" in row["ChangeType"]
            ]
        by_feed = look(workspace, ledger, feed=True)
        assert by_feed.narrowed
        assert by_feed.unstable == 0
        assert read_cohort(workspace).expected == 7, f"{len(stable)} changes say that something is stable"
        assert read_sightings(ledger.database, (Seen.ARRIVING,)) == {}
        ledger.set_cursor(change_feed.CHANGES, 10**6)
        send(restarted, instance(5, 1))
        assert wait_until_stable(restarted)
        assert not look(workspace, ledger, feed=True).narrowed, "the cursor is of another database"
        assert read_cohort(workspace).expected == 8
        cursor = ledger.cursor(change_feed.CHANGES)
        assert cursor is not None
        assert cursor < 10**6


def test_a_feed_that_misses_a_series_is_made_up_for_by_the_full_look(
    server: OrthancService, workspace: Workspace, ledger: Ledger
) -> None:
    send(server, instance(1, 1), instance(2, 1))
    assert wait_until_stable(server)
    look(workspace, ledger)
    send(server, instance(3, 1))
    assert wait_until_stable(server)
    with connect(server) as client:
        ledger.set_cursor(change_feed.CHANGES, client.get("/changes?last").json()["Last"])  # as if it never was told
        client.delete(f"/series/{client.get('/series').json()[0]}").raise_for_status()
    look(workspace, ledger, feed=True)
    seen = read_cohort(workspace).expected
    assert seen in (1, 2), "the feed does not name the third series"
    look(with_params(workspace, extract={"full_every_hours": 0}), ledger, feed=True)
    assert sum(unit.expected for unit in read_cohort(workspace).units) == 2
    assert "deleted-at-source" in reasons(workspace) or seen == 1


@pytest.fixture
def running(prefect: None, server: OrthancService, tmp_path: Path) -> Workspace:
    """A workspace with stages over the Orthanc."""
    return complete_workspace(tmp_path / "running")


@pytest.mark.services
def test_whole_runs_over_a_source_that_grows_and_shrinks_keep_the_books(
    running: Workspace, server: OrthancService, small_hospital: Path, tmp_path: Path
) -> None:
    late, first = _all_but_one(small_hospital, tmp_path / "first")
    upload(server, first)
    assert wait_until_stable(server)
    assert build(running).is_completed()
    before = _standing(running)
    assert before.tally.balances
    assert before.source.late == (0, 0)

    send(server, late.read_bytes())
    with connect(server) as client:
        gone = _largest_mr(client.get("/series?expand").json())
        client.delete(f"/series/{gone['ID']}").raise_for_status()
    assert wait_until_stable(server)
    state = build(running, since_last_run=True)
    assert state.is_completed(), state.message
    assert "release/heart/v2" in (state.message or "")
    after = _standing(running)
    assert after.tally.balances
    assert after.funnel.expected == before.funnel.expected + 1
    assert after.funnel.released == before.funnel.released + 1
    assert after.source.late == (1, 1)
    assert after.source.deleted_kept == (1, len(gone["Instances"]))
    assert [row.what for row in after.stuck if row.what == "deleted"] == ["deleted"]
    code, out, err = sluice("status", "--json", "--workspace", str(running.root))
    assert (code, err) == (0, "")
    assert json.loads(out) == after.model_dump(mode="json")


def _standing(workspace: Workspace) -> Standing:
    with Ledger.open(workspace) as ledger:
        return standing_of(workspace, ledger)


def _all_but_one(hospital: Path, target: Path) -> tuple[Path, Path]:
    """Some plain series of the hospital without one instance of a CT, and that one."""
    copy_plain_series(hospital, target)
    late = sorted((target / "0").iterdir())[1]
    return late.rename(target.parent / "late.dcm"), target


def _largest_mr(series: list[dict[str, Any]]) -> dict[str, Any]:
    mr = [one for one in series if one["MainDicomTags"].get("Modality") == "MR"]
    return max(mr, key=lambda one: (len(one["Instances"]), one["ID"]))
