"""What the files of a folder held when they were looked at last, so that only new and changed ones are opened.

A file is the same if its size, times and inode are. The headers name patients, so they are kept in the vault, encrypted
under the workspace's key; without the file everything is looked at again, and nothing else changes.
"""

from __future__ import annotations

import json
import logging
import os
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

from tasks.core.errors import ConfigurationError
from tasks.core.files import atomic_path
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.extract.criteria import Header
from tasks.extract.scan import Instance, Limits
from tasks.extract.source import Found, Refused

logger = logging.getLogger(__name__)

Entry = Instance | Refused
Stamp = tuple[int, int, int, int]

VERSION = 1
"""Goes up when a file would be read in another way."""

_PURPOSE = "folder-memory"
_YOUNG = 2 * 10**9  # ns: a file that changed just now may change again without another time
_REASONS = {reason.value: reason for reason in Reason}
_TRANSIENT = frozenset({Reason.TRANSFER_FAILED})


def stamp_of(status: os.stat_result) -> Stamp:
    """What differs when a file was written to or replaced."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


class Memory:
    """The entries of each file by its locator. Used from one thread."""

    def __init__(self, place: Path, key: Pseudonymiser, root: Path, limits: Limits) -> None:
        self._place, self._key = place, key
        self._about = [VERSION, str(root), *astuple(limits)]
        self._known = self._read()
        self._seen: dict[str, tuple[Stamp, tuple[Entry, ...]]] = {}
        self._learnt = False
        self._young = time.time_ns() - _YOUNG

    @classmethod
    def of(cls, workspace: Workspace, root: Path, limits: Limits) -> Memory:
        """What this workspace remembers of the folder `root`."""
        return cls(workspace.vault / "folder-headers", workspace.pseudonymiser, root, limits)

    def recall(self, locator: str, stamp: Stamp) -> tuple[Entry, ...] | None:
        """The entries of the file at `locator` if it hasn't changed, else None."""
        known = self._known.get(locator)
        if known is None or known[0] != stamp:
            return None
        self._seen[locator] = known
        return known[1]

    def learn(self, locator: str, stamp: Stamp, entries: Iterable[Entry]) -> None:
        """Remember what the file held, unless it changed just now or could not be read."""
        found = tuple(entries)
        young = max(stamp[1], stamp[2]) > self._young
        if not young and not any(isinstance(entry, Refused) and entry.reason in _TRANSIENT for entry in found):
            self._seen[locator] = stamp, found
            self._learnt = True

    def keep(self) -> None:
        """Write down what was seen since this was made, and forget the rest. A full disk costs only time."""
        if not self._learnt and len(self._seen) == len(self._known):
            return
        try:
            with atomic_path(self._place) as draft:
                descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                with os.fdopen(descriptor, "wb") as handle:
                    handle.write(self._key.seal(_PURPOSE, zlib.compress(self._written(), 1)))
        except (OSError, ConfigurationError):
            logger.warning("the folder's headers could not be kept in the vault: the next look takes as long again")
        else:
            self._learnt = False
            self._known = dict(self._seen)

    def _written(self) -> bytes:
        headers: dict[Header, int] = {}
        files = []
        for locator, (stamp, entries) in self._seen.items():
            rows: list[list[Any]] = []
            for entry in entries:
                header = None if entry.header is None else headers.setdefault(entry.header, len(headers))
                if isinstance(entry, Instance):
                    rows.append([header, entry.found.locator, entry.found.size, entry.found.sop_uid])
                else:
                    rows.append([header, entry.locator, entry.reason.value])
            files.append([locator, stamp, rows])
        return json.dumps([self._about, [astuple(header) for header in headers], files]).encode("ascii")

    def _read(self) -> dict[str, tuple[Stamp, tuple[Entry, ...]]]:
        try:
            sealed = self._place.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError:
            sealed = b""
        plain = self._key.unseal(_PURPOSE, sealed)
        if plain is None:
            logger.warning("what is remembered of the folder cannot be read: everything in it is looked at again")
            return {}
        about, headers, files = json.loads(zlib.decompress(plain))
        if about != self._about:
            return {}
        known = [Header(*header) for header in headers]
        return {locator: ((*stamp,), tuple(_entries(rows, known))) for locator, stamp, rows in files}


def _entries(rows: list[list[Any]], headers: list[Header]) -> Iterator[Entry]:
    for header, locator, *rest in rows:
        if len(rest) == 2:
            yield Instance(Found(locator, *rest), headers[header])
        else:
            yield Refused(locator, _REASONS[rest[0]], None if header is None else headers[header])
