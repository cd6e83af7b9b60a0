"""Labels: joined to studies, and null where they contradict each other."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.curate.labels import class_of_patients, join, read_value
from tests.support.tables import make_labels, patient_of, study_of

STUDIES = pd.DataFrame(
    [(study_of(number, study), patient_of(number)) for number in range(3) for study in range(2)],
    columns=["study", "patient"],
    dtype="string",
)


def joined(
    labels: pd.DataFrame | None = None, ehr: pd.DataFrame | None = None
) -> dict[tuple[str, str], tuple[Any, str]]:
    table = join(labels, ehr, STUDIES, ["lesion"])
    assert table["value"].dtype == "Int64"
    return {
        (row.study, row.label): (None if pd.isna(row.value) else int(row.value), row.source)
        for row in table.itertuples()
    }


def rows(*cells: tuple[str, str | None, object]) -> pd.DataFrame:
    return pd.DataFrame(cells, columns=["patient", "study", "lesion"])


def test_a_label_of_a_study_is_the_studys() -> None:
    assert joined(make_labels({0: 1, 1: 0})) == {
        (study_of(0), "lesion"): (1, "labels"),
        (study_of(1), "lesion"): (0, "labels"),
    }


def test_a_label_of_a_patient_is_every_studys_but_gives_way_to_the_studys_own() -> None:
    labels = rows((patient_of(0), None, 1), (patient_of(0), study_of(0, 1), 0))
    assert joined(labels) == {
        (study_of(0, 0), "lesion"): (1, "labels-patient"),
        (study_of(0, 1), "lesion"): (0, "labels"),
    }


def test_the_ehr_gives_a_label_only_where_it_is_named_as_one() -> None:
    ehr = pd.DataFrame({"patient": [patient_of(0)], "lesion": [1], "bmi": [22.0]})
    assert joined(make_labels({0: 0}), ehr) == {
        (study_of(0, 0), "lesion"): (0, "labels"),
        (study_of(0, 1), "lesion"): (1, "ehr"),
    }


def test_two_values_for_one_study_make_it_null_and_a_conflict() -> None:
    labels = rows((patient_of(0), study_of(0), 1), (patient_of(0), study_of(0), 0))
    assert joined(labels) == {(study_of(0), "lesion"): (None, "conflict")}


def test_the_same_value_twice_is_no_conflict() -> None:
    labels = rows((patient_of(0), study_of(0), 1), (patient_of(0), study_of(0), "1.0"))
    assert joined(labels) == {(study_of(0), "lesion"): (1, "labels")}


def test_a_row_that_gives_the_study_to_another_patient_is_a_conflict() -> None:
    labels = rows((patient_of(1), study_of(0), 1))
    assert joined(labels) == {(study_of(0), "lesion"): (None, "conflict")}


def test_what_cannot_be_read_is_null_and_not_a_guess() -> None:
    assert joined(make_labels({0: "perhaps"})) == {(study_of(0), "lesion"): (None, "unreadable")}


def test_empty_cells_and_unknown_studies_leave_no_row() -> None:
    labels = rows(
        (patient_of(0), study_of(0), None), (patient_of(0), study_of(0), " "), (patient_of(9), study_of(9), 1)
    )
    assert joined(labels) == {}


def test_without_any_table_the_labels_are_empty_with_their_types() -> None:
    table = join(None, None, STUDIES, ["lesion"])
    assert list(table.columns) == ["patient", "study", "label", "value", "source"]
    assert len(table) == 0


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (1, 1),
        (0.0, 0),
        ("1", 1),
        (" Yes ", 1),
        ("negative", 0),
        (True, 1),
        ("3", 3),
        (0.5, None),
        ("1e400", None),
        ("", None),
    ],
)
def test_values_are_read_as_whole_numbers_or_plain_words(raw: object, value: int | None) -> None:
    assert read_value(raw) == value


@given(st.text())
def test_no_text_whatever_breaks_the_reading(text: str) -> None:
    assert read_value(text) is None or isinstance(read_value(text), int)


def test_one_positive_study_makes_a_positive_patient() -> None:
    labels = join(
        rows((patient_of(0), study_of(0, 0), 0), (patient_of(0), study_of(0, 1), 1), (patient_of(1), None, 0)),
        None,
        STUDIES,
        ["lesion"],
    )
    classes = class_of_patients(labels, [patient_of(number) for number in range(3)], "lesion")
    assert classes == {patient_of(0): "1", patient_of(1): "0", patient_of(2): "unlabelled"}
    assert set(class_of_patients(labels, classes, "other").values()) == {"unlabelled"}
