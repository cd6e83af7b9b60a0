"""Servers of one scenario's own, that may be killed and come back with what they had, under the same address."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Protocol

from flows.services.ports import free_port
from flows.services.prefect_server import PrefectServer
from flows.services.process import Process
from tests.support.postgres import _as_user, _unprivileged_account, find_postgres
from tests.torture.ground import new_database, second_orthanc
from tests.torture.play import REGISTER, Play, children_of, session


class Service(Protocol):
    """A server that may be killed."""

    @property
    def environment(self) -> dict[str, str]:
        """What a run needs in order to use it."""

    def start(self) -> None:
        """Start it, or start it again; returns when it answers."""

    def kill(self) -> None:
        """SIGKILL to all of it."""


def service_of(name: str, play: Play) -> Service:
    """A running server of `play` alone: Orthanc with the hospital, an empty PostgreSQL, or Prefect."""
    made = {"Orthanc": _Orthanc, "PostgreSQL": _Postgres, "Prefect": _Prefect}[name](play)
    made.start()
    return made


class _Orthanc:
    def __init__(self, play: Play) -> None:
        self._play, self._port = play, free_port()

    @property
    def environment(self) -> dict[str, str]:
        return self._server.environment

    def start(self) -> None:
        self._server = second_orthanc(self._play.ground, self._play.folder / "orthanc", self._port)

    def kill(self) -> None:
        _kill(self._server.process)


class _Prefect:
    def __init__(self, play: Play) -> None:
        self._folder, self._port = play.folder / "prefect", free_port()

    @property
    def environment(self) -> dict[str, str]:
        return self._server.client_environment

    def start(self) -> None:
        self._server = PrefectServer(self._folder, "torture", self._port)
        self._server.wait()

    def kill(self) -> None:
        _kill(self._server.process)


class _Postgres:
    """Its folder is not in the scenario's: PostgreSQL is another user, who may not enter there."""

    def __init__(self, play: Play) -> None:
        binaries = find_postgres()
        assert binaries is not None
        self._binaries, self._port, self._account = binaries, free_port(), _unprivileged_account()
        self._folder = Path(tempfile.mkdtemp(prefix="sluice-torture-postgres-"))
        play.held.callback(shutil.rmtree, self._folder, ignore_errors=True)
        if self._account:
            shutil.chown(self._folder, self._account)
        made = ["--username=sluice", "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-locale"]
        program = [*_as_user(self._account), str(binaries / "initdb"), f"--pgdata={self._folder}/data", *made]
        subprocess.run(program, check=True, capture_output=True)
        self._url = ""

    @property
    def environment(self) -> dict[str, str]:
        return {REGISTER: self._url}

    def start(self) -> None:
        settings = ["-p", str(self._port), "-h", "127.0.0.1", "-k", str(self._folder), "-c", "fsync=off"]
        command = [str(self._binaries / "postgres"), "-D", f"{self._folder}/data", *settings]
        self._process = Process.start("postgres", [*_as_user(self._account), *command], self._folder / "log")
        ready = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        self._process.wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, 30)
        if not self._url:
            self._url = new_database(f"postgresql+psycopg://sluice@127.0.0.1:{self._port}/postgres", "torture")

    def kill(self) -> None:
        _kill(self._process)


def _kill(process: Process) -> None:
    # PostgreSQL puts each of its processes into a session of its own.
    for pid in {
        *session(process.child.pid),
        *children_of(process.child.pid),
    }:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        process.child.wait(10)
