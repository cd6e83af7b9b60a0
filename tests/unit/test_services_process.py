"""Servers that we start: private temporary files, one line when they fail, nothing left when they are stopped."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from flows.services import state
from flows.services.ports import free_port
from flows.services.process import Process
from tasks.core.errors import ConfigurationError
from tasks.core.workspace import Workspace

CHILD = "import os, subprocess, sys, time; print(os.environ['TMPDIR'], flush=True); "
GRANDCHILD = "p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); time.sleep(60)"


def printed(process: Process, lines: int) -> list[str]:
    deadline = time.monotonic() + 10
    while len(process.log.read_text().splitlines()) < lines:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process.log.read_text().splitlines()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def test_a_server_keeps_its_temporary_files_and_its_log_to_itself(tmp_path: Path) -> None:
    process = Process.start("child", [sys.executable, "-c", CHILD], tmp_path / "server")
    place = Path(printed(process, 1)[0])
    process.stop()
    assert place == tmp_path / "server" / "tmp"
    assert place.stat().st_mode & 0o777 == 0o700
    assert process.log.stat().st_mode & 0o777 == 0o600


def test_stopping_ends_the_children_of_a_server_too(tmp_path: Path) -> None:
    process = Process.start("child", [sys.executable, "-c", CHILD + GRANDCHILD], tmp_path)
    grandchild = int(printed(process, 2)[1])
    assert process.alive
    process.stop()
    deadline = time.monotonic() + 5
    while is_alive(grandchild):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not process.alive


def test_a_server_that_ends_while_starting_is_told_in_one_line(tmp_path: Path) -> None:
    process = Process.start("child", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path)
    with pytest.raises(ConfigurationError, match=r"child stopped while starting: read .*child\.log"):
        process.wait_until(lambda: False, 10)


def test_a_server_that_is_too_slow_is_stopped(tmp_path: Path) -> None:
    process = Process.start("child", [sys.executable, "-c", "import time; time.sleep(60)"], tmp_path)
    with pytest.raises(ConfigurationError, match="did not answer"):
        process.wait_until(lambda: False, 0.2)
    assert not process.alive


def test_services_get_the_same_port_and_password_again(workspace: Workspace) -> None:
    ports, passwords = state.ports(workspace), state.passwords(workspace)
    assert state.ports(workspace) == ports
    assert state.passwords(workspace) == passwords
    assert len(set(passwords.values())) == len(state.SERVICES)
    for name in ("ports.json", "passwords.json"):
        assert (workspace.vault / name).stat().st_mode & 0o777 == 0o600


def test_a_port_that_is_taken_is_not_given(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert free_port(taken.getsockname()[1]) != taken.getsockname()[1]


def test_another_shell_finds_running_services_and_not_dead_ones(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLUICE_TEST_ADDRESS", raising=False)
    assert not state.use_running_services(workspace)
    state.publish(workspace, {"SLUICE_TEST_ADDRESS": "here"})
    assert state.use_running_services(workspace)
    assert os.environ.pop("SLUICE_TEST_ADDRESS") == "here"
    state.forget(workspace)
    assert not state.use_running_services(workspace)
