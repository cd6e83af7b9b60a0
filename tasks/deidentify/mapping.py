"""The crosswalk from old to new identifiers, where the user asks for it: `uid.csv`, `patient.csv` and `files.csv`.

Everything here identifies: files are 0600 in a folder that is 0700, never below the target. Worker processes record
what they are asked for (`Recorder`), the parent puts it together (`Mapping`) and writes it sorted.
"""

from __future__ import annotations

import csv
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from tasks.core.closing import Closing
from tasks.core.errors import ConfigurationError
from tasks.core.files import atomic_path, told_plainly
from tasks.core.formulas import neutral, original
from tasks.core.pseudonyms import Pseudonymiser
from tasks.deidentify.bulk.journal import disk_errors

Pairs = tuple[tuple[str, str], ...]
HEADER = ("id_old", "id_new")  # as the scorer of the MIDI-B challenge reads it
_KINDS = ("uid", "patient")
_DRAFT = ".mapping.draft"


class Recorder(Pseudonymiser):
    """A pseudonymiser that remembers what it was asked until it is taken."""

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        self._uids: dict[str, str] = {}
        self._patients: dict[str, str] = {}

    def uid(self, uid: str) -> str:
        """The new UID for `uid`."""
        new = self._uids[uid.strip(" \0")] = super().uid(uid)
        return new

    def patient(self, patient_id: str, study_uid: str = "") -> str:
        """The patient's pseudonym. Where there is no PatientID there is nothing to map: its study is in `uid.csv`."""
        new = super().patient(patient_id, study_uid)
        if bare := patient_id.strip(" \0"):
            self._patients[bare] = new
        return new

    def take(self) -> tuple[Pairs, Pairs]:
        """(UIDs, PatientIDs) since the last time, as (old, new)."""
        taken = tuple(self._uids.items()), tuple(self._patients.items())
        self._uids.clear()
        self._patients.clear()
        return taken


class Mapping(Closing):
    """The folder of a mapping while a run fills it. What earlier runs with the same key left in it stays."""

    def __init__(self, folder: Path, apart_from: Path, pseudonymiser: Pseudonymiser) -> None:
        """`apart_from` is the target. Raises `ConfigurationError` for a folder that others can read."""
        self.folder = _private(folder, apart_from)
        self._draft = self.folder / _DRAFT
        with told_plainly(self.folder):
            self._draft.unlink(missing_ok=True)
            os.close(os.open(self._draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self._base = sqlite3.connect(self._draft)
        self._base.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA temp_store = MEMORY")
        self._base.executescript(";".join(f"CREATE TABLE {kind} (old TEXT PRIMARY KEY, new TEXT)" for kind in _KINDS))
        try:
            for kind, renew in (("uid", pseudonymiser.uid), ("patient", pseudonymiser.patient)):
                former = list(read_pairs(self.folder / f"{kind}.csv"))
                if former and renew(former[0][0]) != former[0][1]:
                    raise ConfigurationError(f"{folder} holds the mapping of another key: name a new or empty folder")
                self._add(kind, former)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Take away the draft; what was written stays."""
        self._base.close()
        self._draft.unlink(missing_ok=True)

    def add(self, uids: Pairs, patients: Pairs) -> None:
        """Note pairs, in any order and as often as they come."""
        with told_plainly(self.folder), disk_errors():
            self._add("uid", uids)
            self._add("patient", patients)

    def write(self, files: Iterable[tuple[str, str, str]]) -> None:
        """Write the three files; `files` are (path in the source, item, outcome) of this run, in their order."""
        for kind in _KINDS:
            pairs = self._base.execute(f"SELECT old, new FROM {kind} ORDER BY old")  # noqa: S608
            _write(self.folder / f"{kind}.csv", HEADER, ((_text(old), new) for old, new in pairs))
        _write(self.folder / "files.csv", ("path", "item", "outcome"), files)

    def _add(self, kind: str, pairs: Iterable[tuple[str, str]]) -> None:
        # Text as bytes: an identifier need not be valid Unicode.
        rows = ((old.encode("utf-8", "surrogateescape"), new) for old, new in pairs)
        self._base.executemany(f"INSERT OR IGNORE INTO {kind} VALUES (?, ?)", rows)  # noqa: S608


def _private(folder: Path, apart_from: Path) -> Path:
    place = folder.resolve()
    if place.is_relative_to(apart_from):
        raise ConfigurationError("the mapping identifies patients and must not lie in the output: name another folder")
    with told_plainly(place):
        if place.exists() and not place.is_dir():
            raise ConfigurationError(f"{folder} is a file: name a folder for the mapping")
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    if place.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"the mapping identifies patients: run `chmod 700 {folder}`, or name a new folder")
    return place


def read_pairs(path: Path) -> Iterator[tuple[str, str]]:
    """The rows of a `uid.csv` or `patient.csv`, of whatever tool; none where there is no such file."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
        rows = csv.reader(handle)
        if tuple(next(rows, ())) != HEADER:
            raise ConfigurationError(f"{path} is no mapping: its first line must be {','.join(HEADER)}")
        yield from ((original(row[0]), original(row[1])) for row in rows if len(row) == len(HEADER))


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    with atomic_path(path) as draft:
        descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(tuple(map(neutral, row)) for row in rows)


def _text(old: bytes) -> str:
    return old.decode("utf-8", "surrogateescape")
