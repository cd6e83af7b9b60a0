"""A folder into a folder: where outputs go, what is refused, runs that go on, mapping, report, directory."""

from __future__ import annotations

import csv
import errno
import gzip
import json
import os
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tasks.core.errors import ConfigurationError
from tasks.core.pseudonyms import Pseudonymiser, new_key
from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify import folder
from tasks.deidentify.bulk import crew, work
from tasks.deidentify.bulk.place import header_of
from tasks.deidentify.bulk.walk import Entry, Origin, survey
from tasks.deidentify.folder import Request, Result, deidentify_folder
from tests.support.identified import KEY, PSEUDONYMISER, SERIES, STUDY, make_ct, nest, part10

PATIENT = "MRN-44871"
NAMES = ("wieczorek", "halina", "44871", "okonkwo", "barnabas", STUDY, SERIES, "jane_doe")


class InlinePool:
    """Does jobs in this process, one at a time; takes no time to start."""

    def __init__(self, processes: int) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> InlinePool:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        for index, job in enumerate(jobs):
            with self._lock:
                yield index, function(*job)


@pytest.fixture(autouse=True)
def _inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "WorkerPool", InlinePool)


@pytest.fixture
def request_of(tmp_path: Path) -> Request:
    """From an empty `in` to a new `out`."""
    key = tmp_path / "key"
    key.write_text(KEY.hex())
    key.chmod(0o600)
    (tmp_path / "in").mkdir()
    return Request(tmp_path / "in", tmp_path / "out", key, DeidentifySettings(profile="research"), workers=1)


def put(asked: Request, name: str, content: bytes | Dataset) -> Path:
    path = asked.source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(part10(content) if isinstance(content, Dataset) else content)
    return path


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def outputs(asked: Request) -> list[str]:
    return [name for name in tree(asked.target) if name != "sluice.json"]


def place_of(sop: str, patient: str = PATIENT) -> str:
    uid = PSEUDONYMISER.uid
    return f"{PSEUDONYMISER.patient(patient)}/{uid(STUDY)}/{uid(SERIES)}/{uid(sop)}.dcm"


def reasons(result: Result) -> dict[str, int]:
    return result.counts.reasons


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
        return list(csv.reader(handle))


def test_files_go_to_their_place_by_the_new_identifiers_whatever_their_names(request_of: Request) -> None:
    put(request_of, "Jane_Doe 1965/x", make_ct("1.2.3.4.1"))
    put(request_of, "a/b/c/d/IM1.jpg", make_ct("1.2.3.4.2"))
    put(request_of, "Ünï\udcff", make_ct("1.2.3.4.3", patient="OTHER-77"))
    result = deidentify_folder(request_of)
    assert outputs(request_of) == sorted(
        [place_of("1.2.3.4.1"), place_of("1.2.3.4.2"), place_of("1.2.3.4.3", "OTHER-77")]
    )
    assert (result.counts.files, result.counts.kept, reasons(result)) == (3, 3, {})
    assert result.counts.classes == {"CTImageStorage": 3}
    ds = pydicom.dcmread(request_of.target / place_of("1.2.3.4.1"))
    assert ds.SOPInstanceUID == PSEUDONYMISER.uid("1.2.3.4.1")
    for name, content in tree(request_of.target).items():
        assert not [word for word in NAMES if word.encode() in content.lower() or word in name.lower()]


def test_a_file_alone_is_a_source(request_of: Request) -> None:
    path = put(request_of, "one", make_ct("1.2.3.4.1"))
    put(request_of, "two", make_ct("1.2.3.4.2"))
    deidentify_folder(replace(request_of, source=path))
    assert outputs(request_of) == [place_of("1.2.3.4.1")]


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_the_study_of_a_nested_item_is_not_taken_for_that_of_the_object(syntax: str) -> None:
    ds, other = make_ct(), Dataset()
    other.StudyInstanceUID, other.SeriesInstanceUID = "2.25.1", "2.25.2"
    ds.update(nest(other, 0x00081250, 0x00081115))
    for undefined in (False, True):
        for sequence in (ds[0x00081250], ds[0x00081250].value[0][0x00081115]):
            sequence.is_undefined_length = undefined
            sequence.value[0].is_undefined_length_sequence_item = undefined
        header = header_of((part10_with_length(ds, syntax),))
        assert (header.study, header.series, header.sop_class) == (STUDY, SERIES, ds.SOPClassUID)


