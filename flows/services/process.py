"""Start a server of ours as a child that ends with us, wait until it answers, and stop it with all its children."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.core.errors import ConfigurationError


@dataclass
class Process:
    """A running server. `log` holds what it printed."""

    name: str
    child: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        umask: int = 0o077,
    ) -> Process:
        """Start `command` in its own process group. Call from the main thread: the kernel ties the child to it.

        What it writes is for this account alone, as an Orthanc's storage and the databases of Prefect and MLflow should
        be; `umask=-1` leaves that as it is here.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = folder / f"{name}.log"
        temporary = folder / "tmp"  # Prefect's worker shares a fixed place under /tmp with every user of the machine
        temporary.mkdir(exist_ok=True, mode=0o700)
        tie = [shutil.which("setpriv") or "", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
        with log.open("wb") as output:
            child = subprocess.Popen(
                [*tie, *command],
                cwd=folder,
                env={**os.environ, "TMPDIR": str(temporary), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=umask,
            )
        log.chmod(0o600)
        return cls(name, child, log)

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return once `ready()`; raise a one-line `ConfigurationError` if the child ends or is too slow."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.child.poll() is not None:
                raise ConfigurationError(f"{self.name} stopped while starting: read {self.log}")
            if time.monotonic() > deadline:
                self.stop()
                raise ConfigurationError(f"{self.name} did not answer within {seconds:.0f} s: read {self.log}")
            time.sleep(0.1)

    @property
    def alive(self) -> bool:
        """Whether the child still runs."""
        return self.child.poll() is None

    def stop(self, seconds: float = 10.0) -> None:
        """Ask the whole group to end, then make it."""
        for signum, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
            try:
                os.killpg(self.child.pid, signum)
            except ProcessLookupError:
                break
            try:
                self.child.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        self.child.wait()
