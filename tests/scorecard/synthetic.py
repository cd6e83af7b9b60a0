"""Made-up patients with several visits, and the objects of each visit, which point at one another across files."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from pydicom.dataset import Dataset

from tests.scorecard import documents, planting, radiotherapy, vendors
from tests.scorecard.answers import Check, Instance
from tests.scorecard.images import BITS, Form, make_image, save
from tests.scorecard.people import Visit, make_person, make_visit
from tests.scorecard.pictures import picture
from tests.scorecard.place import at
from tests.scorecard.planting import fresh_uid
from tests.scorecard.rows import Rows, put
from tests.scorecard.sweep import sweep

File = tuple[Instance, bytes]
SERIES = (("CT", 4), ("MR", 2), ("PT", 2), ("CR", 1), ("DX", 1), ("MG", 1), ("US", 1), ("SC", 1), ("XA", 1), ("NM", 1))
FRAMES = {"US": 3, "XA": 2}
_ENCODINGS = (
    "explicit",
    "explicit",
    "explicit",
    "implicit",
    "implicit",
    "big",
    "deflated",
    "rle",
    "jpeg2000",
    "jpegls",
)


def make_patients(seed: int, count: int, profile: str) -> Iterator[File]:
    """The files of `count` patients with two visits each; every third has a name in another script."""
    for number in range(count):
        rng = random.Random(f"{seed} patient {number}")
        person = make_person(rng, number, number // 3 if number % 3 == 2 else None)
        for study in range(2):
            visit = make_visit(rng, person, study)
            yield from _Visit(visit, rng, profile, study).files()


class _Visit:
    """One study under construction."""

    def __init__(self, visit: Visit, rng: random.Random, profile: str, number: int) -> None:
        self.visit, self.rng, self.profile, self.number = visit, rng, profile, number
        self.study = str(fresh_uid(rng))

    def files(self) -> Iterator[File]:
        """Images first, then what points at them. The first visit has CT and all that belongs to it."""
        series = SERIES[:1] if self.number == 0 else SERIES[1:]
        for modality, count in series:
            made = [self._image(modality, position, uid) for position, uid in self._places(count)]
            yield from (self._file(dataset, rows, modality) for dataset, rows in made)
            images = [dataset for dataset, _ in made]
            if modality == "CT":
                yield from self._around_ct(images)
            if modality in ("MR", "CR"):
                yield self._document(documents.make_report, images)
            if modality == "XA":
                yield self._document(documents.make_pdf, images, "may")

    def _places(self, count: int) -> Iterator[tuple[int, tuple[str, str, str]]]:
        series = str(fresh_uid(self.rng))
        for position in range(count):
            yield position, (self.study, series, str(fresh_uid(self.rng)))

    def _image(self, modality: str, position: int, uids: tuple[str, str, str]) -> tuple[Dataset, Rows]:
        noise = np.random.default_rng(self.rng.randint(0, 2**31))
        several = FRAMES.get(modality, 1) if self.rng.random() < 0.6 else 1
        size = 192 if modality in ("CR", "DX", "MG", "US", "XA", "SC") else 64
        frames = np.stack([picture(noise, modality, size, size + 16) for _ in range(several)])
        if modality == "SC" or (modality == "US" and self.rng.random() < 0.5):
            frames = np.stack([frames, frames * 0.97, frames * 0.94], -1)
        colour = "RGB" if frames.ndim == 4 else self.rng.choice(["MONOCHROME2", "MONOCHROME2", "MONOCHROME1"])
        if modality not in ("CR", "DX"):
            colour = "RGB" if frames.ndim == 4 else "MONOCHROME2"
        form = Form(colour, self.rng.choice(_ENCODINGS), BITS.get(modality, (8, 8)))
        dataset = make_image(modality, frames, form, uids)
        dataset.InstanceNumber = position + 1
        if "ImagePositionPatient" in dataset:
            dataset.ImagePositionPatient = ["-180", "-180", str(position * 3)]
        dataset.IrradiationEventUID = [fresh_uid(self.rng), fresh_uid(self.rng)] if modality == "XA" else None
        if modality != "XA":
            del dataset.IrradiationEventUID
        rows = Rows(self.profile)
        planting.plant(dataset, self.visit, self.rng, rows)
        if not self.visit.person.name.isascii() and self.rng.random() < 0.4:
            _native(dataset, self.visit, rows)
        vendors.plant(dataset, self.visit, self.rng, rows)
        if modality == "PT":
            self._dose_of_tracer(dataset)
        return dataset, rows

    def _dose_of_tracer(self, dataset: Dataset) -> None:
        put(dataset, f"{self.visit.day:%Y%m%d}083000.00", "RadiopharmaceuticalInformationSequence", 0,
            "RadiopharmaceuticalStartDateTime")  # fmt: skip
        put(dataset, "370000000", "RadiopharmaceuticalInformationSequence", 0, "RadionuclideTotalDose")
        put(dataset, "6586.2", "RadiopharmaceuticalInformationSequence", 0, "RadionuclideHalfLife")
        put(dataset, "Fluorodeoxyglucose", "RadiopharmaceuticalInformationSequence", 0, "Radiopharmaceutical")

    def _around_ct(self, images: Sequence[Dataset]) -> Iterator[File]:
        yield self._document(documents.make_report, images)
        yield self._document(documents.make_selection, images)
        yield self._document(documents.make_state, images)
        yield self._document(radiotherapy.make_segmentation, images, "no")
        rows = Rows(self.profile)
        structures = radiotherapy.make_structures(self.visit, images, self.rng, rows)
        yield self._file(self._planted(structures, rows), rows, "RTSTRUCT")
        rows = Rows(self.profile)
        plan = radiotherapy.make_plan(self.visit, structures, self.rng, rows)
        yield self._file(self._planted(plan, rows), rows, "RTPLAN")
        rows = Rows(self.profile)
        dose = radiotherapy.make_dose(self.visit, plan, images[0], self.rng, rows)
        yield self._file(self._planted(dose, rows), rows, "RTDOSE")

    def _document(self, make: Callable[..., Dataset], images: Sequence[Dataset], refusal: str = "") -> File:
        rows = Rows(self.profile)
        dataset = self._planted(make(self.visit, images, self.rng, rows), rows)
        return self._file(dataset, rows, dataset.Modality, refusal or ("no" if self.profile == "research" else "may"))

    def _planted(self, dataset: Dataset, rows: Rows) -> Dataset:
        planting.plant(dataset, self.visit, self.rng, rows, texts=0.4)
        return dataset

    def _file(self, dataset: Dataset, rows: Rows, modality: str, refusal: str = "no") -> File:
        sweep(dataset, self.rng, rows)
        checks = list(rows.checks.values())
        if "PixelData" in dataset:
            checks.append(Check("pixels_retained", (), why="no text in them", detail={"exact": True}))
        name = f"{dataset.SOPInstanceUID}"
        instance = Instance(
            f"synthetic/{name}.dcm", name, self.visit.person.mrn, modality, "synthetic", tuple(checks), refusal,
            day=str(dataset.get("StudyDate", "")), identifiers=self.visit.person.needles(),
        )  # fmt: skip
        return instance, save(dataset)


def _native(dataset: Dataset, visit: Visit, rows: Rows) -> None:
    """Descriptions that name the patient in the script of the name."""
    for keyword in ("StudyDescription", "PatientComments"):
        place = at(keyword)
        for key in [key for key in rows.checks if key[1] == place]:
            del rows.checks[key]
        put(dataset, f"CT {visit.person.spoken}", keyword)
        rows.gone(place, visit.person.spoken)
        if rows.profile == "research":
            rows.add("text_retained", place, "CT", why="planted")
