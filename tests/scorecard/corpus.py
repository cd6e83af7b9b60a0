"""Real files of the shared corpus, given to made-up patients: their own headers, vendors' private blocks and pixels.

A few of each series stand for it. What cannot be read, has no identity or is no image, report or plan stays out; an
image that pydicom cannot decode may rightly be refused. Nothing of the corpus is copied into the project.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID

from tests.scorecard import planting, vendors
from tests.scorecard.answers import Check, Instance
from tests.scorecard.people import Visit, data, make_person, make_visit
from tests.scorecard.place import walk
from tests.scorecard.planting import fresh_uid
from tests.scorecard.rows import Rows
from tests.scorecard.sweep import sweep
from tests.support.places import SHARED_DATA

File = tuple[Instance, bytes]
ROOT = SHARED_DATA / "dicom"
LARGEST = 6 * 2**20
LEFT_OUT = ("Directory", "Raw Data", "Waveform", "Private", "Hanging", "Mapping")
# Scanners whose pictures hold no text unless the header says so; the others were looked at (backgrounds.json).
SAFE = frozenset({"CT", "MR", "PT", "NM", "SEG", "RTDOSE"})
_LATIN = (None, "", "ISO_IR 100", "ISO_IR 192", "ISO_IR 6")


def make_real(seed: int, each: int, profile: str, most: int = 10**6) -> Iterator[File]:
    """At most `each` files of every series, planted; at most `most` in all, from all folders alike."""
    groups: Counter[str] = Counter()
    patients = _Patients(seed)
    sops: set[str] = set()
    made = 0
    for path in _in_turn(seed):
        if made >= most:
            return
        name = str(path.relative_to(ROOT))
        dataset = read(path)
        if dataset is None:
            continue
        group = f"{path.parent.name} {dataset.get('Manufacturer')} {dataset.get('SeriesInstanceUID')}"
        if groups[group] >= each:
            continue
        groups[group] += 1
        rng = random.Random(f"{seed} {name}")
        if str(dataset.SOPInstanceUID) in sops:
            dataset.SOPInstanceUID = fresh_uid(rng)
        sops.add(str(dataset.SOPInstanceUID))
        made_file = _plant(dataset, patients.visit_of(dataset), rng, profile, name)
        if made_file is not None:
            made += 1
            yield made_file


def _in_turn(seed: int) -> Iterator[Path]:
    """All files, one of each folder after the other, in an order that follows from the seed."""
    folders: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(path for path in ROOT.rglob("*") if path.is_file()):
        folders[path.relative_to(ROOT).parts[0]].append(path)
    for paths in folders.values():
        random.Random(seed).shuffle(paths)
    for row in zip_longest(*folders.values()):
        yield from (path for path in row if path is not None)


def read(path: Path) -> FileDataset | None:
    """The data set of a file that the scorecard uses; None for the others."""
    content = path.read_bytes()
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    if len(content) > LARGEST:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(io.BytesIO(content))
            for _ in walk(dataset):
                pass
            identity = [UID(str(dataset.get(name, ""))) for name in ("SOPInstanceUID", "SOPClassUID")]
        except Exception:  # a file that pydicom cannot read to its end is no ground to plant on
            return None
    named = identity[1].name
    if not all(uid.is_valid for uid in identity) or identity[1] == named or any(word in named for word in LEFT_OUT):
        return None
    if not str(dataset.get("StudyInstanceUID", "")) or not str(dataset.get("SeriesInstanceUID", "")):
        return None
    return dataset


class _Patients:
    """One made-up patient for each of the corpus, one visit for each study."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.visits: dict[tuple[str, str], Visit] = {}
        self.numbers: dict[str, int] = defaultdict(lambda: len(self.numbers))

    def visit_of(self, dataset: Dataset) -> Visit:
        """The visit that a file is given to."""
        study = str(dataset.get("StudyInstanceUID", ""))
        patient = f"{dataset.get('PatientID', '')}|{dataset.get('PatientName', '')}"
        if (patient, study) not in self.visits:
            number = self.numbers[patient]
            digest = hashlib.sha256(patient.encode("utf-8", "surrogateescape")).hexdigest()
            rng = random.Random(f"{self.seed} {digest}")
            script = number if number % 5 == 4 and _is_ascii(dataset) else None
            person = make_person(rng, number, script)
            self.visits[patient, study] = make_visit(random.Random(f"{self.seed} {digest} {study}"), person, number)
        return self.visits[patient, study]


def _plant(dataset: FileDataset, visit: Visit, rng: random.Random, profile: str, name: str) -> File | None:
    charset = dataset.get("SpecificCharacterSet")
    plain = visit.person.charset == ("ISO_IR 100",)
    if not plain and not _is_ascii(dataset):
        return None
    latin = isinstance(charset, (str, type(None))) and charset in _LATIN
    if plain and not latin and not visit.person.name.isascii():
        return None
    rows = Rows(profile)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _fix_charset(dataset, charset)
            planting.plant(dataset, visit, rng, rows, texts=rng.choice([0.0, 0.5, 1.0, 1.0]))
            vendors.plant(dataset, visit, rng, rows, blocks=rng.choice([0, 1, 2]))
            content = _save(dataset)
            written = pydicom.dcmread(io.BytesIO(content))
            sweep(written, rng, rows)
    except Exception:  # what pydicom cannot write again is left out; the count of files is in the report
        return None
    modality = str(dataset.get("Modality", "") or "-")
    checks = list(rows.checks.values())
    shows_text = _may_show_text(dataset, modality, name)
    if "PixelData" in dataset and not shows_text:
        checks.append(Check("pixels_retained", (), why="no text in them", detail={"exact": True, "label": modality}))
    refusal = "may" if profile == "basic" and modality in ("SR", "KO", "PR") else "no"
    if not _can_be_decoded(dataset):
        refusal = "may"
    sop = str(dataset.SOPInstanceUID)
    instance = Instance(
        f"real/{name.replace('/', '_')}.dcm", sop, visit.person.mrn, modality, "real", tuple(checks), refusal,
        day=str(dataset.get("StudyDate", "")), identifiers=visit.person.needles(),
    )  # fmt: skip
    return instance, content


def _save(dataset: FileDataset) -> bytes:
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


def _fix_charset(dataset: Dataset, charset: object) -> None:
    """A file without a character set gets Latin-1, where all that it holds is ASCII."""
    if charset in (None, "", "ISO_IR 6"):
        dataset.SpecificCharacterSet = "ISO_IR 100"


def _is_ascii(dataset: Dataset) -> bool:
    return all(str(element.value).isascii() for _, element in walk(dataset) if element.VR in _TEXT)


_TEXT = frozenset({"LO", "SH", "PN", "ST", "LT", "UT", "UC"})


def _may_show_text(dataset: Dataset, modality: str, name: str) -> bool:
    if name in data("backgrounds.json")["clean"]:
        return False
    risky = modality not in SAFE or int(dataset.get("SamplesPerPixel", 1) or 1) > 1
    kind = UID(str(dataset.SOPClassUID)).name
    return risky or "Secondary Capture" in kind or str(dataset.get("BurnedInAnnotation", "")) == "YES"


def _can_be_decoded(dataset: Dataset) -> bool:
    if "PixelData" not in dataset:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(dataset.pixel_array.size)
    except Exception:  # any decoder's complaint means the same here
        return False
