"""A folder of DICOM as a source: everything in it is looked at by content, and everything is accounted for."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from tasks.core.closing import Closing
from tasks.core.errors import ConfigurationError, TransientSourceError
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.extract.archives import DAMAGED, Opener, read_chunks
from tasks.extract.criteria import Criteria, Header
from tasks.extract.duplicates import find_contested, find_repeats
from tasks.extract.remembered import Memory, stamp_of
from tasks.extract.scan import Instance, Limits, scan_file
from tasks.extract.source import DamagedAtSource, Found, Handle, Listing, MissingAtSource, Refused, Series


class FolderSource(Closing):
    """A folder, with its subfolders. Locators are relative to it, so the same folder elsewhere gives the same items."""

    def __init__(self, root: Path, limits: Limits, workspace: Workspace | None = None) -> None:
        self._root = root
        self._limits = limits
        self._workspace = workspace  # whose vault remembers what was in the files
        self._opener = Opener(root)
        self._scanned: tuple[list[Instance], list[Refused]] | None = None

    @classmethod
    def of(cls, workspace: Workspace) -> FolderSource:
        """The folder that params.yaml names."""
        settings = workspace.settings.extract
        if not settings.folder:
            raise ConfigurationError("extract.folder is not set: name the folder of DICOM in params.yaml")
        root = workspace.resolve(settings.folder)
        if not root.is_dir():
            raise ConfigurationError(f"extract.folder: there is no folder {root}")
        if not os.access(root, os.R_OK | os.X_OK):
            raise ConfigurationError(f"extract.folder: {root} cannot be read: check its owner and permissions")
        return cls(root, Limits(settings.max_item_bytes, settings.max_archive_ratio), workspace)

    def list_series(self, criteria: Criteria, *, since_change: int | None = None) -> Listing:  # noqa: ARG002
        """The series in the folder; a folder has no change feed, so all of them each time."""
        instances, refused = self._scan()
        grouped: dict[tuple[str, str, str], list[Instance]] = defaultdict(list)
        for instance in instances:
            grouped[instance.header.key].append(instance)
        series = [
            Series(wanted[0].header, tuple(instance.found for instance in wanted))
            for key in sorted(grouped)
            if (wanted := [instance for instance in grouped[key] if criteria.accept(instance.header)])
        ]
        meant = tuple(entry for entry in refused if entry.header is None or criteria.accept(entry.header))
        headers = [instance.header for instance in instances] + [entry.header for entry in refused if entry.header]
        return Listing(tuple(series), meant, total=len(grouped), contested=find_contested(headers))

    def list_studies(self, criteria: Criteria) -> Sequence[Header]:
        """One header a study, from the files that are there."""
        instances, _ = self._scan()
        studies = {
            (header.patient_id, header.study_uid, header.accession): header
            for header in (instance.header for instance in instances)
            if criteria.accept_study(header)
        }
        return [studies[key] for key in sorted(studies)]

    def fetch(self, handle: Handle) -> Iterator[bytes]:
        """The bytes of a file or of a member of a wrapper."""
        try:
            yield from read_chunks(self._opener.open(handle.locator))
        except DAMAGED:
            raise DamagedAtSource("the wrapper of an item is damaged") from None
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise MissingAtSource("an item is no longer in the folder") from None
        except OSError:
            raise TransientSourceError(
                "the source folder cannot be read: check the disk or the network drive"
            ) from None

    def alive(self) -> bool:
        """Whether the folder is still there."""
        return self._root.is_dir()

    def close(self) -> None:
        """Close the archives that are open."""
        self._opener.close()

    def _scan(self) -> tuple[list[Instance], list[Refused]]:
        """Everything in the folder, once for each source object."""
        if self._scanned is None:
            memory = Memory.of(self._workspace, self._root, self._limits) if self._workspace else None
            entries = [entry for locator in sorted(self._walk()) for entry in self._look_at(locator, memory)]
            if memory:
                memory.keep()
            instances = {entry.found.locator: entry for entry in entries if isinstance(entry, Instance)}
            refused = [entry for entry in entries if isinstance(entry, Refused)]
            repeats = find_repeats((instance.found for instance in instances.values()), self._digest)
            for locator, reason in sorted(repeats.items()):
                refused.append(Refused(locator, reason, instances.pop(locator).header))
            self._scanned = (list(instances.values()), refused)
        return self._scanned

    def _walk(self) -> Iterator[str]:
        """The locators of all files, of links, and of folders that cannot be entered."""

        def unreadable(error: OSError) -> None:
            blocked.append(os.path.relpath(error.filename, self._root))

        blocked: list[str] = []
        root = os.fspath(self._root)
        for place, folders, files in os.walk(root, onerror=unreadable):
            links = [name for name in folders if os.path.islink(os.path.join(place, name))]  # noqa: PTH114, PTH118
            inner = "" if place == root else os.path.relpath(place, root) + os.sep
            yield from (inner + name for name in [*files, *links])
        yield from blocked

    def _look_at(self, locator: str, memory: Memory | None) -> Iterator[Instance | Refused]:
        path = self._root / locator
        try:
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                if not path.resolve(strict=True).is_relative_to(self._root.resolve()):
                    yield Refused(locator, Reason.LINK_OUTSIDE)
                    return
                status = path.stat()
        except (OSError, RuntimeError):  # a link to nowhere, or to itself
            yield Refused(locator, Reason.LINK_OUTSIDE if path.is_symlink() else Reason.TRANSFER_FAILED)
            return
        if stat.S_ISDIR(status.st_mode):
            if not path.is_symlink():  # a link to a folder within: its files are found where they are
                yield Refused(locator, Reason.TRANSFER_FAILED)
        elif stat.S_ISREG(status.st_mode):
            known = memory.recall(locator, stamp_of(status)) if memory else None
            if known is None:
                known = tuple(scan_file(self._opener, locator, status.st_size, self._limits))
                if memory:
                    memory.learn(locator, stamp_of(status), known)
            yield from known
        else:
            yield Refused(locator, Reason.NOT_DICOM)

    def _digest(self, found: Found) -> str:
        digest = hashlib.sha256()
        try:
            for chunk in read_chunks(self._opener.open(found.locator)):
                digest.update(chunk)
        except (*DAMAGED, OSError):
            return f"unreadable {found.locator}"  # equal to nothing, so it is never called a duplicate
        return digest.hexdigest()
