"""Bad input at the flow's door: one line that says what to do, nothing where a release would be, and nobody named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.outcome import FlowFailed, told
from tasks.core.entry import guarded
from tasks.core.workspace import VARIABLE, Workspace
from tasks.extract.__main__ import extract
from tests.support.network import answering, make_certificate, relaying_tls
from tests.support.places import with_params
from tests.support.runs import assert_plain, build, nothing_released, sluice, train

pytestmark = pytest.mark.services

Spoil = Callable[[Workspace, Path], dict[str, Any]]


def _empty_folder(_: Workspace, place: Path) -> dict[str, Any]:
    (place / "empty").mkdir()
    return {"folder": str(place / "empty")}


def _no_dicom(_: Workspace, place: Path) -> dict[str, Any]:
    (place / "papers").mkdir()
    (place / "papers" / "letter.txt").write_text("Dear colleague")
    return {"folder": str(place / "papers")}


def _csv(setting: str, content: bytes) -> Spoil:
    def spoil(_: Workspace, place: Path) -> dict[str, Any]:
        (place / "table.csv").write_bytes(content)
        return {setting: str(place / "table.csv")}

    return spoil


def _set(**settings: Any) -> Spoil:
    return lambda _, __: settings


def _refused(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> str:
    """What standard error gets when a selection fails; it fails with exit code 2, and nothing is frozen."""
    assert guarded(lambda: extract(workspace) and None) == 2
    assert nothing_released(workspace)
    assert not workspace.cohort_lock.exists()
    out, err = capsys.readouterr()
    assert out == ""
    return str(err)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_empty_folder, ("has 0 series", "asked for: everything", "params.yaml")),
        (_no_dicom, ("has 0 series", "1 files or instances were refused")),
        (_set(folder="nowhere"), ("extract.folder: there is no folder",)),
        (_set(folder=None), ("extract.folder is not set",)),
        (_set(modalities=["PT"]), ("no series to take: the source has", "modality PT")),
        (_set(start="1901-01-01", end="1901-12-31"), ("the source has", "StudyDate 1901-01-01 to 1901-12-31")),
        (_set(study_description="("), ("extract.study_description is not a regular expression",)),
        (_set(cohort_csv="nowhere.csv"), ("extract.cohort_csv: there is no file",)),
        (_csv("cohort_csv", b"Name\nx\n"), ("extract.cohort_csv", "AccessionNumber or PatientID")),
        (_csv("cohort_csv", b"PatientID\n"), ("extract.cohort_csv", "lists no id")),
        (_csv("cohort_csv", b"PatientID\nnobody\n"), ("no series to take", "the 1 ids of the cohort CSV")),
        (_set(labels_csv="nowhere.csv"), ("extract.labels_csv: there is no file",)),
        (_set(ehr_csv="."), ("extract.ehr_csv: there is no file",)),
        (_csv("labels_csv", b""), ("extract.labels_csv", "PatientID or AccessionNumber")),
        (_csv("labels_csv", b"name,lesion\nx,1\n"), ("extract.labels_csv", "PatientID or AccessionNumber")),
        (_csv("labels_csv", "PatientID,lesion\n".encode("utf-16")), ("extract.labels_csv", "not text", "UTF-8")),
        (_csv("labels_csv", b"PatientID,leson\nx,1\n"), ("label_columns", "`lesion`", "did you mean `leson`")),
        (_csv("labels_csv", b'PatientID,lesion\n"x,1\n'), ("extract.labels_csv", "is not CSV")),
        (_csv("ehr_csv", b"age,sex,bmi,icd10,encounter_date\n1,F,2,,\n"), ("extract.ehr_csv", "PatientID")),
        (_csv("ehr_csv", b"PatientID;age;sex;bmi;icd10\n"), ("ehr_columns", "`encounter_date`")),
    ],
)
def test_a_bad_source_or_table_is_told_before_any_work(
    fresh: Workspace,
    small_hospital: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Spoil,
    words: tuple[str, ...],
) -> None:
    said = _refused(with_params(fresh, extract=spoil(fresh, tmp_path)), capsys)
    assert_plain(said, small_hospital, *words)


def test_the_flow_ends_misconfigured_and_leaves_nothing(fresh: Workspace, small_hospital: Path, tmp_path: Path) -> None:
    for spoil in (_no_dicom, _csv("ehr_csv", b"age,sex\n")):
        state = build(with_params(fresh, extract=spoil(fresh, tmp_path)))
        assert state.is_failed()
        assert state.name == "Misconfigured"
        with pytest.raises(FlowFailed) as failed:
            told(state)
        assert failed.value.exit_code == 2
        assert_plain(state.message, small_hospital, "extract")
        assert nothing_released(fresh)
        assert not fresh.cohort_lock.exists()
        assert list(fresh.quarantine.iterdir()) == []


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"options": ["retain-full-date"]}, ("unknown option", "did you mean `retain-full-dates`?")),
        ({"overrides": {"PatientAg": "X"}}, ("unknown keyword", "did you mean `PatientAge`?")),
        ({"profil": "basic"}, ("unknown key `deidentify.profil`", "did you mean `profile`?")),
    ],
)
def test_a_bad_profile_is_told_before_any_work(
    fresh: Workspace, small_hospital: Path, section: dict[str, Any], words: tuple[str, ...]
) -> None:
    state = build(with_params(fresh, deidentify=section))
    assert state.name == "Misconfigured"
    assert_plain(state.message, small_hospital, *words)
    assert not fresh.cohort_lock.exists()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (None, ("set SLUICE_ORTHANC_URL", "extract.source: folder")),
        ("http://127.0.0.1:9", ("nothing answers at http://127.0.0.1:9", "SLUICE_ORTHANC_URL")),
        ("http://orthanc.invalid:8042", ("nothing answers at http://orthanc.invalid:8042",)),
        ("orthanc.example", ("must be the address of an Orthanc",)),
        ("https://user:geheim@127.0.0.1:9", ("put it into SLUICE_ORTHANC_PASSWORD",)),
    ],
)
def test_an_orthanc_that_is_not_there_is_told(
    fresh: Workspace,
    small_hospital: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    address: str | None,
    words: tuple[str, ...],
) -> None:
    if address:
        monkeypatch.setenv("SLUICE_ORTHANC_URL", address)
    said = _refused(with_params(fresh, extract={"source": "orthanc"}), capsys)
    assert_plain(said, small_hospital, *words)
    assert "geheim" not in said


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", ("is no Orthanc",)),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", ("is no Orthanc",)),
        (
            b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            ("refuses us", "check SLUICE_ORTHANC_USER and SLUICE_ORTHANC_PASSWORD"),
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", ("SLUICE_ORTHANC_URL",)),
    ],
)
def test_what_answers_otherwise_is_told(
    fresh: Workspace,
    small_hospital: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    reply: bytes,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("SLUICE_ORTHANC_PASSWORD", "geheim-4711")
    with answering(reply) as port:
        monkeypatch.setenv("SLUICE_ORTHANC_URL", f"http://127.0.0.1:{port}")
        said = _refused(with_params(fresh, extract={"source": "orthanc"}), capsys)
    assert_plain(said, small_hospital, *words)
    assert "geheim" not in said


def test_a_certificate_that_nobody_vouches_for_is_told(
    fresh: Workspace,
    small_hospital: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with answering(b"") as behind, relaying_tls(make_certificate(tmp_path / "server.pem"), behind) as port:
        monkeypatch.setenv("SLUICE_ORTHANC_URL", f"https://127.0.0.1:{port}")
        workspace = with_params(fresh, extract={"source": "orthanc"})
        assert_plain(_refused(workspace, capsys), small_hospital, "certificate", "SLUICE_ORTHANC_CA")
        monkeypatch.setenv("SLUICE_ORTHANC_CA", str(tmp_path / "nowhere.pem"))
        assert_plain(_refused(workspace, capsys), small_hospital, "SLUICE_ORTHANC_CA", "no readable PEM file")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://sluice:geheim@127.0.0.1:9/register", ("127.0.0.1:9/register", "SLUICE_REGISTER_URL")),
        ("postgresql://sluice:geheim@db.invalid/register", ("db.invalid/register", "SLUICE_REGISTER_URL")),
        ("no database", ("SLUICE_REGISTER_URL is no database URL",)),
        ("oracle9://sluice:geheim@x/y", ("unknown database",)),
    ],
)
def test_a_register_that_is_not_there_is_told_without_its_password(
    fresh: Workspace, small_hospital: Path, monkeypatch: pytest.MonkeyPatch, url: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SLUICE_REGISTER_URL", url)
    state = build(fresh)
    assert state.name == "Misconfigured", state.message
    assert_plain(state.message, small_hospital, *words)
    assert "geheim" not in (state.message or "")
    assert nothing_released(fresh)


def test_training_without_a_release_or_without_labels_is_told(
    fresh: Workspace, study: Workspace, small_hospital: Path
) -> None:
    state = train(fresh)
    assert state.name == "Misconfigured"
    assert_plain(state.message, small_hospital, "no release to train on", "`sluice run`")
    state = train(with_params(study, train={"target": "fracture"}))
    assert state.name == "Misconfigured"
    assert_plain(state.message, small_hospital, "no label `fracture`", "train.target")
    state = train(with_params(study, train={"target": "lesion", "modalities": ["XA"]}))
    assert_plain(state.message, small_hospital, "no images of XA", "train.modalities")


def test_an_mlflow_that_is_not_there_is_told_without_its_password(
    study: Workspace, small_hospital: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    state = train(study, MLFLOW_TRACKING_URI="http://sluice:geheim@127.0.0.1:9")
    assert state.name == "Misconfigured", state.message
    assert_plain(state.message, small_hospital, "MLflow at http://127.0.0.1:9", "MLFLOW_TRACKING_URI")
    assert "geheim" not in (state.message or "")


def test_arguments_that_are_wrong_are_told_before_anything_starts(
    fresh: Workspace, small_hospital: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "")  # so that what the command sets is taken back
    place = str(fresh.root)
    for arguments, words in (
        (("run", "-w", place, "--profile", "bsic"), ("--profile: bsic is unknown", "basic")),
        (("run", "-w", place, "--modality", "PET"), ("--modality: PET is unknown", "PT")),
        (("run", "-w", f"{place}/nowhere"), ("is no workspace", "sluice init")),
        (("backfill", "-w", place, "2024-02-01", "2024-01-01"), ("the window's end is before its start",)),
        (("backfill", "-w", place, "2024-01-01", "2024-02-01"), ("needs the worker of `sluice up`",)),
        (("backfill", "-w", place, "2024-01-01", "2024-02-01", "--step", "weak"), ("did you mean week?",)),
        (("init", f"{place}/params.yaml"), ("a file lies where a folder must be",)),
        (("status", "-w", f"{place}/nowhere"), ("is no workspace",)),
    ):
        done = CliRunner().invoke(app, list(arguments))
        assert done.exit_code == 2, done.output
        assert_plain(done.stderr, small_hospital, *words)
    done = CliRunner().invoke(app, ["backfill", "-w", place, "2024-01-32", "2024-02-01"])
    assert done.exit_code == 2
    assert "'2024-01-32' does not match" in done.stderr
    fresh.key_file.unlink()
    done = CliRunner().invoke(app, ["run", "-w", place])
    assert done.exit_code == 2
    assert_plain(done.stderr, small_hospital, "no key at", "sluice init")


def test_the_shell_sees_one_line_and_the_exit_code(fresh: Workspace, small_hospital: Path) -> None:
    place = str(with_params(fresh, extract={"folder": "nowhere"}).root)
    code, out, err = sluice("run", "-w", place)
    assert (code, out) == (2, "")
    assert_plain(err, small_hospital, "extract.folder: there is no folder")
    code, out, err = sluice("run", "-w", place, PREFECT_API_URL="http://user:geheim@127.0.0.1:9/api")
    assert (code, out) == (2, "")
    assert_plain(err, small_hospital, "PREFECT_API_URL", "127.0.0.1")
    assert "geheim" not in err
