"""Which files a source has: everything under it, by name in order, links told apart and none followed.

The order is the same for the same tree, so a file's number names it for as long as the tree stays. A name may hold a
patient's, so a locator stays in memory.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tasks.core.errors import ConfigurationError
from tasks.core.reasons import Reason

DIRECTORY = "DICOMDIR"


class Entry(NamedTuple):
    """One thing that the source offers: its place in the order (from 1), its path below the root, size and mtime in ns.

    `reason` is set where it is refused without being opened.
    """

    number: int
    locator: str
    size: int
    changed: int
    reason: Reason | None = None


@dataclass(frozen=True, repr=False)
class Origin:
    """A folder, or one file of it (`single`)."""

    root: Path
    single: str = ""

    @classmethod
    def of(cls, source: Path) -> Origin:
        """The source at a path that the user gave; raises `ConfigurationError` where nothing can be read there."""
        try:
            place = source.resolve(strict=True)
        except (OSError, RuntimeError):
            raise ConfigurationError(f"there is no file or folder {source}: name what to read") from None
        if place.is_dir():
            if not os.access(place, os.R_OK | os.X_OK):
                raise ConfigurationError(f"{source} cannot be read: check its owner and permissions")
            return cls(place)
        if not place.is_file():
            raise ConfigurationError(f"{source} is neither a file nor a folder")
        return cls(place.parent, place.name)

    def walk(self) -> Iterator[Entry]:
        """Everything that is there, numbered."""
        for number, (locator, status, reason) in enumerate(self._entries(), 1):
            if status is None:
                yield Entry(number, locator, 0, 0, reason)
            else:
                yield Entry(number, locator, status.st_size, status.st_mtime_ns, reason)

    def path(self, locator: str) -> str:
        """Where an entry lies."""
        return f"{self.root}/{locator}"

    def _entries(self) -> Iterator[tuple[str, os.stat_result | None, Reason | None]]:
        """(locator, status, reason), depth first; without recursion, so a deep tree costs nothing."""
        if self.single:
            yield self.single, (self.root / self.single).stat(), None
            return
        root = str(self.root)
        open_folders = [("", iter(_names(root) or ()))]
        while open_folders:
            folder, names = open_folders[-1]
            name = next(names, None)
            if name is None:
                open_folders.pop()
                continue
            locator = folder + name
            path = f"{root}/{locator}"
            try:
                status = os.lstat(path)
            except OSError:
                yield locator, None, Reason.TRANSFER_FAILED
                continue
            if stat.S_ISREG(status.st_mode):
                yield locator, status, None
            elif stat.S_ISDIR(status.st_mode):
                inside = _names(path)
                if inside is None:
                    yield locator, None, Reason.TRANSFER_FAILED
                else:
                    open_folders.append((f"{locator}/", iter(inside)))
            elif stat.S_ISLNK(status.st_mode):
                reason = _link(path, root)
                if reason is not None:
                    yield locator, None, reason
            else:
                yield locator, None, Reason.NOT_DICOM


@dataclass(frozen=True)
class Survey:
    """How many entries a source has, and whether one is named as a DICOMDIR is."""

    entries: int
    has_directory: bool


def survey(origin: Origin) -> Survey:
    """Look through the source once."""
    entries, has_directory = 0, False
    for entry in origin.walk():
        entries += 1
        has_directory |= entry.locator.rpartition("/")[2].upper() == DIRECTORY
    return Survey(entries, has_directory)


def _names(folder: str) -> list[str] | None:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208  # a Path for each of a million names costs more than reading them
    except OSError:
        return None


def _link(path: str, root: str) -> Reason | None:
    """A link that stays within leads to what is found where it is: a file is one more name of it, a folder nothing."""
    try:
        real = os.path.realpath(path, strict=True)
    except (OSError, RuntimeError):
        return Reason.LINK_OUTSIDE
    if not f"{real}/".startswith(f"{root}/"):
        return Reason.LINK_OUTSIDE
    return Reason.DUPLICATE_BYTES if os.path.isfile(real) else None  # noqa: PTH113
