"""`sluice deidentify` and `sluice verify` as a user types them: outcomes, exit codes, kills, full disks, leaks."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pydicom
import pytest
from pydicom.fileset import FileSet
from typer.testing import CliRunner

from flows.cli import app
from tasks.core.pool import WorkerPool
from tasks.core.pseudonyms import Pseudonymiser, new_key
from tasks.deidentify.bulk.crew import batch_size, cut, spread
from tasks.deidentify.bulk.walk import Entry
from tasks.simulate.hospital import simulate
from tests.conftest import Hospital
from tests.support.disks import fill, small_disk
from tests.support.identified import KEY, make_ct, part10
from tests.support.leaks import Needles, search
from tests.support.places import ROOT

HEAVY = (
    *("prefect", "pandas", "pyarrow", "sqlalchemy", "mlflow", "great_expectations", "dvc", "alembic"),
    *("highdicom", "cv2", "onnxruntime"),
)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "study.key"
    path.write_text(KEY.hex())
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 slices of five patients: enough that a run can be stopped in the middle."""
    source = tmp_path_factory.mktemp("many")
    for patient in range(5):
        slice_ = part10(make_ct("1.2.3.4.1000", f"MRN-{patient}4871"))
        for number in range(1000 + patient * 600, 1600 + patient * 600):
            (source / f"IM{number}").write_bytes(slice_.replace(b"1.2.3.4.1000", b"1.2.3.4.%d" % number))
    return source


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flows", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # What a shell starts in the background ignores the keyboard, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def sluice(*arguments: object, **environment: str) -> tuple[int, str, str]:
    child = start(*arguments, **environment)
    out, err = child.communicate(timeout=300)
    return child.returncode, out, err


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def clean(many: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one worker makes of `many`."""
    place = tmp_path_factory.mktemp("clean")
    key = place / "key"
    key.write_text(KEY.hex())
    key.chmod(0o600)
    code, _, err = sluice("deidentify", many, place / "out", "--key-file", key, "--workers", 1)
    assert (code, err) == (0, "")
    return tree(place / "out")


def test_any_number_of_workers_gives_the_same_bytes(
    many: Path, clean: dict[str, bytes], key: Path, tmp_path: Path
) -> None:
    code, out, err = sluice("deidentify", many, tmp_path / "out", "--workers", 3, SLUICE_KEY_FILE=str(key))
    assert (code, err) == (0, "")
    assert "3000 files = 3000 kept + 0 quarantined + 0 skipped" in out
    assert tree(tmp_path / "out") == clean
    assert len(clean) == 3001


def test_a_killed_run_leaves_nothing_half_made_and_the_next_goes_on(
    many: Path, clean: dict[str, bytes], key: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    for kills in range(3):
        child = start("deidentify", many, target, "--key-file", key, "--workers", 2)
        until = time.monotonic() + 60
        while child.poll() is None and len(list(target.rglob("*.dcm"))) < 300 * (kills + 1):
            assert time.monotonic() < until
            time.sleep(0.005)
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        written = {name: content for name, content in tree(target).items() if name.endswith(".dcm")}
        assert written.items() <= clean.items()
    code, _, err = sluice("deidentify", many, target, "--key-file", key, "--workers", 2)
    assert (code, err) == (0, "")
    assert tree(target) == clean


def test_a_stop_from_the_keyboard_ends_cleanly_and_the_next_run_does_only_the_rest(
    many: Path, clean: dict[str, bytes], key: Path, tmp_path: Path
) -> None:
    for attempt in range(6):  # 3000 small files take two seconds: on a busy machine a run may end before it is stopped
        target = tmp_path / f"out{attempt}"
        child = start("deidentify", many, target, "--key-file", key, "--workers", 1)
        os.setpriority(os.PRIO_PGRP, child.pid, 10)  # so that we are awake when it is under way
        until = time.monotonic() + 60
        while sum(1 for _ in target.rglob("*.dcm")) < 300:
            assert time.monotonic() < until
            time.sleep(0.005)
        os.killpg(child.pid, signal.SIGINT)
        _, err = child.communicate(timeout=30)
        if child.returncode:
            break
    assert err == "sluice: stopped; start it again and it goes on from here\n"
    assert child.returncode == 130
    assert not list(target.rglob("*.draft"))
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*.dcm")}
    code, out, err = sluice("deidentify", many, target, "--key-file", key, "--workers", 1)
    assert (code, err) == (0, "")
    assert "3000 files = 3000 kept" in out
    assert tree(target) == clean
    untouched = sum(path.stat().st_mtime_ns == when for path, when in before.items())
    assert untouched >= 50  # all but the batches whose end the journal had not yet heard of


def die_at_seven(_: object, batch: tuple[Entry, ...]) -> list[int]:
    if any(entry.number == 7 for entry in batch):
        os._exit(1)
    return [entry.number for entry in batch]


def test_a_file_that_kills_its_process_is_refused_alone() -> None:
    entries = [Entry(number, "x", 0, 0) for number in range(10)]
    with WorkerPool(2) as pool:
        batches = cut(entries, batch_size(len(entries), 2))
        done = dict(pair for results in spread(pool, 2, die_at_seven, None, batches) for pair in results)
    assert [done[entry] for entry in entries] == [None if number == 7 else number for number in range(10)]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    """The smallest synthetic hospital."""
    place = tmp_path_factory.mktemp("hospital") / "made_up"
    return Hospital(place, simulate(place, patients=8))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 64) as place:
        yield place


def test_a_full_disk_is_one_line_and_freeing_it_lets_the_next_run_finish(
    many: Path, clean: dict[str, bytes], key: Path, disk: Path
) -> None:
    ballast = fill(disk, leave=3_000_000)
    code, _, err = sluice("deidentify", many, disk / "out", "--key-file", key, "--workers", 2)
    assert code == 2
    assert err.count("\n") == 1
    assert "is full: free some space" in err
    written = {name: content for name, content in tree(disk / "out").items() if name.endswith(".dcm")}
    assert written.items() <= clean.items()
    ballast.unlink()
    code, _, err = sluice("deidentify", many, disk / "out", "--key-file", key, "--workers", 2)
    assert (code, err) == (0, "")
    assert tree(disk / "out") == clean


def bad_keys(tmp_path: Path) -> Sequence[tuple[list[str], str]]:
    short, loose = tmp_path / "short", tmp_path / "loose"
    short.write_text("abcd")
    short.chmod(0o600)
    loose.write_text(KEY.hex())
    loose.chmod(0o644)
    return (
        ([], "no key is named: use --key-file or SLUICE_KEY_FILE; `sluice key PATH` makes one"),
        (["--key-file", str(tmp_path / "none")], "no key at"),
        (["--key-file", str(short)], "is too short"),
        (["--key-file", str(loose)], "can be read by others: run `chmod 600"),
        (["--key-file", str(tmp_path)], "cannot be read"),
    )


def refused(*arguments: object) -> str:
    """What a command in this process says on standard error, which is one line."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1), result.output
    return result.stderr


def test_bad_keys_and_profiles_are_one_line_and_nothing_is_written(many: Path, key: Path, tmp_path: Path) -> None:
    profile = tmp_path / "profile.yaml"
    cases = [(command, options, words) for command in ("deidentify", "verify") for options, words in bad_keys(tmp_path)]
    for content, words in (
        ("options: [retain-full-date]", "did you mean `retain-full-dates`"),
        ("overrides: {PatientAg: X}", "did you mean `PatientAge`"),
        ("profil: basic", "did you mean `profile`"),
        ("options: [", "is not YAML"),
    ):
        profile.write_text(content)
        assert words in refused("deidentify", many, tmp_path / "out", "--key-file", key, "--profile", profile)
    for command, options, words in cases:
        assert words in refused(command, many, tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_a_new_key_is_closed_to_others_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    code, out, _ = sluice("key", path)
    assert code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert Pseudonymiser.from_file(path).key_id in out
    content = path.read_text()
    assert content.strip() not in out
    assert "exists already" in refused("key", path)
    assert path.read_text() == content


def test_a_hospital_is_deidentified_and_names_nobody_anywhere(hospital: Hospital, key: Path, tmp_path: Path) -> None:
    target, report, mapping = tmp_path / "out", tmp_path / "report.json", tmp_path / "map"
    options = ("--key-file", key, "--workers", 2, "--report", report)
    code, out, err = sluice("deidentify", hospital.dicom, target, *options)
    assert code == 5  # the hospital has traps
    needles = Needles(hospital.key.planted)
    assert not list(needles.find((out + err).encode()))
    assert not list(needles.find(report.read_bytes()))
    leaks, searched = search(target, needles)
    assert leaks == []
    assert searched > 1_000_000
    said = json.loads(report.read_text())
    kept = [item for item in said["items"] if item["outcome"] == "kept"]
    assert {item["sop"] for item in kept} == {path.stem for path in target.rglob("*.dcm")}
    assert said["files"] == len(said["items"]) == said["kept"] + said["quarantined"] + said["skipped"]

    before = tree(target), report.read_bytes()
    assert sluice("deidentify", hospital.dicom, target, *options, "--mapping", mapping)[0] == 5
    assert (tree(target), report.read_bytes()) == before
    with (mapping / "uid.csv").open(newline="") as handle:
        uids = dict(list(csv.reader(handle))[1:])
    new = set(uids.values())
    for path in target.rglob("*.dcm"):
        for element in pydicom.dcmread(path, stop_before_pixels=True).iterall():
            if element.VR == "UI" and str(element.value).startswith("2.25."):
                assert str(element.value) in new, element.keyword
    with (mapping / "patient.csv").open(newline="") as handle:
        patients = dict(list(csv.reader(handle))[1:])
    assert {path.name for path in target.iterdir() if path.is_dir()} <= set(patients.values())


def test_verify_finds_nothing_in_what_was_deidentified_and_something_in_what_was_not(
    hospital: Hospital, key: Path, tmp_path: Path
) -> None:
    target, mapping = tmp_path / "out", tmp_path / "map"
    options = ("--key-file", key, "--workers", 2)
    assert sluice("deidentify", hospital.dicom, target, *options, "--mapping", mapping)[0] == 5
    code, out, err = sluice("verify", hospital.dicom, target, *options)
    assert (code, err) == (0, ""), out
    outputs = sum(1 for _ in target.rglob("*.dcm"))
    assert f"outputs     {outputs} files, {outputs} compared with their source" in out

    leaking = sorted(target.rglob("*.dcm"))[3]
    ds = pydicom.dcmread(leaking)
    with (mapping / "patient.csv").open(newline="") as handle:
        old = {new: old for old, new in list(csv.reader(handle))[1:]}[ds.PatientID]
    ds.StudyComments = f"seen before as {old}"
    ds.save_as(leaking)
    code, out, err = sluice("verify", hospital.dicom, target, *options)
    assert code == 3
    assert err.startswith("sluice: 1 of ")
    assert str(leaking.relative_to(target)) in out
    assert old not in out + err


def test_verify_compares_the_outputs_of_other_tools(many: Path, key: Path, tmp_path: Path) -> None:
    source, other = tmp_path / "in", tmp_path / "other"
    source.mkdir()
    other.mkdir()
    for name in ("IM1000", "IM1001", "IM3999"):
        shutil.copyfile(many / name, source / name)
    shutil.copyfile(source / "IM1000", other / "kept_as_it_was")
    code, out, _ = sluice("verify", source, other, "--key-file", key)
    assert (code, "output 1: " in out, "kept_as_it_was" in out) == (3, True, False)

    ds = pydicom.dcmread(source / "IM1000")
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.99.1"
    ds.save_as(other / "kept_as_it_was")
    assert "none of the 1 outputs belongs to a source file" in refused("verify", source, other, "--key-file", key)
    assert sluice("verify", source, other, "--key-file", key, "--everyone")[0] == 3
    (tmp_path / "uid.csv").write_text("id_old,id_new\n1.2.3.4.1000,1.2.99.1\n")
    assert sluice("verify", source, other, "--key-file", key, "--mapping", tmp_path / "uid.csv")[0] == 3


def test_verify_says_what_it_could_not_compare(many: Path, key: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(4):
        shutil.copyfile(many / f"IM{1000 + number}", source / f"{number}")
    assert sluice("deidentify", source, target, "--key-file", key)[0] == 0
    (source / "0").unlink()
    next(target.rglob(f"{Pseudonymiser(KEY).uid('1.2.3.4.1001')}.dcm")).unlink()
    code, out, err = sluice("verify", source, target, "--key-file", key)
    assert (code, err) == (5, "")
    assert "sources     3 files, 1 not in DST, 0 no instance" in out
    assert "1 outputs belong to no file of SRC" in out
    new_key(tmp_path / "other")
    assert "was made with another key" in refused("verify", source, target, "--key-file", tmp_path / "other")
    assert "by another profile" in refused("verify", source, target, "--key-file", key, "--profile", "research")
    assert "name the folder of the outputs" in refused("verify", source, source / "1", "--key-file", key)


@pytest.mark.shared
def test_half_of_the_shared_corpus_has_an_outcome_for_each_file_and_keeps_its_directory(
    shared_data: Path, key: Path, tmp_path: Path
) -> None:
    """test_deidentify_corpus.py goes through all of it file by file; here the word of the command counts."""
    source, target, report = tmp_path / "in", tmp_path / "out", tmp_path / "report.json"
    for path in sorted(path for path in (shared_data / "dicom").rglob("*") if path.is_file())[::2]:
        place = source / path.relative_to(shared_data)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    options = ("--key-file", key, "--workers", 2, "--profile", "research")
    code, out, err = sluice("deidentify", source, target, *options, "--report", report)
    print(out)
    assert code == 5
    assert "pydicom" not in err  # its warnings quote values
    said = json.loads(report.read_text())
    assert said["files"] == sum(path.is_file() for path in source.rglob("*"))
    outputs = list(target.rglob("*.dcm"))
    assert len(outputs) == said["kept"] > 250
    listed = {Path(instance.path) for instance in FileSet(target / "DICOMDIR")}
    assert listed <= set(outputs)
    assert len(listed) >= 0.98 * len(outputs)
    code, out, err = sluice("verify", source, target, *options)
    assert code == 0, out + err
    assert "pydicom" not in err


@pytest.mark.parametrize("command", [("deidentify", "--help"), ("verify", "--help")])
def test_a_command_starts_without_what_it_does_not_need(command: tuple[str, ...]) -> None:
    code = f"import sys; sys.argv = ['sluice', *{command!r}]\ntry:\n    from flows.cli import main; main()\n"
    code += "finally:\n    sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Usage" in done.stdout
    assert not set(HEAVY) & set(done.stderr.split())


def test_a_run_imports_nothing_that_it_does_not_need(many: Path, key: Path, tmp_path: Path) -> None:
    arguments = ["sluice", "deidentify", str(many / "IM1000"), str(tmp_path / "out"), "--key-file", str(key)]
    code = f"import sys; sys.argv = {arguments!r}\nif __name__ == '__main__':\n    from flows.cli import main\n"
    code += "    try:\n        main()\n    finally:\n        sys.stderr.write(' '.join(sys.modules))"
    script = tmp_path / "script.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "1 files = 1 kept" in done.stdout, done.stderr
    assert not set(HEAVY) & set(done.stderr.split())
