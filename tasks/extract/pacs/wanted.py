"""What to ask the PACS for: a window of study dates, modalities, and the ids of a cohort CSV, which is read with care.

Moving belongs in move.py. Ids name patients: they stay in memory, and rows of the CSV are told by their number.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tasks.core.errors import ConfigurationError
from tasks.extract.tables import Table, read_table

COLUMNS = ("StudyInstanceUID", "AccessionNumber", "PatientID")
_UID = re.compile(r"[0-9.]{1,64}")
_SPREADSHEET = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
_LONGEST = {"AccessionNumber": 16, "PatientID": 64}  # SH and LO, PS3.5 6.2
_MODALITY = re.compile(r"[A-Z]{2,16}")
_SHOWN = 5


@dataclass(frozen=True, repr=False)
class Ids:
    """The ids of one row, '' where the row has none."""

    study_uid: str = ""
    accession: str = ""
    patient_id: str = ""

    def query(self) -> dict[str, str]:
        """The matching keys of a search for them."""
        keys = zip(COLUMNS, (self.study_uid, self.accession, self.patient_id), strict=True)
        return {name: value for name, value in keys if value}


@dataclass(frozen=True, repr=False)
class Wanted:
    """What is wanted; `ids` None stands for all, and `bad_rows` says in words which rows of the CSV were of no use."""

    start: date | None = None
    end: date | None = None
    modalities: tuple[str, ...] = ()
    ids: tuple[Ids, ...] | None = None
    bad_rows: str = ""

    @classmethod
    def of(cls, start: date | None, end: date | None, modalities: list[str] | None, cohort: Path | None) -> Wanted:
        """Check what the user asks for; refuses to ask for all that a PACS has."""
        names = tuple(sorted({name.strip().upper() for name in modalities or ()}))
        for name in names:
            if not _MODALITY.fullmatch(name):
                raise ConfigurationError("--modalities must be DICOM's codes with commas between, e.g. CT,MR")
        if start and end and end < start:
            raise ConfigurationError("the window's end is before its start: name the first study date, then the last")
        if cohort is None:
            if start is None:
                raise ConfigurationError("a whole PACS is not pulled: name a window with --start, or a --cohort")
            return cls(start, end, names)
        ids, bad = read_ids(read_table(cohort, "--cohort"), cohort.name)
        return cls(start, end, names, ids, bad)

    def accept_day(self, text: str) -> bool:
        """Whether a StudyDate (YYYYMMDD) is in the window; PACS that ignore a key answer with all days."""
        if self.start is None and self.end is None:
            return True
        first = f"{self.start:%Y%m%d}" if self.start else "00000000"
        last = f"{self.end:%Y%m%d}" if self.end else "99999999"
        return len(text) == 8 and first <= text <= last


def read_ids(table: Table, name: str) -> tuple[tuple[Ids, ...], str]:
    """The ids that the rows of a cohort CSV name, each once, and in words which rows are of no use and why."""
    columns = {column: known for column in table.columns if (known := _known(column))}
    if not columns:
        raise ConfigurationError(f"--cohort: {name} needs a column {', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}")
    found: dict[Ids, None] = {}
    bad: list[tuple[int, str]] = []
    for number, row in enumerate(table.rows, start=2):  # as a spreadsheet counts, the header being row 1
        values = {known: row.get(column, "").strip(" \t\0\ufeff") for column, known in columns.items()}
        if not any(value.strip() for value in row.values()):
            continue
        fault = _fault(values)
        if fault:
            bad.append((number, fault))
        else:
            found[Ids(*(values.get(column, "") for column in COLUMNS))] = None
    told = _tell(name, bad)
    if not found:
        raise ConfigurationError(f"--cohort: {told or f'{name} lists no id'}")
    return tuple(found), told


def _known(column: str) -> str | None:
    plain = re.sub(r"[^a-z]", "", column.lower())
    return next((known for known in COLUMNS if known.lower() == plain), None)


def _fault(values: dict[str, str]) -> str | None:
    """Why a row can't be asked for: what it would match is not what its author meant."""
    if not any(values.values()):
        return "no id"
    for column, value in values.items():
        if set(value) & set("*?\\"):
            return "a wildcard or backslash"  # DICOM would take it for many
        if not value.isprintable():
            return "a control character"
        if _SPREADSHEET.fullmatch(value):
            return "a number that a spreadsheet rounded"
        if column == "StudyInstanceUID" and value and not _UID.fullmatch(value):
            return "no valid UID"
        if len(value) > _LONGEST.get(column, 64):
            return "longer than DICOM allows"
    return None


def _tell(name: str, bad: list[tuple[int, str]]) -> str:
    if not bad:
        return ""
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(Counter(why for _, why in bad).items()))
    rows = ", ".join(str(number) for number, _ in bad[:_SHOWN]) + (" …" if len(bad) > _SHOWN else "")
    return f"{len(bad)} rows of {name} cannot be asked for ({reasons}): correct rows {rows}"
