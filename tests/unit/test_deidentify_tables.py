"""Tables: ids become pseudonyms, named columns survive as numbers, codes and shifted dates; free text never does."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tasks.core.errors import ConfigurationError
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.records.cells import clean_cell
from tasks.deidentify.records.tables import deidentify_tables
from tasks.deidentify.rules.tables import load
from tests.support.identified import PSEUDONYMISER

STUDIES = {
    "ACC1": (PSEUDONYMISER.patient("MRN-1"), "s000000000001"),
    "ACC2": (PSEUDONYMISER.patient("MRN-2"), "s000000000002"),
}
EHR = """PatientID,name,birth_date,age,sex,bmi,icd10,findings,encounter_date
MRN-2,Wieczorek Halina,1930-01-02,93,F,27.4,I25.10;E11.9,"Mrs Wieczorek complains",2021-03-04
MRN-1,Okonkwo Ada,1980-01-02,41,M,22,,seen,2021-03-05
"""


def run(tmp_path: Path, *, labels: str = "", ehr: str = "", **settings: object) -> tuple[dict[str, int], Path]:
    source, target = tmp_path / "tables", tmp_path / "records"
    source.mkdir(exist_ok=True)
    for name, text in (("labels", labels), ("ehr", ehr)):
        (source / f"{name}.csv").unlink(missing_ok=True)
        if text:
            (source / f"{name}.csv").write_text(text, encoding="utf-8")
    counts = deidentify_tables(source, target, DeidentifySettings.model_validate(settings), PSEUDONYMISER, STUDIES)
    return counts, target


def test_labels_meet_their_study(tmp_path: Path) -> None:
    rows = ("ACC2,MRN-2,1,Dr Who", "ACC1,MRN-1,0,Dr No", "ACC9,MRN-9,1,x", "ACC1,MRN-2,1,x")
    text = "\n".join(("AccessionNumber,PatientID,lesion,reader", *rows))
    counts, target = run(tmp_path, labels=text)
    frame = pd.read_parquet(target / "labels.parquet")
    assert list(frame.columns) == ["patient", "study", "lesion"]
    assert set(zip(frame["patient"], frame["study"], frame["lesion"], strict=True)) == {
        (*STUDIES["ACC1"], 0),
        (*STUDIES["ACC2"], 1),
    }
    assert counts["labels.rows"] == 2
    assert counts["labels.outside_cohort"] == 1
    assert counts["labels.contradictory"] == 1


def test_labels_of_patients_have_no_study(tmp_path: Path) -> None:
    _, target = run(tmp_path, labels="PatientID;lesion\nMRN-5;1\n")
    frame = pd.read_parquet(target / "labels.parquet")
    assert frame["patient"].tolist() == [PSEUDONYMISER.patient("MRN-5")]
    assert frame["study"].isna().all()


def test_records_keep_numbers_codes_and_shifted_dates(tmp_path: Path) -> None:
    _, target = run(tmp_path, ehr=EHR)
    frame = pd.read_parquet(target / "ehr.parquet").set_index("patient")
    row = frame.loc[PSEUDONYMISER.patient("MRN-2")]
    assert (row["age"], row["sex"], row["bmi"], row["icd10"]) == (90, "F", 27.4, "I25.10;E11.9")
    shifted = date.fromisoformat(row["encounter_date"]) - date(2021, 3, 4)
    assert shifted.days == PSEUDONYMISER.shift_days("MRN-2")
    content = (target / "ehr.parquet").read_bytes().lower()
    for identifier in (b"wieczorek", b"halina", b"mrn-", b"1930", b"complains"):
        assert identifier not in content


def test_the_basic_profile_keeps_no_date(tmp_path: Path) -> None:
    _, target = run(tmp_path, ehr=EHR, profile="basic")
    assert pd.read_parquet(target / "ehr.parquet")["encounter_date"].isna().all()


def test_free_text_in_a_kept_column_is_taken_out_and_counted(tmp_path: Path) -> None:
    counts, target = run(tmp_path, ehr=EHR, ehr_columns=("findings", "name", "sex"))
    frame = pd.read_parquet(target / "ehr.parquet")
    assert frame["findings"].isna().all()
    assert frame["name"].isna().all()
    assert counts["ehr.values_removed"] == 4


def test_row_order_changes_no_byte(tmp_path: Path) -> None:
    head, *rows = EHR.strip().split("\n")
    _, target = run(tmp_path, ehr=EHR)
    first = (target / "ehr.parquet").read_bytes()
    run(tmp_path, ehr="\n".join([head, *reversed(rows)]))
    assert (target / "ehr.parquet").read_bytes() == first


def test_a_table_that_is_gone_leaves_none(tmp_path: Path) -> None:
    _, target = run(tmp_path, ehr=EHR)
    assert (target / "ehr.parquet").exists()
    run(tmp_path)
    assert not (target / "ehr.parquet").exists()


@pytest.mark.parametrize(
    ("labels", "settings", "hint"),
    [
        ("name,lesion\nx,1\n", {}, "neither a column PatientID nor AccessionNumber"),
        ("PatientID,lesions\nx,1\n", {}, "did you mean `lesions`?"),
        ("PatientID,lesion\nx,1\n", {"label_columns": ("PatientID",)}, "cannot be kept"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(
    tmp_path: Path, labels: str, settings: dict[str, object], hint: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        run(tmp_path, labels=labels, **settings)
    assert hint in str(caught.value)


@given(st.from_regex(r"[A-Za-z]{4,12}( [A-Za-z]{2,12}){0,3}", fullmatch=True))
def test_words_that_are_no_category_never_pass(text: str) -> None:
    assume(text.lower() not in load("category_words.json")["words"])
    assert clean_cell(text, is_age=False, shift=0, identifiers=frozenset()) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("1", "1"),
        ("-3.50", "-3.50"),
        ("27,4", "27.4"),
        ("I25.10; E11.9", "I25.10;E11.9"),
        ("malignant", "malignant"),
        ("F", "F"),
        ("20210304", "2021-03-03"),
        ("04.03.2021", "2021-03-03"),
        ("2021-03-04T10:11:12", "2021-03-03"),
        ("03/04/2021", None),
        ("Kowalski", None),
        ("5551234567", None),
        ("12 High Street", None),
        ("n/a", None),
    ],
)
def test_cells(text: str, kept: str | None) -> None:
    assert clean_cell(text, is_age=False, shift=-1, identifiers=frozenset({"mrn1"})) == kept
