"""A series becomes one archive; each file has one outcome; duplicates and collisions are told apart; nothing leaks."""

from __future__ import annotations

import logging
import pickle
import random
import zipfile
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from tasks.core.errors import ConfigurationError
from tasks.core.models import State, Unit
from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.unit import deidentify_unit
from tests.support.identified import KEY, PSEUDONYMISER, SERIES, STUDY, deidentify, make_ct, part10, raw

PATIENT = "MRN-44871"
UNIT = Unit(
    unit=PSEUDONYMISER.unit(PATIENT, STUDY, SERIES),
    patient=PSEUDONYMISER.patient(PATIENT),
    study=PSEUDONYMISER.study(PATIENT, STUDY),
    modality="CT",
    expected=1,
    bytes=1,
    fingerprint="f",
)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY.hex())
    path.chmod(0o600)
    return path


def run(tmp_path: Path, key: Path, files: dict[str, bytes], settings: DeidentifySettings | None = None):  # type: ignore[no-untyped-def]
    source = tmp_path / "quarantine"
    source.mkdir(exist_ok=True)
    for path in source.iterdir():
        path.unlink()
    for name, content in files.items():
        (source / f"{name}.dcm").write_bytes(content)
    target = tmp_path / "deidentified" / UNIT.archive
    result = deidentify_unit(source, target, UNIT, settings or DeidentifySettings(), key)
    assert sorted(path.stem for path in source.iterdir()) == sorted(item.item for item in result.items)
    return result, target


def test_a_series_becomes_one_archive_of_new_names(tmp_path: Path, key: Path) -> None:
    files = {f"i{number}": part10(make_ct(f"1.2.3.4.{number}")) for number in range(3)}
    result, target = run(tmp_path, key, files)
    expected = {f"i{number}": PSEUDONYMISER.uid(f"1.2.3.4.{number}") for number in range(3)}
    assert {item.item: item.sop for item in result.items} == expected
    assert all(item.state is State.DEIDENTIFIED for item in result.items)
    with zipfile.ZipFile(target) as archive:
        assert archive.namelist() == sorted(f"{sop}.dcm" for sop in expected.values())
        for name in archive.namelist():
            assert pydicom.dcmread(BytesIO(archive.read(name))).PatientID == UNIT.patient
    assert pickle.loads(pickle.dumps(result)) == result


def test_the_same_input_gives_the_same_archive_in_any_order(tmp_path: Path, key: Path) -> None:
    contents = [part10(make_ct(f"1.2.3.4.{number}")) for number in range(5)]
    digests = set()
    for seed in range(3):
        random.Random(seed).shuffle(contents)
        result, _ = run(tmp_path, key, {f"i{place}": content for place, content in enumerate(contents)})
        digests.add(result.digest)
    assert len(digests) == 1


def test_equal_bytes_are_one_instance_and_other_bytes_a_collision(tmp_path: Path, key: Path) -> None:
    other = make_ct("1.2.3.4.2")
    other.RescaleSlope = "2"
    files = {
        "a": part10(make_ct("1.2.3.4.1")),
        "b": part10(make_ct("1.2.3.4.1")),
        "c": part10(make_ct("1.2.3.4.2")),
        "d": part10(other),
        "e": part10(make_ct("1.2.3.4.3")),
    }
    result, target = run(tmp_path, key, files)
    reasons = {item.item: item.reason for item in result.items}
    assert reasons == {
        "a": None,
        "b": Reason.DUPLICATE_BYTES,
        "c": Reason.UID_COLLISION,
        "d": Reason.UID_COLLISION,
        "e": None,
    }
    with zipfile.ZipFile(target) as archive:
        assert len(archive.namelist()) == 2


