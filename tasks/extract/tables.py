"""The tables that come with the images (cohort, labels, EHR): finding, reading and copying them to quarantine."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.core.errors import ConfigurationError
from tasks.core.files import atomic_path
from tasks.core.workspace import Workspace

if TYPE_CHECKING:
    from tasks.extract.opt_outs import NotTaken
    from tasks.extract.select import Selection

FOLDER = "tables"


@dataclass(frozen=True, repr=False)
class Table:
    """A CSV: its column names and its rows as text, '' where a cell is missing."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]


def read_table(path: Path, setting: str) -> Table:
    """Read a CSV (comma, semicolon or tab; UTF-8 with or without BOM, else Windows-1252) that `setting` names."""
    text = _decode(_read(path, setting))
    if "\0" in text:  # UTF-16, or no text at all
        raise ConfigurationError(f"{setting}: {path.name} is not text in UTF-8: save it as CSV in UTF-8")
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey=None, strict=True)
        columns = tuple((name or "").strip() for name in reader.fieldnames or ())
        reader.fieldnames = columns
        rows = tuple({name: value or "" for name, value in row.items() if name} for row in reader)
    except csv.Error:
        raise ConfigurationError(f"{setting}: {path.name} is not CSV: save it as CSV in UTF-8") from None
    return Table(columns, rows)


def table_digests(workspace: Workspace) -> dict[str, str]:
    """A keyed digest of each table that is set, by name (`labels`, `ehr`).

    One that is missing, or lacks a column that is asked for, is an error.
    """
    for name, path in _tables(workspace).items():
        _check_columns(workspace, name, path)
    return {name: _digest(workspace, _read(path, f"extract.{name}_csv")) for name, path in _tables(workspace).items()}


def fetch_tables(workspace: Workspace, selection: Selection) -> dict[str, Path]:
    """Copy the tables that are set to `data/quarantine/tables/{labels,ehr}.csv` (0600); returns where they are now.

    Rows of people who withdrew stay behind.

    Raises `ConfigurationError` for a table that changed since the cohort was selected: its digest would be wrong.
    """
    folder = workspace.quarantine / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    copies: dict[str, Path] = {}
    for name, path in _tables(workspace).items():
        content = _read(path, f"extract.{name}_csv")
        if selection.cohort.tables.get(name) != _digest(workspace, content):
            raise ConfigurationError(f"extract.{name}_csv: {path.name} changed during the run: run again")
        copies[name] = folder / f"{name}.csv"
        content = _without(selection.not_taken, content, path, f"extract.{name}_csv")
        with atomic_path(copies[name]) as draft, os.fdopen(_private(draft), "wb") as handle:
            handle.write(content)
    return copies


def _without(not_taken: NotTaken | None, content: bytes, path: Path, setting: str) -> bytes:
    """A table without the rows of those who are not taken; the same bytes where there are none."""
    if not_taken is None:
        return content
    table = read_table(path, setting)
    ids = {re.sub(r"[^a-z]", "", column.lower()): column for column in table.columns}
    patient, accession = ids.get("patientid", ""), ids.get("accessionnumber", "")

    def is_out(row: dict[str, str]) -> bool:
        patient_id = row.get(patient, "").strip(" \0")
        if patient_id:
            return not_taken.patient_id(patient_id)
        return row.get(accession, "").strip(" \0") in not_taken.accessions

    left = [row for row in table.rows if not is_out(row)]
    if len(left) == len(table.rows):
        return content
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [column for column in table.columns if column], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(left)
    return text.getvalue().encode("utf-8")


def _check_columns(workspace: Workspace, name: str, path: Path) -> None:
    """Refuse now what de-identification would refuse after all series are done: a table without ids or what is kept."""
    setting, columns = f"extract.{name}_csv", read_table(path, f"extract.{name}_csv").columns
    if not {"patientid", "accessionnumber"} & {re.sub(r"[^a-z]", "", column.lower()) for column in columns}:
        raise ConfigurationError(f"{setting}: {path.name} has no column PatientID or AccessionNumber: add one of them")
    settings = workspace.settings.deidentify
    kept = {"labels": ("label_columns", settings.label_columns), "ehr": ("ehr_columns", settings.ehr_columns)}
    parameter, wanted = kept[name]
    for column in wanted:
        if column not in columns:
            near = difflib.get_close_matches(column, columns, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`?" if near else "take it out, or add it to the table"
            raise ConfigurationError(f"deidentify.{parameter}: {path.name} has no column `{column}`; {hint}")


def _digest(workspace: Workspace, content: bytes) -> str:
    return workspace.pseudonymiser.fingerprint("table", hashlib.sha256(content).hexdigest())


def _tables(workspace: Workspace) -> dict[str, Path]:
    settings = workspace.settings.extract
    named = {"labels": settings.labels_csv, "ehr": settings.ehr_csv}
    return {name: workspace.resolve(path) for name, path in named.items() if path}


def _read(path: Path, setting: str) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigurationError(f"{setting}: there is no file {path}") from None
    except OSError:
        raise ConfigurationError(f"{setting}: {path} cannot be read: check its owner and permissions") from None


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _private(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
