"""What a run does when something was there before: nothing new, a new study, another window, another profile."""

from __future__ import annotations

import shutil
import time
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pydicom
import pytest
from pydicom.uid import generate_uid

from flows.params_file import set_params
from tasks.core.cohort import read_cohort
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tests.support.runs import build, content, sluice, stamps, standing, tree

pytestmark = pytest.mark.services


def _admit(source: Path, target: Path, patient_id: str | None) -> None:
    """A new study: `source` under new UIDs with other pixels, and under another PatientID where one is given."""
    target.mkdir(parents=True)
    study, series = generate_uid(), generate_uid()
    for number, path in enumerate(sorted(source.iterdir())[:3]):
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.AccessionNumber = ""
        if patient_id:
            dataset.PatientID, dataset.PatientName = patient_id, "Invented^Newcomer"
        pixels = bytearray(dataset.PixelData)
        pixels[:64] = bytes((index * 37 + number) % 256 if index % 2 == 0 else 0 for index in range(64))
        dataset.PixelData = bytes(pixels)
        dataset.save_as(target / f"{number}.dcm")


def _plain_ct(hospital: Path) -> Path:
    """The folder of a CT series that is stored uncompressed, so that its pixels can be changed in place."""
    for folder in sorted({path.parent for path in (hospital / "dicom").rglob("*") if path.is_file()}):
        files = sorted(folder.iterdir())
        try:
            first = pydicom.dcmread(files[0], stop_before_pixels=True)
        except (pydicom.errors.InvalidDicomError, IsADirectoryError):
            continue
        native = not first.file_meta.TransferSyntaxUID.is_compressed
        if first.get("Modality") == "CT" and native and len(files) >= 3 and "Rows" in first:
            return folder
    raise AssertionError("the hospital has no uncompressed CT")


def _splits(workspace: Workspace) -> dict[str, str]:
    table = pd.read_parquet(workspace.dataset / "splits.parquet")
    return dict(zip(table["patient"], table["split"], strict=True))


def test_a_run_with_nothing_new_releases_nothing_and_is_quick(study: Workspace) -> None:
    before = standing(study)
    began = time.monotonic()
    state = build(study)
    assert state.name == "NothingNew", state.message
    assert time.monotonic() - began < 8
    assert standing(study) == before


def test_new_studies_make_the_next_version_and_only_their_series_are_worked_on(
    study: Workspace, small_hospital: Path, tmp_path: Path
) -> None:
    grown = tmp_path / "grown" / "dicom"
    shutil.copytree(small_hospital / "dicom", grown)
    _admit(_plain_ct(small_hospital), grown / "later" / "a", None)
    _admit(_plain_ct(small_hospital), grown / "later" / "b", "NEW-0815")
    set_params(study, {"extract.folder": str(grown)})
    study = Workspace(study.root)
    # Not the PNGs' own times: DVC links them anew when it commits.
    archives, rows, splits = (
        stamps(study.deidentified, "*.zip"),
        stamps(study.scratch, "transform/*.json"),
        _splits(study),
    )
    images = tree(study.images)
    series = len(read_cohort(study.cohort_lock).units)

    state = build(study)

    assert state.is_completed(), state.message
    assert "release/heart/v2" in (state.message or "")
    assert len(read_cohort(study.cohort_lock).units) == series + 2
    now = stamps(study.deidentified, "*.zip")
    assert {name: now[name] for name in archives} == archives
    assert len(now) == len(archives) + 2
    made = stamps(study.scratch, "transform/*.json")
    assert {name: made[name] for name in rows} == rows
    assert len(made) == len(rows) + 2
    pictures = {name: digest for name, digest in tree(study.images).items() if name.endswith(".png")}
    former = {name: digest for name, digest in images.items() if name.endswith(".png")}
    assert former.items() <= pictures.items()
    assert len(pictures) == len(former) + 6
    later = _splits(study)
    assert {patient: later[patient] for patient in splits} == splits
    assert len(later) == len(splits) + 1


