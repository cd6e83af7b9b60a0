"""The tables of labels and records: identifiers become pseudonyms, named columns are kept, everything else is left out.

Reads `labels.csv` and `ehr.csv` from quarantine, writes Parquet. What one cell may say is in cells.py.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tasks.core.errors import ConfigurationError
from tasks.core.files import write_table
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.records.cells import clean_cell, is_missing
from tasks.deidentify.rules.profile import Profile

_PATIENT, _ACCESSION = "patientid", "accessionnumber"


@dataclass(frozen=True, repr=False)
class Context:
    """What all rows of a table need. `shift_dates` is MODIFIED, UNMODIFIED or REMOVED."""

    pseudonymiser: Pseudonymiser
    studies: Mapping[str, tuple[str, str]]
    dates: str
    identifiers: frozenset[str]

    def shift(self, patient_id: str) -> int | None:
        """Days to move this patient's dates; None removes them."""
        if self.dates == "MODIFIED" and patient_id:
            return self.pseudonymiser.shift_days(patient_id)
        return 0 if self.dates == "UNMODIFIED" else None


def deidentify_tables(
    quarantine_tables: Path,
    target: Path,
    settings: DeidentifySettings,
    pseudonymiser: Pseudonymiser,
    accession_to_study: Mapping[str, tuple[str, str]] | None,
) -> dict[str, int]:
    """Write `target/{labels,ehr}.parquet` from the CSV files of the same names; returns counts by table and kind.

    labels: patient, study (null for a label of the patient) and settings.label_columns. ehr: patient and
    settings.ehr_columns. `accession_to_study` maps AccessionNumber to (patient, study); a row whose accession it lacks
    is not of the cohort and is left out. A table that is not there leaves none behind. Raises `ConfigurationError`
    for a table without an id column or without a column that should be kept.
    """
    dates = Profile.of(settings).dates
    counts: Counter[str] = Counter()
    for name, kept in (("labels", settings.label_columns), ("ehr", settings.ehr_columns)):
        output = target / f"{name}.parquet"
        source = quarantine_tables / f"{name}.csv"
        if not source.is_file():
            output.unlink(missing_ok=True)
            continue
        columns, rows = read_csv(source, name)
        _check_columns(name, columns, kept)
        identifiers = _identifiers(columns, rows)
        context = Context(pseudonymiser, accession_to_study or {}, dates, identifiers)
        records = [record for row in rows if (record := _record(name, row, kept, context, counts)) is not None]
        write_table(_frame(records, ("patient", "study") if name == "labels" else ("patient",), kept), output)
        counts[f"{name}.rows"] = len(records)
    return dict(sorted(counts.items()))


def read_csv(path: Path, name: str) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows of a CSV with comma, semicolon or tab, in UTF-8 or Windows-1252."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    first = text.split("\n", 1)[0]
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
        columns = [column.strip() for column in next(reader, [])]
        rows = [dict(zip(columns, cells + [""] * len(columns), strict=False)) for cells in reader if any(cells)]
    except csv.Error:
        raise ConfigurationError(f"the {name} table is not CSV: save it as CSV in UTF-8") from None
    return columns, rows


def _record(
    name: str, row: dict[str, str], kept: tuple[str, ...], context: Context, counts: Counter[str]
) -> dict[str, str | None] | None:
    """The pseudonymous row, or None where it belongs to nobody in the cohort."""
    known = {_plain(column): value.strip(" \0") for column, value in row.items()}
    patient_id, accession = known.get(_PATIENT, ""), known.get(_ACCESSION, "")
    patient = context.pseudonymiser.patient(patient_id) if patient_id else None
    study = None
    if accession:
        if accession not in context.studies:
            counts[f"{name}.outside_cohort"] += 1
            return None
        owner, study = context.studies[accession]
        if patient is not None and patient != owner:
            counts[f"{name}.contradictory"] += 1
            return None
        patient = owner
    if patient is None:
        counts[f"{name}.without_id"] += 1
        return None
    record: dict[str, str | None] = {"patient": patient, "study": study}
    shift = context.shift(patient_id)
    for column in kept:
        text = row.get(column, "")
        is_age = re.fullmatch(r"age([ _-]?(in)?[ _-]?years?)?", column.lower()) is not None
        record[column] = clean_cell(text, is_age=is_age, shift=shift, identifiers=context.identifiers)
        counts[f"{name}.values_removed"] += record[column] is None and not is_missing(text)
    return record


def _check_columns(name: str, columns: list[str], kept: tuple[str, ...]) -> None:
    ids = {_plain(column) for column in columns} & {_PATIENT, _ACCESSION}
    if not ids or (name == "ehr" and _PATIENT not in ids and _ACCESSION not in ids):
        raise ConfigurationError(
            f"the {name} table has neither a column PatientID nor AccessionNumber: add one of them"
        )
    setting = "label_columns" if name == "labels" else "ehr_columns"
    for column in kept:
        if _plain(column) in (_PATIENT, _ACCESSION):
            raise ConfigurationError(f"deidentify.{setting}: {column} identifies and cannot be kept: take it out")
        if column not in columns:
            near = difflib.get_close_matches(column, columns, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`?" if near else "take it out, or add it to the table"
            raise ConfigurationError(f"deidentify.{setting}: the {name} table has no column `{column}`; {hint}")


def _identifiers(columns: list[str], rows: list[dict[str, str]]) -> frozenset[str]:
    """Every id of the table, and every cell of a column that is called a name, in lower case."""
    found: set[str] = set()
    for column in columns:
        plain = _plain(column)
        if plain in (_PATIENT, _ACCESSION):
            found.update(row.get(column, "").strip().lower() for row in rows)
        elif "name" in plain:
            found.update(part.lower() for row in rows for part in re.split(r"[\s^,;]+", row.get(column, "")))
    return frozenset(value for value in found if len(value) >= 3)


def _frame(records: list[dict[str, str | None]], ids: tuple[str, ...], kept: tuple[str, ...]) -> pd.DataFrame:
    """Sorted rows; a column of whole numbers is Int64, of numbers float64, else string."""
    columns = [*ids, *kept]
    records = sorted(records, key=lambda record: tuple(record[column] or "" for column in columns))
    frame = pd.DataFrame({column: [record[column] for record in records] for column in columns}, dtype="string")
    for column in kept:
        values = frame[column].dropna()
        if len(values) and values.str.fullmatch(r"-?\d+").all():
            frame[column] = frame[column].astype("Int64")
        elif len(values) and values.str.fullmatch(r"-?\d+(\.\d+)?").all():
            frame[column] = frame[column].astype("Float64").astype("float64")
    return frame


def _plain(column: str) -> str:
    return re.sub(r"[^a-z]", "", column.lower())
