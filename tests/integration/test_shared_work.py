"""Runs that share a workspace, or die in it: the release is the same byte for byte, and nothing stays taken."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from tasks.core.cohort import read_cohort
from tasks.core.models import State
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tests.support.places import with_params
from tests.support.runs import build, command, content, sluice, tree

pytestmark = pytest.mark.services


def _until(true: Callable[[], bool], child: subprocess.Popen[str], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert child.poll() is None, "it ended too early: " + str(child.communicate())
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _leased(workspace: Workspace) -> dict[str, tuple[str, float]]:
    if not workspace.cohort_lock.exists():
        return {}
    with Ledger.open(workspace) as ledger:
        return ledger.leased(read_cohort(workspace).units)


def _free(workspace: Workspace) -> bool:
    with sqlite3.connect(workspace.register, timeout=0.2, isolation_level=None) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
    return True


@pytest.fixture
def stopped(fresh: Workspace) -> Iterator[subprocess.Popen[str]]:
    """A run that has series on lease, and stands still."""
    with_params(fresh, run={"batch_instances": 40, "batches_in_flight": 1, "lease_seconds": 4})
    child = command("run", "--workspace", str(fresh.root))
    try:
        _until(lambda: any(fresh.quarantine.glob("*/u*/*.dcm")) and bool(_leased(fresh)), child)
        child.send_signal(signal.SIGSTOP)
        while not _free(fresh):  # it must not stand still within a transaction: SQLite has one writer
            child.send_signal(signal.SIGCONT)
            time.sleep(0.05)
            child.send_signal(signal.SIGSTOP)
        yield child
    finally:
        child.kill()
        child.communicate()


def _same(workspace: Workspace, released: Workspace) -> None:
    assert content(workspace) == content(released)
    assert tree(workspace.dataset) == tree(released.dataset)
    assert workspace.cohort_lock.read_bytes() == released.cohort_lock.read_bytes()
    assert list(workspace.quarantine.iterdir()) == []
    assert _leased(workspace) == {}
    with Ledger.open(workspace) as ledger:
        assert ledger.tally(read_cohort(workspace)).balances


def test_the_series_of_a_killed_run_come_to_one_that_is_working_beside_it(
    fresh: Workspace, released: Workspace, stopped: subprocess.Popen[str]
) -> None:
    taken = _leased(fresh)
    states: list[Any] = []
    beside = threading.Thread(target=lambda: states.append(build(fresh)))
    beside.start()
    # The other one does all it can get: what the stopped one holds comes to it when the lease ends.
    deadline = time.monotonic() + 120
    while set(_leased(fresh)) & set(taken) or any(
        state is State.DISCOVERED for name, state in _states(fresh).items() if name in taken
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not (fresh.dataset / "release.json").exists()  # it lives, so nobody releases over it
    stopped.send_signal(signal.SIGKILL)
    beside.join()
    assert states[0].is_completed(), states[0].message
    assert "release/heart/v1" in states[0].message
    _same(fresh, released)


def _states(workspace: Workspace) -> dict[str, State]:
    with Ledger.open(workspace) as ledger:
        return ledger.states(read_cohort(workspace).units)


def test_a_run_that_lost_its_series_while_it_stood_still_does_no_harm(
    fresh: Workspace, released: Workspace, stopped: subprocess.Popen[str]
) -> None:
    taken = _leased(fresh)
    other = command("run", "--workspace", str(fresh.root))
    try:
        _until(lambda: {holder for holder, _ in _leased(fresh).values()} != {h for h, _ in taken.values()}, other)
        time.sleep(5)
        stopped.send_signal(signal.SIGCONT)
        ends = [child.communicate(timeout=240) for child in (stopped, other)]
    finally:
        other.kill()
        other.communicate()
    assert [stopped.returncode, other.returncode] == [0, 0], ends
    assert sorted("release/heart/v1:" in out for out, _ in ends) == [False, True], ends
    _same(fresh, released)


def test_two_runs_at_once_make_one_release(fresh: Workspace, released: Workspace) -> None:
    with_params(fresh, run={"batch_instances": 20, "batches_in_flight": 1})
    children = [command("run", "--workspace", str(fresh.root)) for _ in range(2)]
    try:
        ends = [child.communicate(timeout=280) for child in children]
    finally:
        for child in children:
            child.kill()
    assert [child.returncode for child in children] == [0, 0], ends
    assert sorted("release/heart/v1:" in out for out, _ in ends) == [False, True], ends
    _same(fresh, released)


def test_a_series_that_always_fails_is_set_aside_and_comes_back_by_retry(
    fresh: Workspace, released: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.deidentify.stage as stage

    bad, real = sorted(unit.unit for unit in read_cohort(released).units)[0], stage.deidentify_unit

    def run(self: Any, function: Any, jobs: Any) -> Iterator[tuple[int, Any]]:
        for index, job in enumerate(jobs):
            if function is real and job[2].unit == bad:
                raise RuntimeError("Doe^Jane")
            yield index, function(*job)

    with monkeypatch.context() as patched:
        patched.setattr("tasks.core.pool.WorkerPool.run", run)
        state = build(fresh)
    assert state.is_completed(), state.message
    with Ledger.open(fresh) as ledger:
        cohort = read_cohort(fresh)
        tally = ledger.tally(cohort)
        (attempt,) = ledger.attempts(cohort.units)
    unit = next(unit for unit in cohort.units if unit.unit == bad)
    assert tally.reasons[Reason.SET_ASIDE.code] == unit.expected
    assert tally.balances
    assert (attempt.unit, attempt.stage, attempt.attempts, attempt.reason) == (bad, "deidentify", 3, "unexpected-error")
    code, out, _ = sluice("status", "--workspace", str(fresh.root))
    assert code == 0
    assert "1 series in deidentify (unexpected-error), at most 3 times" in out
    assert "set-aside" in out
    assert "Doe" not in out

    assert build(fresh).name == "NothingNew"
    code, out, err = sluice("retry", "set-aside", "--workspace", str(fresh.root))
    assert (code, err) == (0, "")
    assert "1 series are open again" in out
    state = build(fresh)
    assert state.is_completed(), state.message
    with Ledger.open(fresh) as ledger:
        assert Reason.SET_ASIDE.code not in ledger.tally(read_cohort(fresh)).reasons
    assert {name for name in tree(fresh.images) if name.endswith(".png")} == {
        name for name in tree(released.images) if name.endswith(".png")
    }


def test_the_flow_run_of_a_killed_process_is_crashed_and_its_run_is_closed(
    fresh: Workspace, stopped: subprocess.Popen[str]
) -> None:
    stopped.send_signal(signal.SIGKILL)
    stopped.communicate()
    build(fresh, dry_run=True)
    with Ledger.open(fresh) as ledger, ledger.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT state, flow_run FROM run ORDER BY id").all()
    assert [state for state, _ in rows] == ["lost", "completed"]
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(rows[0][1]).state.is_crashed()  # type: ignore[union-attr]
    assert list(fresh.quarantine.iterdir()) == []
    assert not any(path.is_file() for path in Path(fresh.deidentified).rglob(".*.draft"))
