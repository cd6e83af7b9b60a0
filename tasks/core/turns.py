"""Whose turn it is: file locks that several may share or one holds alone. They go with their process, however it ends.

What a lock stands for in a workspace is in `workspace`; who works on which series is in the ledger's leases.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSE = 0.05


@contextmanager
def turn(place: Path, *, shared: bool = False, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock file `place`, alone or shared; `BlockingIOError` if it isn't free within `patience` seconds."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("a+") as handle:  # NFS wants a file that is open for both
        give_up = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    raise
                time.sleep(_PAUSE)
        yield


def is_held(place: Path) -> bool:
    """Whether a living process holds the lock file `place`."""
    if not place.exists():
        return False
    try:
        with turn(place):
            return False
    except BlockingIOError:
        return True
