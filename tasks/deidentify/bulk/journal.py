"""What became of each file, on disk, so that memory stays flat and an interrupted run can go on.

An SQLite file in the target's work folder. It holds pseudonyms, keyed digests and reason codes: nothing of it
identifies. Locking is the target's; the file is for one process at a time.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from tasks.core.closing import Closing
from tasks.core.reasons import Reason

_COLUMNS = (
    "number INTEGER PRIMARY KEY, item TEXT, stamp TEXT, reason TEXT, sop TEXT, leaf TEXT, path TEXT, class TEXT, "
    "notes TEXT"
)
_REFUSE_COLLISIONS = "UPDATE items SET reason = ?, path = '', notes = '' WHERE sop IN bad"
_REFUSE_COPIES = (
    "UPDATE items SET reason = ?, path = '', notes = '' WHERE number IN (SELECT number FROM (SELECT number, "
    "ROW_NUMBER() OVER (PARTITION BY sop ORDER BY reason != '', number) AS place FROM together WHERE sop NOT IN bad) "
    "WHERE place > 1)"
)
_COMMIT_SECONDS = 1.0


class Row(NamedTuple):
    """One file: its number and item pseudonym, a keyed digest of its size and time, and what became of it.

    `reason` is a code, "" where it is kept. `sop` is the new SOPInstanceUID where one is known, `leaf` the name of the
    output's file by it, `path` where it was written.
    """

    number: int
    item: str
    stamp: str
    reason: str = ""
    sop: str = ""
    leaf: str = ""
    path: str = ""
    sop_class: str = ""
    notes: str = ""


class Journal(Closing):
    """The rows of one run, and those of an interrupted one before it."""

    def __init__(self, place: Path, *, resume: bool) -> None:
        self._place = place
        if not resume:
            place.unlink(missing_ok=True)
        try:
            self._open()
        except sqlite3.DatabaseError:  # a crash of the machine may leave anything; then the run starts from nothing
            place.unlink(missing_ok=True)
            self._open()
        self._committed = time.monotonic()

    @property
    def resumes(self) -> bool:
        """Whether an interrupted run left rows."""
        return bool(self._one("SELECT EXISTS (SELECT 1 FROM former)"))

    def close(self) -> None:
        """Keep what was entered until now."""
        with disk_errors():
            self._base.commit()
        self._base.close()

    def add(self, rows: Iterable[Row]) -> None:
        """Enter what became of files; it is kept within a second."""
        with disk_errors():
            self._base.executemany("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            if time.monotonic() - self._committed > _COMMIT_SECONDS:
                self._base.commit()
                self._committed = time.monotonic()

    def former(self, item: str, stamp: str) -> Row | None:
        """What the interrupted run made of a file, if it is as it was then."""
        found = self._base.execute("SELECT * FROM former WHERE item = ? AND stamp = ?", (item, stamp)).fetchone()
        return None if found is None else Row(*found)

    def rows(self) -> Iterator[Row]:
        """All rows by number."""
        return (Row(*found) for found in self._base.execute("SELECT * FROM items ORDER BY number"))

    def counts(self) -> dict[str, int]:
        """How many rows there are by reason code; "" are those kept."""
        return self._counted("SELECT reason, COUNT(*) FROM items GROUP BY reason ORDER BY reason")

    def classes(self) -> dict[str, int]:
        """How many files are kept by SOP class."""
        return self._counted("SELECT class, COUNT(*) FROM items WHERE reason = '' GROUP BY class ORDER BY class")

    def notes(self) -> dict[str, int]:
        """How many files have the same notes."""
        return self._counted("SELECT notes, COUNT(*) FROM items WHERE notes != '' GROUP BY notes ORDER BY notes")

    def repeated(self) -> list[int]:
        """The numbers of files whose SOPInstanceUID, or whose place in the output, another file has too."""
        with disk_errors():
            self._base.execute("DROP TABLE IF EXISTS temp.together")
            self._base.execute(
                "CREATE TEMP TABLE together AS SELECT number, sop, path, reason, 'unread ' || number AS digest "
                "FROM items WHERE sop IN (SELECT sop FROM items WHERE sop != '' GROUP BY sop HAVING COUNT(*) > 1) "
                "OR path IN (SELECT path FROM items WHERE path != '' GROUP BY path HAVING COUNT(*) > 1)"
            )
            return [number for (number,) in self._base.execute("SELECT number FROM together ORDER BY number")]

    def settle(self, digests: Iterable[tuple[int, str]]) -> list[str]:
        """Decide on the files of `repeated` by the digests of their bytes; returns the paths of outputs that must go.

        Equal bytes are one instance, of which the first that is kept stands; of others none is taken. A file without a
        digest is equal to nothing.
        """
        base = self._base
        with disk_errors():
            base.execute("CREATE INDEX temp.by_number ON together (number)")
            found = ((digest, number) for number, digest in digests)
            base.executemany("UPDATE together SET digest = ? WHERE number = ?", found)
            base.execute(
                "CREATE TEMP TABLE bad AS SELECT sop FROM together GROUP BY sop HAVING COUNT(DISTINCT digest) > 1 "
                "UNION SELECT sop FROM together WHERE path IN "
                "(SELECT path FROM together WHERE path != '' GROUP BY path HAVING COUNT(DISTINCT sop) > 1)"
            )
            gone = base.execute("SELECT DISTINCT path FROM together WHERE path != '' AND sop IN bad").fetchall()
            base.execute(_REFUSE_COLLISIONS, (Reason.UID_COLLISION.code,))
            base.execute(_REFUSE_COPIES, (Reason.DUPLICATE_BYTES.code,))
            base.execute("DROP TABLE bad")
            base.execute("DROP TABLE together")
            base.commit()
        return [path for (path,) in gone]

    def index_outputs(self) -> None:
        """Prepare for `has_path` and `refuses`."""
        with disk_errors():
            self._base.execute("CREATE INDEX IF NOT EXISTS by_path ON items (path)")
            self._base.execute("CREATE INDEX IF NOT EXISTS by_leaf ON items (leaf)")

    def has_path(self, path: str) -> bool:
        """Whether this run wrote an output there."""
        return bool(self._one("SELECT EXISTS (SELECT 1 FROM items WHERE path = ?)", path))

    def refuses(self, leaf: str) -> bool:
        """Whether this run knows the instance whose output has this name, and keeps none of it."""
        found = self._base.execute("SELECT path FROM items WHERE leaf = ?", (leaf,)).fetchall()
        return bool(found) and not any(path for (path,) in found)

    def _open(self) -> None:
        os.close(os.open(self._place, os.O_CREAT | os.O_RDWR, 0o600))
        # The target is held by a lock of its own, and SQLite's do not work on every network drive.
        self._base = sqlite3.connect(f"file:{quote(str(self._place))}?nolock=1", uri=True)
        with disk_errors():
            self._base.execute("PRAGMA synchronous = OFF")
            self._base.execute(f"CREATE TABLE IF NOT EXISTS items ({_COLUMNS})")
            former = _COLUMNS.replace("item TEXT", "item TEXT UNIQUE").replace(" PRIMARY KEY", "")
            self._base.execute(f"CREATE TABLE IF NOT EXISTS former ({former})")
            self._base.execute("INSERT OR REPLACE INTO former SELECT * FROM items")
            self._base.execute("DELETE FROM items")
            self._base.commit()

    def _counted(self, query: str) -> dict[str, int]:
        return dict(self._base.execute(query).fetchall())

    def _one(self, query: str, *values: object) -> object:
        return self._base.execute(query, values).fetchone()[0]


@contextmanager
def disk_errors() -> Iterator[None]:
    """SQLite's word for a full disk, as the system says it."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname not in ("SQLITE_FULL", "SQLITE_IOERR_WRITE"):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