def test_every_file_has_an_outcome_and_one_bad_file_stops_nothing(tmp_path: Path, key: Path) -> None:
    nameless, good = make_ct("1.2.3.4.9"), part10(make_ct("1.2.3.4.1"))
    del nameless.SOPInstanceUID
    directory = make_ct("1.2.3.4.8")
    directory.SOPClassUID = "1.2.840.10008.1.3.10"
    files = {
        "bad": good[:140] + b"\xff" * 300,
        "directory": part10(directory),
        "empty": b"",
        "good": good,
        "nameless": part10(nameless),
        "other": part10(make_ct("1.2.3.4.7", patient="SOMEONE-ELSE")),
        "text": b"this is a letter about a patient",
    }
    result, _ = run(tmp_path, key, files)
    assert {item.item: item.reason for item in result.items} == {
        "bad": Reason.UNREADABLE,
        "directory": Reason.MEDIA_DIRECTORY,
        "empty": Reason.NOT_DICOM,
        "good": None,
        "nameless": Reason.NO_IDENTITY,
        "other": Reason.PATIENT_MISMATCH,
        "text": Reason.NOT_DICOM,
    }


def test_where_nothing_is_kept_there_is_no_archive(tmp_path: Path, key: Path) -> None:
    _, target = run(tmp_path, key, {"a": part10(make_ct())})
    assert target.exists()
    result, target = run(tmp_path, key, {"a": b"no dicom at all, but long enough"})
    assert result.digest is None
    assert not target.exists()


@pytest.mark.parametrize("cut", range(150, 900, 50))
def test_a_file_that_is_cut_anywhere_has_an_outcome(cut: int) -> None:
    outcome = deidentify(part10(make_ct())[:cut])
    assert outcome.reason is not None or outcome.content


def test_nothing_that_names_the_patient_reaches_log_or_result(
    tmp_path: Path, key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    leaking = make_ct("1.2.3.4.1")
    leaking.ManufacturerModelName, leaking.SpecificCharacterSet = "Wieczorek", "WIECZOREK"
    result, _ = run(tmp_path, key, {"a": part10(leaking), "b": part10(make_ct("1.2.3.4.2"))[:-40]})
    seen = (caplog.text + repr(result) + result.model_dump_json()).lower()
    for identifier in ("wieczorek", "halina", "44871", "19411102", STUDY, "1.2.3.4.1", "okonkwo", "barnabas"):
        assert identifier not in seen


def test_a_bad_key_or_profile_stops_before_work(tmp_path: Path, key: Path) -> None:
    with pytest.raises(ConfigurationError, match="override"):
        run(tmp_path, key, {"a": part10(make_ct())}, DeidentifySettings(overrides={"Nonsense": "X"}))
    key.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        run(tmp_path, key, {"a": part10(make_ct())})
    with pytest.raises(ConfigurationError, match="no key"):
        run(tmp_path, tmp_path / "nokey", {"a": part10(make_ct())})


def test_a_damaged_header_does_not_carry_an_identifier_under_another_name() -> None:
    content = part10(make_ct())
    moved = content.replace(b"\x10\x00\x20\x00LO", b"\x08\x00\x70\x00LO")  # PatientID says that it is Manufacturer
    swallowed = content.replace(b"\x08\x00\x70\x00LO\x04\x00ACME", b"\x08\x00\x70\x00LO\x12\x00ACME")
    assert moved != content != swallowed
    for damaged in (moved, swallowed):
        outcome = deidentify(damaged)
        assert b"44871" not in outcome.content
        assert b"Okonkwo" not in outcome.content


def test_a_long_number_that_is_none_is_judged_in_no_time() -> None:
    ds = make_ct()
    ds[0x00201041] = raw(0x00201041, "DS", b"1" * 4000 + b"e x")  # a pattern that backtracks would take for ever
    assert deidentify(part10(ds)).reason is None


def test_an_instance_without_a_series_has_no_place_in_a_release(tmp_path: Path, key: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    ds = make_ct()
    del ds.SeriesInstanceUID
    source.joinpath("a.dcm").write_bytes(part10(ds))
    result = deidentify_unit(source, tmp_path / "out.zip", UNIT, DeidentifySettings(), key)
    assert [item.reason for item in result.items] == [Reason.NO_IDENTITY]
    assert not (tmp_path / "out.zip").exists()
