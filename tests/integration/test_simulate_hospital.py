"""A small synthetic hospital: the answer key tells the truth about what lies on disk, and each trap is what it says."""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
import zipfile
from collections import Counter
from datetime import date
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from tasks.core.errors import ConfigurationError
from tasks.simulate.__main__ import main
from tasks.simulate.hospital import simulate
from tasks.simulate.model import AnswerKey, Kind
from tasks.simulate.plan import uid_of

PIXELS_START = 24_000  # headers are shorter
TRUNCATED = ("corrupt", "not-dicom", "zip")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "hospital"
    simulate(folder, seed=3, patients=8)
    return folder


@pytest.fixture(scope="module")
def key(root: Path) -> AnswerKey:
    return AnswerKey.read(root)


@pytest.fixture(scope="module")
def contents(root: Path) -> dict[str, bytes]:
    """The bytes of every DICOM item by its path in the answer key, wrappers removed."""
    found: dict[str, bytes] = {}
    for path in sorted((root / "dicom").rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                found |= {f"{name}!{member}": archive.read(member) for member in archive.namelist()}
        elif path.is_file():
            raw = path.read_bytes()
            found[name] = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return found


@pytest.fixture(scope="module")
def headers(contents: dict[str, bytes], key: AnswerKey) -> dict[str, Dataset]:
    """Every readable data set by its path."""
    left_out = {*key.traps["corrupt"], *key.traps["not-dicom"]}
    return {
        path: dcmread(BytesIO(raw), force=True, stop_before_pixels=True)
        for path, raw in contents.items()
        if path not in left_out
    }


def test_the_key_counts_what_lies_on_disk(
    key: AnswerKey, root: Path, contents: dict[str, bytes], headers: dict[str, Dataset]
) -> None:
    by_uid = {str(ds.SOPInstanceUID): str(ds.Modality) for ds in headers.values()}
    assert key.expected.instances == dict(Counter(by_uid.values()))
    assert key.expected.items == len(contents)
    assert key.expected.files == sum(path.is_file() for path in (root / "dicom").rglob("*"))
    assert key.expected.studies == len({ds.StudyInstanceUID for ds in headers.values()})
    assert key.expected.series == len({ds.SeriesInstanceUID for ds in headers.values()})
    assert key.expected.patients == len({ds.PatientID for ds in headers.values()}) == 8
    assert set(key.expected.labels) == {ds.AccessionNumber for ds in headers.values()}


def test_every_identifier_is_where_the_key_says(key: AnswerKey, root: Path, contents: dict[str, bytes]) -> None:
    starts = {path: raw[:PIXELS_START] for path, raw in contents.items()}
    records = {path.name: path.read_bytes() for path in (root / "labels.csv", root / "ehr.csv")}
    records |= {f"reports/{path.name}": path.read_bytes() for path in (root / "reports").iterdir()}
    first_of: dict[str, bytes] = {}
    for path, raw in starts.items():
        first_of.setdefault(path.rsplit("/", 1)[0], b"")
        first_of[path.rsplit("/", 1)[0]] += raw
    looked_for = 0
    for item in key.planted:
        if item.value.count("^") and not item.value.isascii():
            continue  # the escapes of ISO 2022 stand between its parts, which are planted by themselves
        for where in item.where:
            place, attribute = where.rsplit("#", 1)
            if attribute == "path":
                assert item.value in place
            elif attribute != "PixelData":
                raw = records.get(place) or starts.get(place) or first_of[place]
                assert any(form in raw for form in item.forms()), where
                looked_for += 1
    assert looked_for > 2000


def test_no_planted_value_is_too_short_to_search_for(key: AnswerKey) -> None:
    assert min(len(value) for value in key.values()) >= 4
    assert min(len(value) for value in key.values(Kind.NAME_PART, Kind.PHYSICIAN) if value.isascii()) >= 6
    for phone in key.values(Kind.PHONE):
        assert re.fullmatch(r"01632 960\d{3}|020 7946 0\d{3}|\(\d{3}\) 555-01\d\d", phone)


def test_a_machine_that_may_be_kept_has_no_name_of_a_person(key: AnswerKey) -> None:
    persons = " ".join(key.values(Kind.NAME, Kind.NAME_PART, Kind.PHYSICIAN, Kind.INSTITUTION)).lower()
    assert not [machine for machine in key.values(Kind.DEVICE) if machine.lower() in persons]


def test_names_come_in_many_character_sets(headers: dict[str, Dataset]) -> None:
    sets = {str(ds.get("SpecificCharacterSet", "")) for ds in headers.values()}
    assert sets >= {"", "ISO_IR 100", "ISO_IR 144", "ISO_IR 192", "['', 'ISO 2022 IR 87']", "['', 'ISO 2022 IR 149']"}
    japanese = next(ds for ds in headers.values() if "IR 87" in str(ds.get("SpecificCharacterSet", "")))
    assert len(japanese.PatientName.ideographic.split("^")[0]) == 4
    assert japanese.PatientName.phonetic


def test_a_pattern_selects_studies_by_description(headers: dict[str, Dataset], key: AnswerKey) -> None:
    families = key.values(Kind.NAME_PART)
    assert all(re.match(r"(CT|MR|US) heart|(CR|DX) chest", ds.StudyDescription) for ds in headers.values())
    assert any(word in families for ds in headers.values() for word in ds.StudyDescription.split())


def test_records_agree_with_headers(root: Path, headers: dict[str, Dataset], key: AnswerKey) -> None:
    with (root / "ehr.csv").open(encoding="utf-8") as handle:
        records = {row["PatientID"]: row for row in csv.DictReader(handle)}
    with (root / "labels.csv").open(encoding="utf-8") as handle:
        labels = {row["AccessionNumber"]: row for row in csv.DictReader(handle)}
    assert set(records) == set(key.patients.values())
    for ds in headers.values():
        record = records[ds.PatientID]
        day, born = date.fromisoformat(record["encounter_date"]), date.fromisoformat(record["birth_date"])
        assert record["sex"] == ds.PatientSex
        assert int(record["age"]) == day.year - born.year - ((day.month, day.day) < (born.month, born.day))
        assert float(record["bmi"]) == pytest.approx(float(ds.PatientWeight) / float(ds.PatientSize) ** 2, abs=0.06)
        if ds.StudyDate == f"{day:%Y%m%d}":
            assert int(record["age"]) == int(ds.PatientAge[:3])
        assert labels[ds.AccessionNumber]["PatientID"] == ds.PatientID
        assert int(labels[ds.AccessionNumber]["lesion"]) == key.expected.labels[ds.AccessionNumber]
        assert (root / "reports" / f"{ds.AccessionNumber}.txt").is_file()
    assert max(int(record["age"]) for record in records.values()) > 90


def test_lesions_are_balanced_in_ct_and_in_mr(headers: dict[str, Dataset], key: AnswerKey) -> None:
    for modality in ("CT", "MR"):
        has = {
            ds.PatientID: key.expected.labels[ds.AccessionNumber] for ds in headers.values() if ds.Modality == modality
        }
        assert sum(has.values()) * 2 == len(has)


def test_some_patients_come_again_later(headers: dict[str, Dataset]) -> None:
    days = {(ds.PatientID, ds.StudyDate, ds.Modality) for ds in headers.values() if ds.Modality == "CT"}
    assert max(Counter(patient for patient, _, _ in days).values()) == 2


def test_objects_refer_to_their_ct(headers: dict[str, Dataset]) -> None:
    images = {ds.SOPInstanceUID: ds for ds in headers.values() if ds.Modality == "CT"}
    structures = next(ds for ds in headers.values() if ds.Modality == "RTSTRUCT")
    contours = structures.ROIContourSequence[0].ContourSequence
    assert len(contours) > 8
    for contour in contours:
        image = images[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
        assert image.StudyInstanceUID == structures.StudyInstanceUID
        points = np.array(contour.ContourData, float).reshape(-1, 3)
        corner, step = np.array(image.ImagePositionPatient, float), float(image.PixelSpacing[0])
        assert np.allclose(points[:, 2], corner[2])
        inside = (points[:, :2] - corner[:2]) / step
        assert inside.min() > 0
        assert inside.max() < image.Rows
    segmentation = next(ds for ds in headers.values() if ds.Modality == "SEG")
    frames = segmentation.PerFrameFunctionalGroupsSequence
    assert len(frames) == segmentation.NumberOfFrames > 8
    for frame in frames:
        image = images[frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID]
        assert image.ImagePositionPatient == frame.PlanePositionSequence[0].ImagePositionPatient
        assert image.FrameOfReferenceUID == segmentation.FrameOfReferenceUID


def test_burned_in_text_is_where_the_key_says_and_nowhere_else(
    contents: dict[str, bytes], headers: dict[str, Dataset], key: AnswerKey
) -> None:
    annotations = Counter()
    for path, ds in headers.items():
        if ds.Modality not in ("CR", "DX", "US") or path in key.traps["no-preamble"]:
            continue
        pixels = dcmread(BytesIO(contents[path])).pixel_array.astype(float)
        pixels = pixels[0] if ds.get("NumberOfFrames") else pixels
        corner = pixels[2:16, 4:120] if ds.PhotometricInterpretation != "MONOCHROME1" else 4095 - pixels[2:16, 4:120]
        bright = corner.max() / (255 if ds.BitsStored == 8 else 4095)
        assert (bright > 0.9) == (path in key.burned_in), path
        annotations[ds.Modality, path in key.burned_in, ds.get("BurnedInAnnotation")] += 1
        if ds.get("BurnedInAnnotation") == "NO" and path in key.burned_in:
            assert path in key.traps["burned-in-lie"]
    assert annotations["CR", True, "YES"]
    assert annotations["CR", True, None]
    assert annotations["US", True, "NO"] == len(key.traps["burned-in-lie"])
    assert not annotations["CR", False, "YES"]
    assert key.expected.burned_in == len(key.burned_in)


def test_pictures_come_in_all_photometric_interpretations(headers: dict[str, Dataset]) -> None:
    kinds = {(ds.Modality, ds.PhotometricInterpretation) for ds in headers.values() if "Rows" in ds}
    assert {("CR", "MONOCHROME1"), ("DX", "MONOCHROME1"), ("US", "RGB"), ("US", "YBR_FULL")} <= kinds
    echoes = [ds for ds in headers.values() if ds.Modality == "US"]
    assert all(ds.SequenceOfUltrasoundRegions[0].PhysicalDeltaX > 0 for ds in echoes)
    assert any(ds.get("NumberOfFrames") == 5 for ds in echoes)


def test_private_blocks_carry_names_flat_and_nested(headers: dict[str, Dataset]) -> None:
    creators = {str(element.value) for ds in headers.values() for element in ds if element.tag.is_private_creator}
    assert creators >= {"SIEMENS CSA HEADER", "GEMS_IDEN_01", "Philips MR Imaging DD 005", "SITE ARCHIVE 01"}
    csa = next(ds[0x00291010].value for ds in headers.values() if "SIEMENS CSA HEADER" in str(ds.get(0x00290010, "")))
    assert csa.startswith(b"SV10")


def test_copies_are_exact_or_share_their_pixels(contents: dict[str, bytes], key: AnswerKey) -> None:
    digests = Counter(hashlib.sha256(raw).hexdigest() for raw in contents.values())
    for path in key.traps["duplicate-bytes"]:
        assert digests[hashlib.sha256(contents[path]).hexdigest()] == 2
    assert sum(count - 1 for count in digests.values()) == key.expected.duplicate_bytes
    (again,) = key.traps["duplicate-pixels"]
    first = again.replace("IM0099", "IM0004")
    one, other = dcmread(BytesIO(contents[first])), dcmread(BytesIO(contents[again]))
    assert one.PixelData == other.PixelData
    assert one.SOPInstanceUID != other.SOPInstanceUID


def test_damaged_files_are_damaged_as_the_key_says(contents: dict[str, bytes], key: AnswerKey) -> None:
    corrupt = dcmread(BytesIO(contents[key.traps["corrupt"][0]]), force=True)
    assert "StudyInstanceUID" not in corrupt
    short = dcmread(BytesIO(contents[key.traps["truncated-pixels"][0]]), force=True)
    assert short.StudyInstanceUID
    assert len(short.get("PixelData", b"")) < short.Rows * short.Columns * 2
    bare = contents[key.traps["no-preamble"][0]]
    assert bare[128:132] != b"DICM"
    assert dcmread(BytesIO(bare), force=True).Modality == "CR"


def test_a_folder_that_holds_something_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    assert main([str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "not empty" in said
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_too_few_patients_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at least 8"):
        simulate(tmp_path / "hospital", patients=3)
    assert not list(tmp_path.iterdir())


def test_no_two_instances_share_a_uid_except_the_copies(headers: dict[str, Dataset], key: AnswerKey) -> None:
    copies = {*key.traps["duplicate-bytes"], *key.traps["corrupt"]}
    uids = [str(header.SOPInstanceUID) for path, header in headers.items() if path not in copies]
    assert len(uids) == len(set(uids)) > 100


def test_parts_of_a_uid_are_kept_apart() -> None:
    assert uid_of(0, "instance", 2, 21, 1) != uid_of(0, "instance", 22, 1, 1)
