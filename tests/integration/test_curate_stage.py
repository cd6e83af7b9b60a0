"""The stage as a whole: the tables it writes, the lock, and the same bytes for the same content."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest

from tasks.core.errors import ContractViolation
from tasks.core.workspace import Workspace
from tasks.curate.lock import read_lock
from tasks.curate.stage import curate
from tests.support.places import make_workspace, with_params
from tests.support.tables import (
    digest,
    make_cohort,
    make_image,
    make_labels,
    make_object,
    make_series,
    patient_of,
    read_curated,
    unit_of,
    write_transformed,
)

LABELS = {number: number % 2 for number in range(8)}
EHR = pd.DataFrame({"patient": [patient_of(0)], "age": [47], "sex": ["F"], "bmi": [22.0], "icd10": ["I25.1"]})


def outputs(workspace: Workspace) -> dict[str, bytes]:
    paths = [*sorted(workspace.curated.glob("*")), workspace.splits_lock]
    return {path.name: path.read_bytes() for path in paths}


def test_it_writes_six_tables_and_the_lock(workspace: Workspace) -> None:
    rows = [*make_cohort(8, slices=2), make_object(0, [make_image(0, 1)["instance"]])]
    write_transformed(workspace, rows, labels=make_labels(LABELS), ehr=EHR)
    summary = curate(workspace)
    assert set(outputs(workspace)) == {
        *(f"{name}.parquet" for name in ("patients", "studies", "series", "instances", "labels", "splits")),
        "splits.lock",
    }
    assert (summary.patients, summary.series, summary.instances, summary.images) == (8, 9, 17, 16)
    assert (summary.labels, summary.conflicts, summary.new_patients) == (8, 0, 8)
    splits = read_curated(workspace, "splits")
    assert dict(zip(splits["patient"], splits["split"], strict=True)) == read_lock(workspace.splits_lock)
    assert set(splits["stratum"]) == {"0", "1"}
    assert "8 patients (8 new" in summary.sentence


def test_the_order_of_rows_changes_no_byte(tmp_path: Path) -> None:
    rows, made = make_cohort(8, slices=2, studies=2, modalities=("CT", "MR")), []
    series = make_series(rows)
    for seed in range(2):
        chance, workspace = random.Random(seed), make_workspace(tmp_path / str(seed))
        chance.shuffle(rows)
        chance.shuffle(series)
        labels = make_labels(LABELS).sample(frac=1, random_state=seed)
        write_transformed(workspace, rows, series, labels, EHR)
        curate(workspace)
        made.append(outputs(workspace))
    assert made[0] == made[1]


def test_a_second_run_changes_no_byte_and_has_no_new_patient(workspace: Workspace) -> None:
    write_transformed(workspace, make_cohort(5), labels=make_labels({0: 1, 1: 0}))
    curate(workspace)
    before = outputs(workspace)
    assert curate(workspace).new_patients == 0
    assert outputs(workspace) == before


def test_a_patient_who_leaves_and_comes_back_has_the_same_split(workspace: Workspace) -> None:
    rows = make_cohort(9)
    write_transformed(workspace, rows)
    curate(workspace)
    locked = read_lock(workspace.splits_lock)
    write_transformed(workspace, [row for row in rows if row["patient"] != patient_of(3)])
    curate(workspace)
    assert patient_of(3) not in set(read_curated(workspace, "splits")["patient"])
    assert read_lock(workspace.splits_lock) == locked


def test_duplicates_are_dropped_reported_and_counted_and_can_be_kept(workspace: Workspace) -> None:
    same = {"content_sha256": digest("same")}
    rows = [make_image(0, 1, **same), make_image(0, 2, **same), make_image(0, 1, series=1)]
    write_transformed(workspace, rows)
    summary = curate(workspace)
    assert summary.duplicates == (rows[1]["instance"],)
    assert summary.duplicates_by_unit == {unit_of(0): (rows[1]["instance"],)}
    assert rows[1]["instance"] not in set(read_curated(workspace, "instances")["instance"])
    series = read_curated(workspace, "series").set_index("unit").loc[unit_of(0)]
    assert (series["images"], series["duplicates_dropped"]) == (1, 1)
    kept = curate(with_params(workspace, curate={"drop_duplicate_pixels": False}))
    assert (kept.duplicates, kept.images) == ((), 3)


def test_patients_with_a_picture_in_common_are_in_one_split(workspace: Workspace) -> None:
    rows = make_cohort(12, slices=1)
    for row in rows[:5]:
        row["content_sha256"] = digest("a picture that five patients have")
    write_transformed(workspace, rows, labels=make_labels(LABELS))
    assert curate(workspace).shared_pixels == 5
    splits = read_curated(workspace, "splits").set_index("patient")["split"]
    assert splits[[patient_of(number) for number in range(5)]].nunique() == 1


def test_a_dataset_without_labels_or_records_is_curated(workspace: Workspace) -> None:
    write_transformed(workspace, make_cohort(1, slices=1))
    summary = curate(workspace)
    assert (summary.patients, summary.labels, summary.splits) == (1, 0, {"test": 0, "train": 1, "validation": 0})
    assert set(read_curated(workspace, "splits")["stratum"]) == {"unlabelled"}


def test_tables_without_a_row_are_curated_to_tables_without_a_row(workspace: Workspace) -> None:
    write_transformed(workspace, [])
    assert curate(workspace).patients == 0
    assert len(read_curated(workspace, "instances")) == 0


def test_what_transform_did_not_write_is_told_in_one_line(workspace: Workspace) -> None:
    with pytest.raises(ContractViolation, match=r"no instances\.parquet"):
        curate(workspace)
    write_transformed(workspace, make_cohort(1))
    table = workspace.images / "series.parquet"
    pd.read_parquet(table).drop(columns="sex").to_parquet(table)
    with pytest.raises(ContractViolation, match="lacks the column sex"):
        curate(workspace)
    table.write_bytes(b"not a table")
    with pytest.raises(ContractViolation, match="not a Parquet table"):
        curate(workspace)
