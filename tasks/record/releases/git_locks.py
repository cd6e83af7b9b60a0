"""Locks that a killed git left in a repository: git itself never deletes them, and every later command fails.

Only where no living process of this machine can own one: git at work there, or whoever has the lock file open. Where
/proc doesn't tell (another system, another user's process), nothing is deleted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

_PROCESSES = Path("/proc")
_YOUNG = 1.0
"""Seconds: a process that has just made its lock may not be seen yet."""


def clear_dead_locks(git_dir: Path, root: Path) -> int:
    """Delete the locks in `git_dir`, of the working tree `root`, that nobody can own any more; returns how many."""
    locks = [lock for lock in _locks(git_dir) if _age(lock) > _YOUNG]
    if not locks or not _PROCESSES.is_dir() or _git_is_at_work(git_dir, root):
        return 0
    held = _open_files()
    cleared = [lock for lock in locks if str(lock.resolve()) not in held]
    for lock in cleared:
        lock.unlink(missing_ok=True)
    if cleared:
        logger.warning("%d locks of a git that was killed are deleted in the workspace's repository", len(cleared))
    return len(cleared)


def _locks(git_dir: Path) -> Iterator[Path]:
    yield from git_dir.glob("*.lock")
    yield from (git_dir / "refs").rglob("*.lock")


def _age(lock: Path) -> float:
    try:
        return time.time() - lock.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _git_is_at_work(git_dir: Path, root: Path) -> bool:
    places = (root.resolve(), git_dir.resolve())
    for process in _PROCESSES.glob("[0-9]*"):
        try:
            if not (process / "comm").read_text().startswith("git"):
                continue
            if any((process / "cwd").readlink().is_relative_to(place) for place in places):
                return True
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        except PermissionError:
            return True
    return False


def _open_files() -> set[str]:
    found = set()
    for link in _PROCESSES.glob("[0-9]*/fd/*"):
        try:
            found.add(str(link.readlink()))
        except OSError:
            continue
    return found
