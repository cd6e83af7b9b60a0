"""The tables of patients and studies: sex, age, body mass index and diagnoses, and how much each has.

What the images' headers and the EHR say of one person is brought together here; where they contradict each other,
the value is null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

import pandas as pd

SEXES = {"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"}
OLDEST = 90
ISO_DATE = r"\d{4}-\d{2}-\d{2}"


def describe_studies(series: pd.DataFrame) -> pd.DataFrame:
    """One row for each study: study, patient, study_uid, study_date, modalities (comma list), series, images."""
    rows = [
        {
            "study": study,
            "patient": rows["patient"].min(),
            "study_uid": rows["study_uid"].min(),
            "study_date": min(rows["study_date"].dropna(), default=None),
            "modalities": ",".join(sorted(set(rows["modality"].dropna()))),
            "series": len(rows),
            "images": int(rows["images"].sum()),
        }
        for study, rows in series.groupby("study")
    ]
    columns = ["study", "patient", "study_uid", "study_date", "modalities", "series", "images"]
    return _typed(pd.DataFrame(rows, columns=columns), {"series": "int64", "images": "int64"})


def describe_patients(series: pd.DataFrame, ehr: pd.DataFrame | None) -> pd.DataFrame:
    """One row for each patient with images or objects.

    patient, sex (M, F, O), age_years (at the first study; else the EHR's), age_band, bmi (kg/m2; the EHR's latest,
    else of the header's weight and height), icd10 (JSON list), studies, series, images.
    """
    records = {} if ehr is None else {str(name): rows for name, rows in _by_encounter(ehr).groupby("patient")}
    nothing = pd.DataFrame()
    described = []
    for patient, rows in series.groupby("patient"):
        record = records.get(str(patient), nothing)
        age = rows["age_years"].min()
        if pd.isna(age):
            age = _numbers(record, "age").min()
        described.append(
            {
                "patient": patient,
                "sex": _agreed(rows["sex"]) or _agreed(_cells(record, "sex")),
                "age_years": age,
                "age_band": age_band(age),
                "bmi": _bmi(rows, record),
                "icd10": _codes(record),
                "studies": rows["study"].nunique(),
                "series": len(rows),
                "images": int(rows["images"].sum()),
            }
        )
    columns = ["patient", "sex", "age_years", "age_band", "bmi", "icd10", "studies", "series", "images"]
    numbers = {"age_years": "float64", "bmi": "float64", "studies": "int64", "series": "int64", "images": "int64"}
    return _typed(pd.DataFrame(described, columns=columns), numbers)


def age_band(age: float) -> str | None:
    """The ten-year band of an age in years: "0-9" … "80-89", "90+"; None for no age or a negative one."""
    if pd.isna(age) or age < 0:
        return None
    if age >= OLDEST:
        return f"{OLDEST}+"
    low = int(age // 10 * 10)
    return f"{low}-{low + 9}"


def trust_dates(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """`table` with whatever is no ISO date taken out of `column`: what cannot be parsed cannot have been shifted."""
    text = table[column].astype("string")
    parsed = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    return table.assign(**{column: text.where(text.str.fullmatch(ISO_DATE).fillna(False) & parsed.notna())})


def _by_encounter(ehr: pd.DataFrame) -> pd.DataFrame:
    """The EHR with the latest encounter last; rows of the same day in the order of their content."""
    order = [name for name in ("encounter_date", *sorted(ehr.columns)) if name in ehr.columns]
    return ehr.sort_values(list(dict.fromkeys(order)), na_position="first", kind="stable", key=_as_text)


def _as_text(column: pd.Series) -> pd.Series:
    return column.astype("string")


def _cells(record: pd.DataFrame, column: str) -> pd.Series:
    return record[column] if column in record.columns else pd.Series(dtype="string")


def _numbers(record: pd.DataFrame, column: str) -> pd.Series:
    return pd.to_numeric(_cells(record, column), errors="coerce").astype("float64")


def _agreed(sexes: Iterable[object]) -> str | None:
    known = {SEXES[str(sex).strip().lower()] for sex in sexes if str(sex).strip().lower() in SEXES}
    return known.pop() if len(known) == 1 else None


def _bmi(rows: pd.DataFrame, record: pd.DataFrame) -> float:
    recorded = _numbers(record, "bmi").dropna()
    if len(recorded):
        return round(float(recorded.iloc[-1]), 1)
    measured = rows[(rows["weight_kg"] > 0) & (rows["height_m"] > 0)]
    if measured.empty:
        return math.nan
    return round(float((measured["weight_kg"] / measured["height_m"] ** 2).median()), 1)


def _codes(record: pd.DataFrame) -> str:
    codes = {
        code.strip().upper()
        for cell in _cells(record, "icd10").dropna()
        for code in str(cell).replace(",", ";").split(";")
        if code.strip()
    }
    return json.dumps(sorted(codes))


def _typed(table: pd.DataFrame, numbers: dict[str, str]) -> pd.DataFrame:
    return table.astype({name: numbers.get(name, "string") for name in table.columns})
