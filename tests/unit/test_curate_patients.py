"""Patients and studies: what headers and the EHR say of one person, brought together."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from tasks.core.columns import TRANSFORMED
from tasks.curate.patients import age_band, describe_patients, describe_studies, trust_dates
from tasks.transform.tables import make_frame
from tests.support.tables import make_cohort, make_image, make_object, make_series, new_uid, patient_of, study_of


def series(*rows: dict[str, Any], **changes: Any) -> pd.DataFrame:
    return make_frame(make_series(rows or [make_image(0)], **changes), TRANSFORMED["series"])


def patient(table: pd.DataFrame, **ehr: list[object]) -> dict[str, Any]:
    records = pd.DataFrame({"patient": [patient_of(0)] * len(next(iter(ehr.values()))), **ehr}) if ehr else None
    (row,) = describe_patients(table, records).to_dict("records")
    return row


@pytest.mark.parametrize(
    ("age", "band"),
    [(0, "0-9"), (9.99, "0-9"), (10, "10-19"), (89.9, "80-89"), (90, "90+"), (-1, None), (float("nan"), None)],
)
def test_ages_fall_into_bands_of_ten_years(age: float, band: str | None) -> None:
    assert age_band(age) == band


def test_the_age_is_that_at_the_first_study() -> None:
    table = pd.concat([series(age_years=47.0), series(make_image(0, study=1), age_years=45.0)])
    described = patient(table)
    assert (described["age_years"], described["age_band"], described["studies"]) == (45.0, "40-49", 2)


def test_the_ehr_fills_what_the_headers_lack() -> None:
    described = patient(series(age_years=None, sex=None, weight_kg=None), age=[63], sex=["male"], bmi=[27.26])
    assert (described["age_years"], described["sex"], described["bmi"]) == (63.0, "M", 27.3)


def test_headers_that_contradict_each_other_leave_the_sex_to_the_ehr() -> None:
    table = pd.concat([series(sex="F"), series(make_image(0, study=1), sex="M")])
    assert pd.isna(patient(table)["sex"])
    assert patient(table, sex=["F"])["sex"] == "F"


def test_the_bmi_is_the_latest_one_else_from_weight_and_height() -> None:
    encounters: dict[str, list[object]] = {"encounter_date": ["2016-01-01", "2014-01-01"], "bmi": [31.0, 25.0]}
    assert patient(series(), **encounters)["bmi"] == 31.0
    assert patient(series(weight_kg=70.0, height_m=1.75))["bmi"] == 22.9
    assert pd.isna(patient(series(weight_kg=70.0, height_m=0.0))["bmi"])


def test_diagnoses_of_all_encounters_are_one_sorted_list() -> None:
    assert json.loads(patient(series(), icd10=["J18.9; i25.1", None, "I25.1,E11"])["icd10"]) == [
        "E11",
        "I25.1",
        "J18.9",
    ]
    assert json.loads(patient(series())["icd10"]) == []


def test_an_ehr_of_strangers_adds_nobody() -> None:
    ehr = pd.DataFrame({"patient": [patient_of(7)], "age": [50]})
    assert describe_patients(series(), ehr)["patient"].tolist() == [patient_of(0)]


def test_a_study_lists_its_modalities_and_counts() -> None:
    rows = [*make_cohort(1, slices=3), make_object(0, [])]
    (row,) = describe_studies(series(*rows)).to_dict("records")
    assert row == {
        "study": study_of(0),
        "patient": patient_of(0),
        "study_uid": new_uid("study 0/0"),
        "study_date": "2015-03-14",
        "modalities": "CT,RTSTRUCT",
        "series": 2,
        "images": 3,
    }


@pytest.mark.parametrize("text", ["20150314", "2015-3-14", "2015-02-30", "14.03.2015", "x"])
def test_a_date_that_cannot_be_parsed_is_not_trusted_to_be_shifted(text: str) -> None:
    assert trust_dates(series(study_date=text), "study_date")["study_date"].isna().all()
    assert trust_dates(series(), "study_date")["study_date"].tolist() == ["2015-03-14"]
