"""One scenario at work: a workspace of its own, the runs that it starts and kills, and how they ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tasks.core.workspace import VARIABLE, Workspace
from tests.support.places import ROOT
from tests.torture.boundaries import Point
from tests.torture.ground import Ground, fresh, until

REGISTER = "SLUICE_REGISTER_URL"
PATIENCE = 240.0
LINGER = 20.0
TRIES = 4
_QUIET = {"PREFECT_LOGGING_LEVEL": "CRITICAL", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


class Unfinished(Exception):
    """The scenario did not come to an end."""


class Runs:
    """All runs that were started and may still live, so that the end of the harness ends them."""

    def __init__(self) -> None:
        self._lock, self._children = threading.Lock(), list[subprocess.Popen[bytes]]()
        self.over = False

    def add(self, child: subprocess.Popen[bytes]) -> None:
        """Remember `child`."""
        with self._lock:
            self._children.append(child)
        if self.over:
            self.end()

    def end(self) -> None:
        """Kill every run with all that it started."""
        self.over = True
        with self._lock:
            for child in self._children:
                for pid in session(child.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)


RUNS = Runs()


@dataclass
class Run:
    """A `sluice run` in a session of its own."""

    child: subprocess.Popen[bytes]
    log: Path
    killed_at: float | None = None

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit code; one that hangs is killed, and `Unfinished` says so."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill(group=True)
            raise Unfinished(f"a run hung for {seconds:.0f} s: {self.words()}") from None

    def kill(self, *, group: bool) -> None:
        """SIGKILL to the run alone, or to all that it started too."""
        for pid in session(self.child.pid) if group else [self.child.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.child.wait()
        self.killed_at = time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.child.poll() is not None

    def words(self) -> str:
        """The last line that it printed."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "no word"


@dataclass
class Play:
    """What a scenario may do. `disturbed` and `restarts` are counted for the table."""

    ground: Ground
    name: str
    folder: Path
    workspace: Workspace
    environment: dict[str, str]
    disturbed: int = 0
    restarts: int = 0
    remarks: list[str] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    held: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def prepare(cls, ground: Ground, name: str, *, postgres: bool = True) -> Play:
        """A fresh workspace, with a register in the shared PostgreSQL or in SQLite."""
        folder = ground.folder / "plays" / f"{ground.number():03d}-{name.replace(' ', '-').replace('/', '-')}"
        folder.mkdir(parents=True)
        workspace = fresh(ground, folder / "workspace")
        environment = {**ground.environment, VARIABLE: str(workspace.root)}
        if postgres:
            environment[REGISTER] = ground.new_database(f"torture_{ground.number()}")
        return cls(ground, name, folder, workspace, environment)

    @property
    def register(self) -> str | None:
        """The URL of the register, or None for SQLite in the workspace."""
        return self.environment.get(REGISTER)

    def start(self, at: Point | None = None, more: Mapping[str, str] | None = None) -> Run:
        """Start a run, that kills itself `at` a point where one is given."""
        if RUNS.over:
            raise Unfinished("the harness ends")
        log = self.folder / f"run-{len(self.runs) + 1}.log"
        marks = {"TORTURE_MARKS": str(self.folder / f"marks-{len(self.runs) + 1}")}
        armed = {**marks, "TORTURE_POINT": at.to_json()} if at else {}
        tie = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []  # it ends with the harness
        with log.open("wb") as output:
            child = subprocess.Popen(
                [*tie, sys.executable, "-m", "tests.torture.victim", "run", "--workspace", str(self.workspace.root)],
                cwd=ROOT,
                env={**os.environ, **_QUIET, **self.environment, **armed, **(more or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        RUNS.add(child)
        run = Run(child, log)
        self.runs.append(run)
        return run

    def kill_at(self, point: Point) -> None:
        """Start a run that is killed at `point`; it must get there."""
        run = self.start(point)
        code = run.wait()
        run.killed_at = time.monotonic()
        if code != -signal.SIGKILL:
            raise Unfinished(f"the run never came to {point.name}, and ended with {code}: {run.words()}")
        self.disturbed += 1

    def finish(self, tries: int = TRIES) -> None:
        """Run again until it ends well, at most `tries` times; then nothing of the killed ones may live."""
        for _ in range(tries):
            self.restarts += 1
            run = self.start()
            code = run.wait()
            if code == 0:
                break
            self.remark(run, code)
        else:
            raise Unfinished(f"{tries} restarts did not bring it to an end: {run.words()}")
        self.check_nobody_lingers()

    def check_nobody_lingers(self) -> None:
        """Whoever was killed has no children left."""
        for run in self.runs:
            if run.ended:
                deadline = max(0.5, (run.killed_at or 0.0) + LINGER - time.monotonic())
                with contextlib.suppress(TimeoutError):
                    until(lambda run=run: not session(run.child.pid), deadline, "the end of all processes")  # type: ignore[misc]
                if left := session(run.child.pid):
                    raise Unfinished(f"{len(left)} processes of a run that ended go on: {_command(left[0])}")

    def remark(self, run: Run, code: int) -> None:
        """Note with which words a run ended, for the table."""
        number = self.runs.index(run) + 1
        words = run.words().replace(str(self.workspace.root), "…").removeprefix("sluice: ")
        self.remarks.append(f"run {number} ended with {code}: {words}")

    def until(self, run: Run, true: Callable[[], bool], what: str) -> bool:
        """Wait for `true` while `run` goes on; False where the run ended before."""
        until(lambda: true() or run.ended, PATIENCE, what)
        return not run.ended

    def at_work(self) -> bool:
        """Whether a run has identified bytes in quarantine."""
        return any(self.workspace.quarantine.glob("*/u*/*.dcm"))

    def clear(self) -> None:
        """Delete the workspace."""
        shutil.rmtree(self.folder, ignore_errors=True)


def session(leader: int) -> list[int]:
    """The living processes of the session that `leader` began."""
    return [pid for pid, _, leads in _processes() if leads == leader]


def children_of(parent: int) -> list[int]:
    """The living processes that `parent` started itself."""
    return [pid for pid, started_by, _ in _processes() if started_by == parent]


def _processes() -> Iterator[tuple[int, int, int]]:
    """Number, parent and session of every living process."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            words = (place / "stat").read_text().rpartition(")")[2].split()
            if words[0] != "Z":
                yield int(place.name), int(words[1]), int(words[3])


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")[:120]
    return "one that has just ended"
