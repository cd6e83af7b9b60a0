"""All DICOM files of the shared corpus: each has an outcome with a reason, none leaks, references hold, pixels stay.

Run with -s to see the table of outcomes and the time a file takes.
"""

from __future__ import annotations

import gzip
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from tasks.core.models import Item, Unit, UnitResult
from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings, PixelSettings
from tasks.deidentify.headers import read
from tasks.deidentify.residual.check import ResidualCheck
from tasks.deidentify.rules.profile import Profile
from tasks.deidentify.unit import deidentify_unit
from tests.support.identified import KEY, PSEUDONYMISER
from tests.support.places import SHARED_DATA

CORPUS = SHARED_DATA / "dicom"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not beside the checkout"),
]
# Pixels are looked at in tests of their own: it takes a second a picture.
HEADERS_ALONE = DeidentifySettings(pixels=PixelSettings(look=False, sample=0))
REFUSALS_THAT_MAKE_SENSE = {
    Reason.DEIDENTIFY_FAILED,
    Reason.PATIENT_MISMATCH,  # one whose header pydicom cannot read, so that the cohort has nobody for it
    Reason.PIXELS_EXCEED,
    Reason.BURNED_IN_RISK,
    Reason.DUPLICATE_BYTES,
    Reason.MEDIA_DIRECTORY,
    Reason.NO_IDENTITY,
    Reason.NOT_DICOM,
    Reason.UID_COLLISION,
    Reason.UNCLEANED_TEXT,
    Reason.UNKNOWN_CLASS,
    Reason.UNREADABLE,
}


RESEARCH = Profile.of(DeidentifySettings())


class Corpus:
    """The corpus de-identified once: outcome and clean bytes by path."""

    def __init__(self, root: Path) -> None:
        self.sources: dict[Path, bytes] = {}
        self.items: dict[Path, Item] = {}
        self.clean: dict[Path, bytes] = {}
        self.results: list[UnitResult] = []
        key = root / "key"
        key.write_text(KEY.hex())
        key.chmod(0o600)
        units: dict[tuple[str, str, str], list[Path]] = defaultdict(list)
        for path in sorted(path for path in CORPUS.rglob("*") if path.is_file()):
            content = path.read_bytes()
            self.sources[path] = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
            units[series_of(self.sources[path])].append(path)
        started = time.process_time()
        for number, (identity, paths) in enumerate(sorted(units.items())):
            self._run(root / str(number), key, identity, paths)
        self.milliseconds = 1000 * (time.process_time() - started) / len(self.sources)

    def _run(self, folder: Path, key: Path, identity: tuple[str, str, str], paths: list[Path]) -> None:
        source = folder / "in"
        source.mkdir(parents=True)
        for number, path in enumerate(paths):
            (source / f"i{number:04d}.dcm").write_bytes(self.sources[path])
        patient, study, series = identity
        unit = Unit(
            unit=PSEUDONYMISER.unit(patient, study, series),
            patient=PSEUDONYMISER.patient(patient, study),
            study=PSEUDONYMISER.study(patient, study),
            modality="OT",
            expected=len(paths),
            bytes=1,
            fingerprint="",
        )
        target = folder / "out.zip"
        result = deidentify_unit(source, target, unit, HEADERS_ALONE, key)
        self.results.append(result)
        members = {}
        if target.exists():
            with zipfile.ZipFile(target) as archive:
                members = {name: archive.read(name) for name in archive.namelist()}
        for path, item in zip(paths, result.items, strict=True):
            self.items[path] = item
            if item.reason is None:
                self.clean[path] = members[f"{item.sop}.dcm"]


def series_of(content: bytes) -> tuple[str, str, str]:
    try:
        ds = pydicom.dcmread(BytesIO(content), force=True, stop_before_pixels=True)
        tags = (0x00100020, 0x0020000D, 0x0020000E)
        patient, study, series = (read.identity_text(ds, tag) for tag in tags)
    except Exception:
        return "", "", ""
    return patient, study, series


def walk(ds: Dataset) -> Iterator[pydicom.DataElement]:
    for element in ds:
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from walk(item)


