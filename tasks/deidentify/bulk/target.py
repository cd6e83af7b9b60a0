"""The folder that a run writes to: whether it may, what it says of itself, and what earlier runs left in it.

`sluice.json` names the key (by its id), the profile, the engine and the layout, and nothing that identifies. Work in
progress lies in `.sluice/`, which goes when a run is finished.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.core.errors import ConfigurationError
from tasks.core.files import told_plainly, write_json
from tasks.deidentify.bulk.place import LEVELS, MEDIA, UIDS
from tasks.deidentify.bulk.walk import Origin

STATEMENT = "sluice.json"
WORK = ".sluice"
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # some network drives know no locks


@dataclass(frozen=True)
class Target:
    """A folder that this run may write to. `earlier`: a run with the same key and profile was here before."""

    root: Path
    layout: str
    earlier: bool

    @property
    def work(self) -> Path:
        """Drafts and the journal of a run that isn't finished."""
        return self.root / WORK

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder: one run at a time. The lock goes with the process, however it ends."""
        with told_plainly(self.root):
            self.work.mkdir(exist_ok=True, mode=0o700)
            handle = (self.work / "lock").open("w")
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError(f"another run is writing to {self.root}: wait for it") from None
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
            for draft in self.work.glob("*.draft"):
                draft.unlink()
            yield

    def finish(self) -> None:
        """Take away what only an unfinished run needs."""
        shutil.rmtree(self.work)

    def outputs(self) -> Iterator[str]:
        """The paths of de-identified files below the root, in order; a file that lies elsewhere is none of ours."""
        return (path for path in files_in(self.root) if path.count("/") == LEVELS)


def files_in(root: Path) -> Iterator[str]:
    """The paths of all files below a target, in order, except what tells of the run itself."""
    for entry in Origin(root).walk():
        if entry.reason is None and entry.locator != STATEMENT and not entry.locator.startswith(f"{WORK}/"):
            yield entry.locator


def open_target(place: Path, origin: Origin, facts: Mapping[str, Any], *, media: bool | None) -> Target:
    """Check or make the folder, and write down by whom it is filled.

    `facts` are compared with those of an earlier run, `media` None is the layout as it was before, else `uids`. Raises
    `ConfigurationError` where the folder overlaps the source, holds something else, or differs in anything.
    """
    root = place.resolve()
    source = origin.root / origin.single
    if root.is_relative_to(source) or source.is_relative_to(root):
        raise ConfigurationError(f"{place} and the source must not lie in each other: name another folder to write to")
    if root.exists() and not root.is_dir():
        raise ConfigurationError(f"cannot write {place}: a file lies where a folder must be; move it away")
    former = read_statement(root)
    if former is None and root.is_dir() and any(path.name != WORK for path in root.iterdir()):
        raise ConfigurationError(
            f"{place} is not empty and no earlier run of `sluice deidentify` filled it: name a new or empty folder"
        )
    layout = (former or {}).get("layout", UIDS) if media is None else (MEDIA if media else UIDS)
    stated = {**facts, "layout": layout}
    if former is not None and former != stated:
        raise ConfigurationError(f"{place} was made {_difference(former, stated)}: name a new or empty folder")
    with told_plainly(root):
        root.mkdir(parents=True, exist_ok=True)
        if not os.access(root, os.W_OK | os.X_OK):
            raise ConfigurationError(f"cannot write {place}: check its owner and permissions")
        if former is None:
            write_json(root / STATEMENT, stated)
    return Target(root, layout, former is not None)


def read_statement(root: Path) -> dict[str, Any] | None:
    """What a folder says of the run that filled it; None where it says nothing."""
    try:
        stated = json.loads((root / STATEMENT).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        raise ConfigurationError(f"{root / STATEMENT} cannot be read: name a new or empty folder") from None
    return stated if isinstance(stated, dict) else {}


def _difference(former: Mapping[str, Any], stated: Mapping[str, Any]) -> str:
    """In what an earlier run differs from this one, in words."""
    if former.get("key") != stated["key"]:
        return f"with another key ({former.get('key')}, this one is {stated['key']})"
    if former.get("layout") != stated["layout"]:
        return f"in the other layout, {'with' if former.get('layout') == MEDIA else 'without'} --dicomdir"
    if former.get("profile") != stated["profile"]:
        return "by another profile, or by other rule tables"
    return "by another version of Sluice"
