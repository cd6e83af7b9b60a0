"""Running git and DVC as programs: never imported, never asking, never telling anything outside; errors in one line."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.core.errors import ConfigurationError
from tasks.record.releases.git_locks import clear_dead_locks
from tasks.record.releases.host_keys import DVC

_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_COMMON_DIR")
"""What a surrounding git hook sets; it would send us into another repository."""

_SETTLE = 1.5
"""Seconds for a living git to be done with its lock, or for a dead one's to be old enough."""

_QUIET = {"GIT_TERMINAL_PROMPT": "0", "DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1", "LC_ALL": "C.UTF-8"}


def git(root: Path, *arguments: str, check: bool = True) -> str | None:
    """What git prints in `root`; a failure is a `ConfigurationError` with git's own words, or None without `check`.

    Where a lock that a killed git left is in the way, it is deleted and git asked again.
    """
    command = ["git", "-c", "core.quotepath=off", *arguments]
    try:
        return _run(root, "git", command, check)
    except ConfigurationError as error:
        if ".lock': File exists" not in str(error):
            raise
        places = _run(root, "git", ["git", "rev-parse", "--absolute-git-dir", "--show-toplevel"], check=True) or ""
        git_dir, top = map(Path, places.splitlines())
        time.sleep(_SETTLE)
        if not clear_dead_locks(git_dir, top):
            raise
        return _run(root, "git", command, check)


def git_as_someone(root: Path, *arguments: str) -> None:
    """Run a git command that signs with a name: the user's where git knows it, else Sluice's own."""
    known = all(os.environ.get(f"GIT_{who}_EMAIL") for who in ("AUTHOR", "COMMITTER"))
    if known or git(root, "config", "--get", "user.email", check=False):
        git(root, *arguments)
    else:
        git(root, "-c", "user.name=Sluice", "-c", "user.email=sluice@localhost", *arguments)


def dvc(root: Path, *arguments: str, check: bool = True) -> str | None:
    """What DVC prints in `root`; one at a time for each workspace, since it does not share its locks well."""
    with _one_at_a_time(root):
        return _run(root, "dvc", [sys.executable, "-c", DVC, *arguments], check)


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    scratch = root / "data" / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    with (scratch / "dvc.turn").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run(root: Path, program: str, command: list[str], check: bool) -> str | None:
    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN} | _QUIET
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise ConfigurationError(f"{program} is not installed: install it (Debian: apt install {program})") from None
    if done.returncode == 0:
        return done.stdout
    if not check:
        return None
    if "No module named dvc" in done.stderr:
        raise ConfigurationError("dvc is not installed in this Python: run `make setup`")
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    said = next(
        (line for line in lines if line.startswith(("ERROR", "fatal", "error"))), lines[-1] if lines else "no word"
    )
    doing = next((word for word in command[1:] if word in _VERBS), "")
    raise ConfigurationError(f"{program} {doing} failed in {root}: {said.removeprefix('ERROR: ')}")


_VERBS = ("init", "add", "commit", "tag", "status", "repro", "config", "rev-parse", "checkout")
