"""A small disk of one's own, to be filled."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """A file system of `megabytes` at `place`; skips the test where none may be mounted."""
    place.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("no file system may be mounted here, so no disk can be filled")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path, leave: int) -> Path:
    """Fill the disk of `place` but for `leave` bytes; returns the file to delete in order to free it."""
    ballast = place / "ballast"
    status = os.statvfs(place)
    with ballast.open("wb") as handle:
        os.posix_fallocate(handle.fileno(), 0, max(1, status.f_bavail * status.f_frsize - leave))
    return ballast
