"""Labels of studies, joined from the label table and the EHR. What contradicts itself is null, never guessed.

A value said of the study itself stands above one said of the patient, and the label table above the EHR.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pandas as pd

OF_STUDY, OF_PATIENT, OF_RECORD = "labels", "labels-patient", "ehr"
CONFLICT, UNREADABLE = "conflict", "unreadable"
PRECEDENCE = (OF_STUDY, OF_PATIENT, OF_RECORD)
WORDS = {"true": 1, "yes": 1, "positive": 1, "false": 0, "no": 0, "negative": 0}
COLUMNS = ["patient", "study", "label", "value", "source"]

_Statements = dict[tuple[str, str], dict[str, set[int | None]]]


def join(
    labels: pd.DataFrame | None, ehr: pd.DataFrame | None, studies: pd.DataFrame, label_columns: Iterable[str]
) -> pd.DataFrame:
    """The long table of labels: patient, study, label, value (Int64), source; one row for each study and label known.

    `source` tells where the value is from: `labels` (of the study), `labels-patient`, `ehr`; or why it is null:
    `conflict` (two values at the same level, or a row that gives the study to another patient) or `unreadable`.
    Rows about studies that have no images here are left out.
    """
    patient_of = dict(zip(studies["study"], studies["patient"], strict=True))
    studies_of: dict[str, list[str]] = defaultdict(list)
    for study, patient in patient_of.items():
        studies_of[patient].append(study)
    said: _Statements = defaultdict(lambda: defaultdict(set))
    misplaced: set[tuple[str, str]] = set()
    for patient, study, label, raw in _cells(labels, ()):
        if study is None:
            for each in studies_of.get(patient, ()):
                said[(each, label)][OF_PATIENT].add(read_value(raw))
        elif study in patient_of:
            said[(study, label)][OF_STUDY].add(read_value(raw))
            if patient_of[study] != patient:
                misplaced.add((study, label))
    for patient, _, label, raw in _cells(ehr, tuple(label_columns)):
        for each in studies_of.get(patient, ()):
            said[(each, label)][OF_RECORD].add(read_value(raw))
    rows = [
        (patient_of[study], study, label, *_decide(levels, (study, label) in misplaced))
        for (study, label), levels in sorted(said.items())
    ]
    joined = pd.DataFrame(rows, columns=COLUMNS).sort_values(COLUMNS[:3], kind="stable")
    return joined.astype({name: "Int64" if name == "value" else "string" for name in COLUMNS})


def read_value(raw: object) -> int | None:
    """A label as a whole number; yes/no, true/false and positive/negative count as 1 and 0. None: cannot be read."""
    text = str(raw).strip().lower()
    if text in WORDS:
        return WORDS[text]
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() and abs(number) < 2**31 else None


def class_of_patients(labels: pd.DataFrame, patients: Iterable[str], label: str) -> dict[str, str]:
    """Each patient's class for stratifying: "1" if any study is positive, else "0", else "unlabelled"."""
    known = labels[(labels["label"] == label) & labels["value"].notna()]
    highest = {str(patient): int(value) for patient, value in known.groupby("patient")["value"].max().items()}
    return {
        patient: "unlabelled" if patient not in highest else "1" if highest[patient] > 0 else "0"
        for patient in patients
    }


def _cells(table: pd.DataFrame | None, only: tuple[str, ...]) -> Iterable[tuple[str, str | None, str, Any]]:
    """Every filled cell of a label column: patient, study (or None), label, value as it stands."""
    if table is None:
        return
    keys = {"patient", "study"}
    for label in sorted(set(table.columns) - keys):
        if only and label not in only:
            continue
        studies = table["study"] if "study" in table.columns else pd.Series(pd.NA, index=table.index)
        for patient, study, raw in zip(table["patient"], studies, table[label], strict=True):
            if pd.notna(patient) and pd.notna(raw) and str(raw).strip():
                yield str(patient), None if pd.isna(study) else str(study), label, raw


def _decide(levels: dict[str, set[int | None]], misplaced: bool) -> tuple[int | None, str]:
    if misplaced:
        return None, CONFLICT
    source = next(level for level in PRECEDENCE if level in levels)
    values = levels[source]
    if len(values) > 1:
        return None, CONFLICT
    (value,) = values
    return value, UNREADABLE if value is None else source
