"""A PostgreSQL of the tests' own, from Debian's binaries, on a free loopback port, as an unprivileged user."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.services.ports import free_port
from flows.services.process import Process

_USER = "sluice"


def find_postgres() -> Path | None:
    """The folder of the newest PostgreSQL's binaries."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    found = shutil.which("initdb")
    return next(
        (path for path in [*debian, *([Path(found).parent] if found else [])] if (path / "initdb").exists()), None
    )


@contextmanager
def run_postgres(binaries: Path) -> Iterator[str]:
    """Yield the SQLAlchemy URL of a fresh, empty database `postgres`; it ends with the block.

    It lies in a temporary folder of its own: pytest's is closed to other users, and PostgreSQL has to be one.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-postgres-", ignore_cleanup_errors=True) as folder:
        yield from _serve(binaries, Path(folder))


def _serve(binaries: Path, folder: Path) -> Iterator[str]:
    account = _unprivileged_account()
    data, secret = folder / "data", folder / "password"
    data.mkdir(mode=0o700)
    password = secrets.token_urlsafe(16)
    secret.write_text(password + "\n")
    if account:
        for place in (folder, data, secret):
            shutil.chown(place, account, pwd.getpwnam(account).pw_gid)
    prefix = _as_user(account)
    settled = [
        f"--pgdata={data}",
        f"--username={_USER}",
        f"--pwfile={secret}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
    ]
    subprocess.run(
        [*prefix, str(binaries / "initdb"), *settled, "--no-sync", "--no-locale"], check=True, capture_output=True
    )
    port = free_port()
    fast = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]
    command = [
        str(binaries / "postgres"),
        "-D",
        str(data),
        "-p",
        str(port),
        "-h",
        "127.0.0.1",
        "-k",
        str(folder),
        *fast,
    ]
    process = Process.start("postgres", [*prefix, *command], folder / "log")
    try:
        ready = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        process.wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, 30)
        yield f"postgresql+psycopg://{_USER}:{password}@127.0.0.1:{port}/postgres"
    finally:
        process.stop()


def _unprivileged_account() -> str | None:
    """Whom to run the server as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _as_user(account: str | None) -> list[str]:
    if account is None:
        return []
    entry = pwd.getpwnam(account)
    identity = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", "--reset-env"]
    return ["setpriv", *identity, "--pdeathsig", "TERM", "--"]