def part10_with_length(ds: Dataset, syntax: str) -> bytes:
    """As we write it: no group but the file meta's has a length, and that one has."""
    content = part10(ds, syntax)
    assert content[132:136] == b"\x02\x00\x00\x00"
    return content


def test_gzip_is_opened_and_what_is_no_dicom_is_told_apart(request_of: Request, tmp_path: Path) -> None:
    plain, good = part10(make_ct("1.2.3.4.1")), part10(make_ct("1.2.3.4.2"))
    put(request_of, "a.dcm.gz", gzip.compress(plain))
    put(request_of, "b", good)
    put(request_of, "cut.gz", gzip.compress(plain)[:-20])
    put(request_of, "twice.gz", gzip.compress(gzip.compress(plain)))
    put(request_of, "bomb.gz", gzip.compress(bytes(20 * 2**20)))
    put(request_of, "empty", b"")
    put(request_of, "letter.txt", b"this is a letter about a patient, who shall not be named here")
    with zipfile.ZipFile(request_of.source / "study.zip", "w") as archive:
        archive.writestr("x", plain)
    with zipfile.ZipFile(request_of.source / "letter.docx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
    result = deidentify_folder(request_of)
    assert reasons(result) == {"bad-archive": 4, "empty-file": 1, "not-dicom": 2}
    assert outputs(request_of) == sorted([place_of("1.2.3.4.1"), place_of("1.2.3.4.2")])
    alone = replace(request_of, source=put(request_of, "c", plain), target=tmp_path / "alone")
    deidentify_folder(alone)
    name = place_of("1.2.3.4.1")
    assert tree(alone.target)[name] == tree(request_of.target)[name]


def test_links_are_not_followed_out_of_the_source_or_into_loops(request_of: Request, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "x").write_bytes(part10(make_ct("1.2.3.4.9")))
    put(request_of, "a/x", make_ct("1.2.3.4.1"))
    source = request_of.source
    (source / "to_file").symlink_to(outside / "x")
    (source / "to_folder").symlink_to(outside)
    (source / "to_nowhere").symlink_to(tmp_path / "missing")
    (source / "a" / "loop").symlink_to(source)
    (source / "itself").symlink_to(source / "itself")
    (source / "same").symlink_to(source / "a" / "x")
    os.mkfifo(source / "pipe")
    result = deidentify_folder(request_of)
    assert reasons(result) == {"duplicate-bytes": 1, "link-outside": 4, "not-dicom": 1}
    assert outputs(request_of) == [place_of("1.2.3.4.1")]


def test_the_walk_is_in_order_and_numbers_what_it_finds(request_of: Request) -> None:
    for name in ("b/2", "b/1", "a", "c", "b.x"):
        put(request_of, name, b"x")
    entries = list(Origin.of(request_of.source).walk())
    assert [(entry.number, entry.locator) for entry in entries] == [
        (1, "a"),
        (2, "b/1"),
        (3, "b/2"),
        (4, "b.x"),
        (5, "c"),
    ]
    assert survey(Origin.of(request_of.source)).entries == 5
    assert not survey(Origin.of(request_of.source)).has_directory


def test_one_instance_twice_is_taken_once_and_others_with_its_uid_not_at_all(request_of: Request) -> None:
    other = make_ct("1.2.3.4.2", patient="OTHER-77")
    put(request_of, "a/1", make_ct("1.2.3.4.1"))
    put(request_of, "z/copy", make_ct("1.2.3.4.1"))
    put(request_of, "z/packed.gz", gzip.compress(part10(make_ct("1.2.3.4.1"))))
    put(request_of, "a/2", make_ct("1.2.3.4.2"))
    put(request_of, "m/2", other)
    put(request_of, "z/3", make_ct("1.2.3.4.3"))
    report = request_of.source.parent / "report.json"
    result = deidentify_folder(replace(request_of, report=report))
    assert outputs(request_of) == sorted([place_of("1.2.3.4.1"), place_of("1.2.3.4.3")])
    assert not list(request_of.target.glob(PSEUDONYMISER.patient("OTHER-77")))
    assert reasons(result) == {"duplicate-bytes": 2, "uid-collision": 2}
    items = [(one["number"], one["outcome"]) for one in json.loads(report.read_text())["items"]]
    assert items == [
        (1, "kept"),
        (2, "uid-collision"),
        (3, "uid-collision"),
        (4, "kept"),
        (5, "duplicate-bytes"),
        (6, "duplicate-bytes"),
    ]


def test_of_two_refused_copies_one_keeps_its_reason(request_of: Request) -> None:
    ds = make_ct("1.2.3.4.1")
    ds.SOPClassUID = "1.2.3.4.5.6.7"
    put(request_of, "a", ds)
    put(request_of, "b", ds)
    assert reasons(deidentify_folder(request_of)) == {"duplicate-bytes": 1, "unknown-class": 1}


def test_a_second_run_gives_the_same_bytes_and_leaves_nothing_else(request_of: Request) -> None:
    report, mapping = request_of.target.parent / "report.json", request_of.target.parent / "map"
    asked = replace(request_of, report=report, mapping=mapping)
    for number in range(5):
        put(asked, f"{number}", make_ct(f"1.2.3.4.{number}"))
    put(asked, "bad", b"x" * 1000)
    deidentify_folder(asked)
    before = tree(asked.target), tree(mapping), report.read_bytes()
    assert set(outputs(asked)) == {place_of(f"1.2.3.4.{number}") for number in range(5)}
    deidentify_folder(asked)
    assert (tree(asked.target), tree(mapping), report.read_bytes()) == before


def test_an_interrupted_run_goes_on_and_does_only_what_is_left(
    request_of: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        put(request_of, f"{number}", make_ct(f"1.2.3.4.{number}"))

    def stop(_: int, kept: int, __: int) -> None:
        if kept >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deidentify_folder(request_of, stop)
    finished = {name: content for name, content in tree(request_of.target).items() if name.endswith(".dcm")}
    assert len(finished) >= 4
    (request_of.target / place_of("1.2.3.4.0")).unlink()
    changed = make_ct("1.2.3.4.1")
    changed.RescaleSlope = "2"
    put(request_of, "1", changed)

    done: list[str] = []
    original = work.Worker.do

    def noting(worker: work.Worker, entry: Any) -> Any:
        done.append(entry.locator)
        return original(worker, entry)

    monkeypatch.setattr(work.Worker, "do", noting)
    result = deidentify_folder(request_of)
    assert {"0", "1"} <= set(done)
    assert 2 <= len(done) <= 6
    assert (result.counts.kept, len(outputs(request_of))) == (8, 8)
    after = tree(request_of.target)
    assert all(after[name] == content for name, content in finished.items() if name != place_of("1.2.3.4.1"))
    assert after[place_of("1.2.3.4.1")] != finished[place_of("1.2.3.4.1")]


def test_a_damaged_journal_only_costs_time(request_of: Request) -> None:
    put(request_of, "1", make_ct("1.2.3.4.1"))
    deidentify_folder(request_of)
    before = tree(request_of.target)
    (request_of.target / ".sluice").mkdir()
    (request_of.target / ".sluice" / "journal").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    (request_of.target / ".sluice" / "77.draft").write_bytes(b"half a file")
    deidentify_folder(request_of)
    assert tree(request_of.target) == before


def test_outputs_of_other_sources_stay_and_what_is_refused_now_goes(request_of: Request) -> None:
    put(request_of, "1", make_ct("1.2.3.4.1"))
    changing = put(request_of, "2", make_ct("1.2.3.4.2"))
    deidentify_folder(request_of)
    risky = make_ct("1.2.3.4.2")
    risky.SOPClassUID = "1.2.3.4.5.6.7"
    changing.write_bytes(part10(risky))
    (request_of.source / "1").unlink()
    put(request_of, "3", make_ct("1.2.3.4.3"))
    result = deidentify_folder(request_of)
    assert outputs(request_of) == sorted([place_of("1.2.3.4.1"), place_of("1.2.3.4.3")])
    assert result.strangers == 1


def refused(asked: Request) -> str:
    with pytest.raises(ConfigurationError) as failed:
        deidentify_folder(asked)
    message = str(failed.value)
    assert "\n" not in message
    return message


def test_a_target_of_another_key_profile_or_layout_is_refused(request_of: Request, tmp_path: Path) -> None:
    put(request_of, "1", make_ct())
    deidentify_folder(request_of)
    before = tree(request_of.target)
    new_key(tmp_path / "other")
    assert "another key" in refused(replace(request_of, key_file=tmp_path / "other"))
    assert "another profile" in refused(replace(request_of, settings=DeidentifySettings(profile="basic")))
    overridden = DeidentifySettings(profile="research", overrides={"Manufacturer": "X"})
    assert "another profile" in refused(replace(request_of, settings=overridden))
    assert "without --dicomdir" in refused(replace(request_of, dicomdir=True))
    assert tree(request_of.target) == before


def test_the_statement_in_the_target_holds_nothing_secret(request_of: Request) -> None:
    put(request_of, "1", make_ct())
    deidentify_folder(request_of)
    said = json.loads((request_of.target / "sluice.json").read_text())
    assert said["key"] == PSEUDONYMISER.key_id
    assert said["layout"] == "uids"
    assert said["profile"]["name"] == "research"
    assert KEY.hex() not in json.dumps(said)


def test_places_that_must_not_be_are_refused_before_any_work(request_of: Request, tmp_path: Path) -> None:
    put(request_of, "1", make_ct())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "loose").write_text(KEY.hex())
    (tmp_path / "loose").chmod(0o644)
    (tmp_path / "short").write_text("abcd")
    (tmp_path / "short").chmod(0o600)
    source, target = request_of.source, request_of.target
    cases = [
        (replace(request_of, source=tmp_path / "nowhere"), "there is no file or folder"),
        (replace(request_of, source=tmp_path / "empty"), "there is no file in"),
        (replace(request_of, target=source / "out"), "must not lie in each other"),
        (replace(request_of, target=tmp_path), "must not lie in each other|the key must not lie in"),
        (replace(request_of, target=source), "must not lie in each other"),
        (replace(request_of, target=tmp_path / "full"), "is not empty"),
        (replace(request_of, target=tmp_path / "file"), "a file lies where a folder must be"),
        (replace(request_of, target=tmp_path / "file" / "out"), "a file lies where a folder must be"),
        (replace(request_of, mapping=target / "map"), "must not lie in the output"),
        (replace(request_of, mapping=source / "map"), "lies in the source"),
        (replace(request_of, mapping=tmp_path / "open"), "chmod 700"),
        (replace(request_of, mapping=tmp_path / "file"), "is a file"),
        (replace(request_of, report=source / "r.json"), "lies in the source"),
        (replace(request_of, report=tmp_path / "empty"), "is a folder"),
        (replace(request_of, report=tmp_path / "file" / "r.json"), "a file lies where a folder must be"),
        (replace(request_of, key_file=tmp_path / "missing"), "no key at"),
        (replace(request_of, key_file=tmp_path / "loose"), "chmod 600"),
        (replace(request_of, key_file=tmp_path / "short"), "too short"),
        (replace(request_of, settings=DeidentifySettings(overrides={"PatientAg": "X"})), "did you mean"),
    ]
    for asked, words in cases:
        assert re.search(words, refused(asked)), words
        assert not list(tmp_path.rglob("*.dcm"))
    inside = target / "key"
    target.mkdir()
    inside.write_text(KEY.hex())
    inside.chmod(0o600)
    assert "the key must not lie in the output" in refused(replace(request_of, key_file=inside))


def test_a_full_disk_is_told_in_one_line_and_leaves_no_draft(
    request_of: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(request_of, "1", make_ct("1.2.3.4.1"))
    original = work.write

    def full(parts: Any, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(work, "write", full)
    assert "is full: free some space" in refused(request_of)
    assert not list(request_of.target.rglob("*.draft"))
    assert not list(request_of.target.rglob("*.dcm"))
    monkeypatch.setattr(work, "write", original)
    assert deidentify_folder(request_of).counts.kept == 1
    assert outputs(request_of) == [place_of("1.2.3.4.1")]


def test_a_source_that_gives_way_refuses_the_file_and_not_the_run(
    request_of: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(request_of, "1", make_ct("1.2.3.4.1"))
    monkeypatch.setattr(work, "write", lambda *_: (_ for _ in ()).throw(OSError("a file became shorter")))
    assert reasons(deidentify_folder(request_of)) == {"incomplete": 1}
    assert outputs(request_of) == []


def test_two_runs_cannot_write_to_one_target(request_of: Request) -> None:
    put(request_of, "1", make_ct())

    def meanwhile(*_: int) -> None:
        with pytest.raises(ConfigurationError, match="another run is writing"):
            deidentify_folder(request_of)
        seen.append(1)

    seen: list[int] = []
    deidentify_folder(request_of, meanwhile)
    assert seen


def referring(sop: str, patient: str, to: str) -> Dataset:
    """An image of a patient that refers to another image, two sequences deep."""
    inner = Dataset()
    inner.ReferencedSOPClassUID, inner.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", to
    ds = make_ct(sop, patient)
    ds.StudyInstanceUID = f"{STUDY}.{len(patient)}"
    ds.update(nest(inner, 0x00081115, 0x00081140))
    return ds


def test_the_mapping_has_every_uid_and_patient_and_is_closed_to_others(request_of: Request, tmp_path: Path) -> None:
    mapping = tmp_path / "maps" / "one"
    for number in range(4):
        # Slices share all but their own UID, so the engine remembers most of their elements and does not ask again.
        put(request_of, f"{number}", referring(f"1.2.3.4.{number}", f"MRN-{'9' * (number // 2 + 3)}", "1.2.3.4.99"))
    put(request_of, "Jane_Doe.txt", b"a letter, long enough to be looked at by whoever wants to")
    deidentify_folder(replace(request_of, mapping=mapping))
    assert mapping.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in mapping.iterdir()} == {"uid.csv", "patient.csv", "files.csv"}
    assert {path.stat().st_mode & 0o777 for path in mapping.iterdir()} == {0o600}
    uids, patients = rows(mapping / "uid.csv"), rows(mapping / "patient.csv")
    assert uids[0] == patients[0] == ["id_old", "id_new"]
    assert uids[1:] == sorted(uids[1:])
    assert dict(patients[1:]) == {old: PSEUDONYMISER.patient(old) for old in ("MRN-999", "MRN-9999")}
    mapped = dict(map(tuple, uids[1:]))
    assert mapped == {old: PSEUDONYMISER.uid(old) for old in mapped}
    expected = {f"1.2.3.4.{number}" for number in range(4)} | {f"{STUDY}.7", f"{STUDY}.8", SERIES, "1.2.3.4.99"}
    assert expected <= set(mapped)
    for path in request_of.target.rglob("*.dcm"):
        for element in pydicom.dcmread(path).iterall():
            if element.VR == "UI" and str(element.value).startswith("2.25."):
                assert str(element.value) in mapped.values()
    files = rows(mapping / "files.csv")
    assert files[0] == ["path", "item", "outcome"]
    assert files[-1] == ["Jane_Doe.txt", PSEUDONYMISER.item("Jane_Doe.txt"), "not-dicom"]


def test_a_mapping_grows_with_the_same_key_and_is_refused_with_another(request_of: Request, tmp_path: Path) -> None:
    put(request_of, "1", make_ct("1.2.3.4.1"))
    first = replace(request_of, mapping=tmp_path / "map")
    deidentify_folder(first)
    (tmp_path / "next").mkdir()
    (tmp_path / "next" / "2").write_bytes(part10(make_ct("1.2.3.4.2", "OTHER-77")))
    deidentify_folder(replace(first, source=tmp_path / "next"))
    assert {old for old, _ in rows(tmp_path / "map" / "patient.csv")[1:]} == {PATIENT, "OTHER-77"}
    assert {"1.2.3.4.1", "1.2.3.4.2"} <= {old for old, _ in rows(tmp_path / "map" / "uid.csv")}
    new_key(tmp_path / "other")
    message = refused(replace(first, key_file=tmp_path / "other", target=tmp_path / "out2"))
    assert "mapping of another key" in message
    assert not list((tmp_path / "map").glob(".*"))


def test_the_report_tells_outcomes_and_nobody(request_of: Request, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    put(request_of, "Jane_Doe/1", make_ct("1.2.3.4.1"))
    put(request_of, "Wieczorek.txt", b"Halina Wieczorek, MRN-44871, has come to see us")
    deidentify_folder(replace(request_of, report=report))
    text = report.read_text()
    assert not [name for name in NAMES if name in text.lower()]
    said = json.loads(text)
    assert (said["files"], said["kept"], said["quarantined"], said["skipped"]) == (2, 1, 0, 1)
    assert said["classes"] == {"CTImageStorage": 1}
    assert said["key"] == PSEUDONYMISER.key_id
    assert said["profile"]["name"] == "research"
    assert said["outcomes"]["not-dicom"]["what to do"] == Reason.NOT_DICOM.remedy
    kept, skipped = said["items"]
    assert kept["sop"] == PSEUDONYMISER.uid("1.2.3.4.1")
    assert kept["item"] == PSEUDONYMISER.item("Jane_Doe/1")
    assert (skipped["number"], skipped["outcome"]) == (2, "not-dicom")


def test_media_get_a_directory_that_lists_what_was_written(request_of: Request) -> None:
    for number in range(3):
        ds = make_ct(f"1.2.3.4.{number}", f"MRN-{number % 2}00000")
        del ds.StudyDate, ds.StudyTime
        put(request_of, f"{number}", ds)
    directory = make_ct("1.2.3.4.8")
    directory.SOPClassUID = "1.2.840.10008.1.3.10"
    put(request_of, "DICOMDIR", directory)
    media = replace(request_of, dicomdir=True)
    result = deidentify_folder(media)
    assert (result.counts.kept, result.listed, reasons(result)) == (3, 3, {"media-directory": 1})
    files = FileSet(request_of.target / "DICOMDIR")
    assert {str(instance.SOPInstanceUID) for instance in files} == {
        PSEUDONYMISER.uid(f"1.2.3.4.{number}") for number in range(3)
    }
    assert set(files.find_values("PatientID")) == {PSEUDONYMISER.patient(f"MRN-{number}00000") for number in range(2)}
    for instance in files:
        path = Path(instance.path)
        assert path.is_relative_to(request_of.target)
        assert all(len(part) == 8 and part.isalnum() for part in path.relative_to(request_of.target).parts)
        assert pydicom.dcmread(path).SOPInstanceUID == instance.SOPInstanceUID
    before = tree(request_of.target)
    deidentify_folder(request_of)
    assert tree(request_of.target) == before
    assert "with --dicomdir" in refused(replace(request_of, dicomdir=False))


def test_a_source_with_a_directory_gets_a_new_one_over_the_usual_places(request_of: Request) -> None:
    put(request_of, "DICOMDIR", b"x" * 200)
    put(request_of, "1", make_ct("1.2.3.4.1"))
    assert deidentify_folder(request_of).listed == 1
    assert outputs(request_of) == ["DICOMDIR", place_of("1.2.3.4.1")]
    assert [Path(instance.path) for instance in FileSet(request_of.target / "DICOMDIR")] == [
        request_of.target / place_of("1.2.3.4.1")
    ]
    (request_of.source / "DICOMDIR").unlink()
    put(request_of, "2", make_ct("1.2.3.4.2"))
    assert deidentify_folder(request_of).listed == 2
    assert deidentify_folder(replace(request_of, dicomdir=False)).listed is None
    assert outputs(request_of) == sorted([place_of("1.2.3.4.1"), place_of("1.2.3.4.2")])


def test_a_batch_ends_when_its_time_is_up_and_not_before_its_first_file(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = tuple(Entry(number, "x", 0, 0) for number in range(5))
    monkeypatch.setattr(crew, "SECONDS", -1.0)
    assert list(crew.in_time(entries)) == [entries[0]]
    done = crew.spread(InlinePool(1), 1, lambda _, batch: [one.number for one in crew.in_time(batch)], None, [entries])
    assert sorted(number for results in done for _, number in results) == [0, 1, 2, 3, 4]


def test_a_file_that_kills_its_process_is_found_among_many() -> None:
    class Deadly(InlinePool):
        def run(self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
            for index, (_, batch) in enumerate(jobs):
                yield index, None if any(entry.number == 7 for entry in batch) else [entry.number for entry in batch]

    entries = tuple(Entry(number, "x", 0, 0) for number in range(20))
    done = [pair for results in crew.spread(Deadly(1), 1, list, None, [entries]) for pair in results]
    assert {entry.number: result for entry, result in done} == {
        number: None if number == 7 else number for number in range(20)
    }


def test_a_pseudonymiser_that_records_gives_the_same_answers() -> None:
    recorder = work.Recorder(KEY)
    assert recorder.uid("1.2.3 ") == Pseudonymiser(KEY).uid("1.2.3")
    assert recorder.patient(" A1") == Pseudonymiser(KEY).patient("A1")
    assert recorder.patient("", STUDY) == Pseudonymiser(KEY).patient("", STUDY)
    assert recorder.take() == ((("1.2.3", recorder.uid("1.2.3")),), (("A1", recorder.patient("A1")),))