def test_windows_add_up_to_what_one_run_over_all_takes(fresh: Workspace, released: Workspace) -> None:
    days = sorted(_study_days(fresh))
    middle = days[len(days) // 2]
    shutil.copyfile(released.splits_lock, fresh.splits_lock)  # how patients are split depends on who came first
    nothing = build(fresh, start=days[-1] + timedelta(days=1))
    assert nothing.name == "NothingNew"

    first = build(fresh, end=middle)
    assert first.is_completed(), first.message
    taken = read_cohort(fresh.cohort_lock)
    whole = read_cohort(released.cohort_lock)
    assert 0 < len(taken.units) < len(whole.units)
    assert {unit.unit for unit in taken.units} < {unit.unit for unit in whole.units}

    second = build(fresh, start=middle + timedelta(days=1))
    assert second.is_completed(), second.message
    assert fresh.cohort_lock.read_bytes() == released.cohort_lock.read_bytes()
    assert content(fresh) == content(released)


def test_a_modality_alone_is_looked_at_and_the_rest_stays_in_the_cohort(study: Workspace) -> None:
    before = read_cohort(study.cohort_lock)
    state = build(study, modalities=["MR"])
    assert state.name == "NothingNew"
    assert read_cohort(study.cohort_lock) == before


def test_another_profile_is_written_down_released_anew_and_takes_the_dates_away(study: Workspace) -> None:
    dates = pd.read_parquet(study.dataset / "studies.parquet")["study_date"]
    assert dates.notna().any()
    comments = [line for line in study.params.read_text().splitlines() if line.startswith("#")]

    state = build(study, profile="basic")

    assert state.is_completed(), state.message
    assert "release/heart/v2" in (state.message or "")
    study = Workspace(study.root)
    assert study.settings.deidentify.profile == "basic"
    assert [line for line in study.params.read_text().splitlines() if line.startswith("#")] == comments
    for name in ("studies", "series"):
        table = pd.read_parquet(study.dataset / f"{name}.parquet")
        if "study_date" in table:
            assert table["study_date"].isna().all()
    ehr = pd.read_parquet(study.deidentified / "records" / "ehr.parquet")
    assert ehr["encounter_date"].isna().all()


def test_a_dry_run_writes_nothing(fresh: Workspace) -> None:
    params = fresh.params.read_bytes()
    state = build(fresh, dry_run=True, profile="basic")
    assert state.name == "DryRun"
    assert "8 patients" in (state.message or "")
    assert fresh.params.read_bytes() == params
    written = [name for name in tree(fresh.data) if not name.startswith(("register/", "scratch/run.lock", "vault/"))]
    assert written == []


def test_init_again_keeps_the_key_and_whatever_was_edited(study: Workspace) -> None:
    study.params.write_text(study.params.read_text() + "# mine\n")
    (study.expectations / "labels.json").write_text("{}")
    before = tree(study.root)
    code, out, err = sluice("init", str(study.root))
    assert code == 0, err
    assert str(study.root) in out
    after = tree(study.root)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) <= {"prefect.yaml"}


def _study_days(workspace: Workspace) -> set[date]:
    """The study dates of the source, as the source writes them."""
    days = set()
    for path in sorted(workspace.resolve(workspace.settings.extract.folder or "").rglob("*")):
        try:
            text = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["StudyDate"]).get("StudyDate")
        except (pydicom.errors.InvalidDicomError, OSError):
            continue
        if text:
            days.add(date(int(text[:4]), int(text[4:6]), int(text[6:8])))
    return days


def test_a_reason_can_be_tried_again_and_comes_to_the_same(study: Workspace) -> None:
    with Ledger.open(study) as ledger:
        cohort = read_cohort(study.cohort_lock)
        before = ledger.tally(cohort)
    code = next(code for code in before.reasons if code in ("pixels-truncated", "duplicate-pixels", "burned-in-risk"))
    released = content(study)

    exit_code, out, _ = sluice("retry", code, "--workspace", str(study.root))
    assert exit_code == 0
    assert "open again; `sluice run` works on them" in out
    with Ledger.open(study) as ledger:
        assert not ledger.tally(cohort).balances  # until a run has taken them

    state = build(study)
    assert state.is_completed(), state.message
    with Ledger.open(study) as ledger:
        assert ledger.tally(cohort) == before
    assert content(study) == released


def test_an_unknown_reason_is_answered_with_the_nearest_and_changes_nothing(study: Workspace) -> None:
    before = standing(study)
    exit_code, _, err = sluice("retry", "duplicate-pixel", "--workspace", str(study.root))
    assert exit_code != 0
    assert "did you mean duplicate-pixels?" in err
    assert standing(study) == before
