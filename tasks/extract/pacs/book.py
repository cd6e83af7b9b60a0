"""The book of a workspace's pulls: per series what the PACS said that it has against what arrived in Orthanc.

One SQLite file beside the register, by pseudonym only, written after each series, so that a killed pull leaves it true.
The reconciliation reads it through `expected_by_pacs` and `shortfalls`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tasks.core.closing import Closing
from tasks.core.workspace import Workspace

FILE = "pacs.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
    series TEXT PRIMARY KEY,   -- keyed digest of study and series at the PACS
    unit TEXT NOT NULL,        -- the pseudonym that cohort, ledger and release know the series by
    modality TEXT NOT NULL,
    said INTEGER,              -- NumberOfSeriesRelatedInstances; NULL where the PACS gives none
    expected INTEGER,          -- what the PACS has: `said`, or its list of instances where that was asked for
    arrived INTEGER NOT NULL,  -- what Orthanc holds of it
    asks INTEGER NOT NULL,     -- how often it was asked for by the last pull
    reason TEXT NOT NULL,      -- why fewer arrived; '' where all did
    job TEXT NOT NULL DEFAULT ''  -- Orthanc's job while it is on its way
)
"""


class Shortfall(StrEnum):
    """Why fewer instances arrived than the PACS says that it has, and what to do about it."""

    sentence: str
    remedy: str

    def __new__(cls, code: str, sentence: str, remedy: str) -> Shortfall:
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        member.remedy = remedy
        return member

    @classmethod
    def of(cls, code: str) -> Shortfall:
        """The shortfall with this code."""
        return next(shortfall for shortfall in cls if shortfall.value == code)

    NOT_ASKED = ("not-asked", "not asked for yet", "run `sluice pull` again: it goes on from here")
    NOT_SENT = (
        "not-sent",
        "the PACS said that it sent them, and they did not arrive",
        "look for refused instances in the log of Orthanc and of the PACS, then pull again",
    )
    MOVE_FAILED = (
        "move-failed",
        "the PACS failed to send them",
        "check that the PACS knows this Orthanc's AE title, address and port, then pull again",
    )
    UNCOUNTED = (
        "uncounted",
        "the PACS tells neither how many instances there are nor which",
        "compare the series with the PACS by hand",
    )


@dataclass(frozen=True)
class Entry:
    """A row: `expected` is None where the PACS would not tell."""

    series: str
    unit: str
    modality: str
    said: int | None
    expected: int | None
    arrived: int
    asks: int = 0
    reason: str = ""

    @property
    def missing(self) -> int:
        """How many instances are to come still."""
        return max(0, (self.expected or 0) - self.arrived)

    @property
    def complete(self) -> bool:
        """Whether all that the PACS has is in Orthanc."""
        return self.expected is not None and self.arrived >= self.expected


class Book(Closing):
    """Reading and writing the book. Used from one thread; others may read the file meanwhile."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(_SCHEMA)

    @classmethod
    def of(cls, workspace: Workspace) -> Book:
        """The book of this workspace, made if need be."""
        return cls(_place(workspace))

    def write(self, entries: Iterable[Entry]) -> None:
        """Put `entries` in the place of what was there of their series; a job on its way is over."""
        rows = [(e.series, e.unit, e.modality, e.said, e.expected, e.arrived, e.asks, e.reason) for e in entries]
        self._database.execute("BEGIN")
        self._database.executemany("INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?, ?, ?, ?, ?, '')", rows)
        self._database.execute("COMMIT")

    def entries(self) -> dict[str, Entry]:
        """All rows, by the digest of the series."""
        columns = "series, unit, modality, said, expected, arrived, asks, reason"
        return {row[0]: Entry(*row) for row in self._database.execute(f"SELECT {columns} FROM series")}  # noqa: S608

    def start(self, series: str, job: str) -> None:
        """A series is on its way with Orthanc's job `job`."""
        self._database.execute("UPDATE series SET job = ? WHERE series = ?", (job, series))

    def jobs(self) -> list[str]:
        """The jobs that were on their way when the last pull ended."""
        return [row[0] for row in self._database.execute("SELECT DISTINCT job FROM series WHERE job <> ''")]

    def forget_jobs(self) -> None:
        """None of them is on its way any more."""
        self._database.execute("UPDATE series SET job = ''")

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def expected_by_pacs(workspace: Workspace) -> Mapping[str, int]:
    """Series pseudonym (as in cohort and ledger) -> instances that the PACS said it has, at the last pull.

    Series that never were pulled are not in it, nor are those whose number the PACS would not tell.
    """
    expected: dict[str, int] = {}
    for entry in read_entries(workspace).values():
        if entry.expected is not None:
            expected[entry.unit] = expected.get(entry.unit, 0) + entry.expected
    return expected


def shortfalls(workspace: Workspace) -> tuple[Entry, ...]:
    """The series of which less arrived than the PACS has, by pseudonym, sorted."""
    return tuple(sorted((e for e in read_entries(workspace).values() if not e.complete), key=lambda e: e.unit))


def read_entries(workspace: Workspace) -> dict[str, Entry]:
    """All rows, by the digest of the series; makes no file where there is none."""
    if not _place(workspace).exists():
        return {}
    with Book.of(workspace) as book:
        return book.entries()


def _place(workspace: Workspace) -> Path:
    return workspace.register.parent / FILE
