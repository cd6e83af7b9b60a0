"""A NATS server of the tests' own, with JetStream, on a free loopback port."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.services.ports import free_port
from flows.services.process import Process

USER, PASSWORD = "sluice", "hunter2"


def find_nats() -> str | None:
    """The server's program."""
    return shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")


@contextmanager
def run_nats(program: str, folder: Path | None = None, port: int | None = None) -> Iterator[str]:
    """Yield the address of a server that asks for USER and PASSWORD; what it keeps lies in `folder`."""
    with tempfile.TemporaryDirectory(prefix="sluice-nats-", ignore_cleanup_errors=True) as own:
        port = port or free_port()
        options = ["-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder or own)]
        process = Process.start("nats", [program, *options, "--user", USER, "--pass", PASSWORD], Path(own))
        try:
            process.wait_until(lambda: _answers(port), 15)
            yield f"nats://127.0.0.1:{port}"
        finally:
            process.stop()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(4) == b"INFO"
    except OSError:
        return False
