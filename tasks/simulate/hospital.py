"""Builds the whole hospital in a folder, and the answer key to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from tasks.core.errors import ConfigurationError
from tasks.core.files import atomic_directory, write_json
from tasks.simulate.anatomy import Anatomy, grow_anatomy
from tasks.simulate.headers import series_header
from tasks.simulate.lettering import overlay_lines
from tasks.simulate.model import AnswerKey, Expected
from tasks.simulate.objects import make_segmentation, make_structure_set, object_series
from tasks.simulate.patients import Hospital, admit
from tasks.simulate.pictures import make_pictures
from tasks.simulate.plan import Series, Study
from tasks.simulate.planting import Planter
from tasks.simulate.records import write_records
from tasks.simulate.schedule import plan_studies
from tasks.simulate.traps import Trapper
from tasks.simulate.volumes import lay_slices, make_slices
from tasks.simulate.writing import finish, to_bytes

LEAST = 8
Progress = Callable[[int, int], None]


def simulate(target: Path, *, seed: int = 0, patients: int = 24, progress: Progress | None = None) -> AnswerKey:
    """Make a hospital of `patients` in `target` (absent or empty); the same bytes for the same seed and number.

    Writes dicom/, reports/, labels.csv, ehr.csv and answer_key.json, all or nothing. `progress` is told (studies done,
    studies in all). Raises `ConfigurationError` where `target` holds something or `patients` is below eight.
    """
    if patients < LEAST:
        raise ConfigurationError(f"a hospital needs at least {LEAST} patients, so that each kind of trap has its place")
    target = target.resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigurationError(f"{target} is not empty: name a new or empty folder")
    with atomic_directory(target) as draft:
        return _Builder(draft, seed, admit(seed, patients)).build(progress)


class _Builder:
    """Writes one hospital and counts what it writes."""

    def __init__(self, root: Path, seed: int, hospital: Hospital) -> None:
        self._root, self._seed, self._hospital = root, seed, hospital
        self._studies = plan_studies(hospital, seed)
        self._planter = Planter(hospital, self._studies)
        self._instances: Counter[str] = Counter()
        self._encodings: Counter[str] = Counter()
        self._burned_in: dict[str, tuple[str, ...]] = {}
        self._lies: list[str] = []

    def build(self, progress: Progress | None) -> AnswerKey:
        for done, study in enumerate(self._studies, start=1):
            self._write_study(study)
            if progress is not None:
                progress(done, len(self._studies))
        write_records(self._root, self._hospital.patients, self._studies, self._planter)
        trapper = Trapper(self._root, self._studies, self._seed, self._planter)
        trapper.set_all()
        self._instances.update(trapper.added)
        key = self._key(trapper.set | {"burned-in-lie": tuple(self._lies)})
        write_json(self._root / "answer_key.json", key.model_dump(mode="json"))
        return key

    def _write_study(self, study: Study) -> None:
        patient = study.patient
        body = np.random.default_rng([self._seed, 5, patient.index])
        anatomy = grow_anatomy(body, lesion=patient.lesion, sex=patient.sex, bmi=patient.bmi)
        for series in study.series:
            rng = np.random.default_rng([self._seed, 6, patient.index, study.number, series.number])
            header = series_header(study, series)
            if series.modality in ("CT", "MR"):
                geometry = lay_slices(series, anatomy, rng)
                slices = []
                for ds in make_slices(header, study, series, anatomy, geometry, rng, self._seed):
                    self._write(ds, study, series)
                    slices.append(_identity(ds))
                if study.modality == "CT" and study.number == 1 and patient.index % 8 in (0, 1):
                    modality, make = (("RTSTRUCT", make_structure_set), ("SEG", make_segmentation))[patient.index % 8]
                    of_object = object_series(study, series, modality, self._seed)
                    self._write(make(study, of_object, anatomy, geometry, slices, self._seed), study, of_object)
            else:
                self._write_pictures(header, study, series, anatomy, rng)

    def _write_pictures(
        self, header: Dataset, study: Study, series: Series, anatomy: Anatomy, rng: np.random.Generator
    ) -> None:
        for index, ds in enumerate(make_pictures(header, study, series, anatomy, rng, self._seed)):
            path = self._write(ds, study, series)
            if index in series.text:
                lines = overlay_lines(study)[: 2 if series.modality == "US" else 3]
                self._burned_in[path] = lines
                self._planter.see_pixels(lines, study.patient.key, path)
                if ds.get("BurnedInAnnotation") == "NO":
                    self._lies.append(path)

    def _write(self, ds: Dataset, study: Study, series: Series) -> str:
        owner = study.patient.key
        path = f"{series.folder}/IM{ds.InstanceNumber:04d}{series.suffix}"
        finish(ds, study, series.encoding)
        file = self._root / path
        if not file.parent.is_dir():
            file.parent.mkdir(parents=True)
            self._encodings[str(series.encoding)] += 1
            self._planter.see_text(series.folder, owner, series.folder, "path")
        file.write_bytes(to_bytes(ds))
        self._planter.see_dataset(ds, owner, series.folder, path)
        self._instances[series.modality] += 1
        return path

    def _key(self, traps: dict[str, tuple[str, ...]]) -> AnswerKey:
        files = [path for path in (self._root / "dicom").rglob("*") if path.is_file()]
        archives = len(traps["zip"])
        members = len(traps["zip-members"])
        expected = Expected(
            patients=len(self._hospital.patients),
            studies=len(self._studies),
            series=sum(self._encodings.values()),
            items=len(files) - archives + members,
            files=len(files),
            archive_members=members,
            instances=dict(sorted(self._instances.items())),
            duplicate_bytes=len(traps["duplicate-bytes"]),
            duplicate_pixels=len(traps["duplicate-pixels"]),
            corrupt=len(traps["corrupt"]),
            truncated_pixels=len(traps["truncated-pixels"]),
            not_dicom=len(traps["not-dicom"]),
            burned_in=len(self._burned_in),
            labels={study.accession: int(study.patient.lesion) for study in self._studies},
        )
        return AnswerKey(
            seed=self._seed,
            planted=self._planter.planted(),
            expected=expected,
            traps=dict(sorted(traps.items())),
            burned_in=dict(sorted(self._burned_in.items())),
            encodings=dict(sorted(self._encodings.items())),
            patients={patient.key: patient.patient_id for patient in self._hospital.patients},
        )


def _identity(ds: Dataset) -> Dataset:
    """What an object needs to refer to `ds`, without its pixels."""
    kept = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID"):
        setattr(kept, keyword, ds[keyword].value)
    return kept
