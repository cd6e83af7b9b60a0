"""What keeps identified bytes to this account: no core dumps, and private places that nobody else can open.

Called before anything private is opened (`Workspace.prepare`, the key, the services' passwords) and in each process of
the pool. What somebody should look at is refused with the command for it; what only we write is put right and told.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tasks.core.errors import ConfigurationError

logger = logging.getLogger(__name__)

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def harden() -> None:
    """Leave no core dump of this process and of what it starts, and let no other process of this account look into it.

    The limit goes to children; the kernel ignores it where dumps are piped to a program, so the flag is set too, which
    a child's exec clears: each of our processes sets it anew.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def may_dump() -> bool:
    """Whether a crash of this process could leave its memory on disk."""
    limited = resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
    flag = ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) if sys.platform == "linux" else 0
    return not limited or flag != 0


def check_vault(vault: Path) -> None:
    """Refuse a vault that others may open: the key in it may be known already, so somebody has to look."""
    if any(_mode(place) & _OTHERS for place in _below(vault)):
        raise ConfigurationError(
            f"{vault} can be opened by others: run `chmod -R go-rwx {vault}`, and if it could be read for long, "
            "take the key in it for known"
        )
    if vault.exists() and os.geteuid() not in (0, owner := vault.stat().st_uid) and owner != 0:
        raise ConfigurationError(f"{vault} belongs to another account: run as that one, or `chown -R` it to this one")


def close_quarantine(quarantine: Path) -> None:
    """Close quarantine to others again, where somebody opened it."""
    _close(quarantine, _below(quarantine), _OTHERS, "could be read by others")


def close_register(folder: Path) -> None:
    """Let nobody else write what the ledger says; who may read it is for the administrator to say."""
    places = [folder, *(place for place in folder.glob("*") if place.is_file())] if folder.is_dir() else []
    _close(folder, places, _OTHERS_WRITE, "could be written by others")


def _close(root: Path, places: Iterable[Path], forbidden: int, what: str) -> None:
    open_ones = [place for place in places if _mode(place) & forbidden]
    for place in open_ones:
        try:
            place.chmod(_mode(place) & ~forbidden)
        except FileNotFoundError:  # another run is done with it
            continue
        except PermissionError:
            letters = "rwx" if forbidden == _OTHERS else "w"
            raise ConfigurationError(
                f"{root} {what} and belongs to another account: let that one run `chmod -R go-{letters} {root}`"
            ) from None
    if open_ones:
        logger.warning("%s %s (%d files and folders): put right", root, what, len(open_ones))


def _below(root: Path) -> Iterator[Path]:
    """`root` and everything in it, without following links out of it."""
    if not root.is_dir():
        return
    yield root
    for folder, folders, files in os.walk(root):
        yield from (Path(folder) / name for name in (*folders, *files))


def _mode(place: Path) -> int:
    """Its permissions; none where it is a link (whose own mean nothing) or went away."""
    try:
        found = place.lstat()
    except FileNotFoundError:
        return 0
    if stat.S_ISLNK(found.st_mode):
        return 0
    return stat.S_IMODE(found.st_mode)