def references(ds: Dataset) -> set[str]:
    return {
        str(element.value)
        for element in walk(ds)
        if element.keyword in ("ReferencedSOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
        or element.keyword == "ReferencedFrameOfReferenceUID"
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus(tmp_path_factory.mktemp("corpus"))


def test_every_file_has_an_outcome_that_makes_sense(corpus: Corpus) -> None:
    table: Counter[tuple[str, str]] = Counter()
    for path, item in corpus.items.items():
        modality = "-"
        if item.reason not in (Reason.NOT_DICOM, Reason.UNREADABLE, Reason.DEIDENTIFY_FAILED):
            with suppress(OSError):  # what pydicom cannot read has been refused, or was read by us
                content = corpus.clean.get(path, corpus.sources[path])
                ds = pydicom.dcmread(BytesIO(content), force=True, specific_tags=["Modality"])
                modality = str(ds.get("Modality", "-"))
        table[item.reason.code if item.reason else "de-identified", modality] += 1
    for (outcome, modality), count in sorted(table.items()):
        print(f"{count:5d}  {outcome:20s} {modality}")
    print(f"{corpus.milliseconds:.2f} ms of CPU a file, refused ones and archives included")
    assert len(corpus.items) == len(corpus.sources)
    assert {item.reason for item in corpus.items.values() if item.reason} <= REFUSALS_THAT_MAKE_SENSE
    kept = {modality: count for (outcome, modality), count in table.items() if outcome == "de-identified"}
    assert kept["CT"] >= 200
    assert kept["MR"] >= 250
    assert kept["PT"] >= 48
    assert kept["SEG"] >= 20
    assert kept["RTSTRUCT"] == 7


def test_every_output_can_be_read_to_its_last_value_and_is_new(corpus: Corpus) -> None:
    for path, content in corpus.clean.items():
        ds = pydicom.dcmread(BytesIO(content))
        assert ds.preamble == bytes(128)
        assert ds.PatientIdentityRemoved == "YES"
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID == corpus.items[path].sop
        for element in walk(ds):
            if element.tag.is_private_creator:
                assert RESEARCH.known_creator(str(element.value)) == element.value
            assert element.tag.is_private or element.keyword


def test_no_output_holds_an_identifier_of_any_other_file_of_its_patient(corpus: Corpus) -> None:
    """Beyond each file's own check: what one file tells of a patient is in no other file of that patient."""
    patients: dict[str, list[Path]] = defaultdict(list)
    for path in corpus.clean:
        patients[str(pydicom.dcmread(BytesIO(corpus.clean[path]), specific_tags=["PatientID"]).PatientID)].append(path)
    check = ResidualCheck(frozenset(), "UNMODIFIED")
    own = ("uid in ", "PatientID in ", "AccessionNumber in ")
    for paths in patients.values():
        for source in paths[:: max(1, len(paths) // 8)]:
            for path in paths:
                found = check.residue((corpus.sources[source],), (corpus.clean[path],), "x", 0)
                assert not [kind for kind in found if kind.startswith(own)], path.name


def test_the_pixel_bytes_are_those_of_the_source(corpus: Corpus) -> None:
    compared = 0
    for path, content in corpus.clean.items():
        before = pydicom.dcmread(BytesIO(corpus.sources[path]), force=True)
        after = pydicom.dcmread(BytesIO(content))
        syntax = before.file_meta.get("TransferSyntaxUID")
        assert syntax is None or after.file_meta.TransferSyntaxUID == syntax
        for tag in (0x7FE00008, 0x7FE00009, 0x7FE00010):
            if tag in before:
                one, other = (np.frombuffer(ds.get_item(tag).value or b"", np.uint8) for ds in (before, after))
                if len(one) != len(other):  # bytes behind the last frame, which are cut off
                    assert syntax is None or not syntax.is_encapsulated, path.name
                    one = one[: len(other)]
                changed = other[one != other]
                fragments = one[:4].tobytes() == b"\xfe\xff\x00\xe0"  # whatever the syntax says: there are such files
                assert not len(changed) or (fragments and set(changed.tolist()) <= {0, ord(" ")}), path.name
                compared += 1
    assert compared > 500


@pytest.mark.parametrize("modality", ["RTSTRUCT", "SEG"])
def test_references_that_resolved_before_resolve_after(corpus: Corpus, modality: str) -> None:
    before, after = known_uids(corpus.sources, corpus.clean), known_uids(corpus.clean, corpus.clean)
    resolved = 0
    for path, content in corpus.clean.items():
        source = pydicom.dcmread(BytesIO(corpus.sources[path]), force=True)
        if source.get("Modality") != modality:
            continue
        had = references(source) & before
        has = references(pydicom.dcmread(BytesIO(content)))
        assert {PSEUDONYMISER.uid(uid) for uid in had} <= has & after, path.name
        resolved += len(had)
    assert resolved > 20


def known_uids(contents: dict[Path, bytes], paths: dict[Path, bytes]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        ds = pydicom.dcmread(BytesIO(contents[path]), force=True, stop_before_pixels=True)
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            found.add(str(ds.get(keyword, "")))
    return found - {""}
