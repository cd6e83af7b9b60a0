"""What a study and a series are, here: the values that all who write files read. Who gets which is in `schedule`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pydicom.uid import UID, generate_uid

from tasks.simulate.names import Name
from tasks.simulate.patients import Institution, Patient


@dataclass(frozen=True)
class Device:
    """A machine of the hospital. `dialect` says whose private blocks it writes."""

    manufacturer: str
    model: str
    dialect: str
    station: str
    serial: str


@dataclass(frozen=True)
class Series:
    """One series. `folder` is relative to the hospital; `text` are the indices of its images with burned-in text."""

    uid: str
    number: int
    modality: str
    description: str
    protocol: str
    encoding: UID
    images: int
    size: int
    folder: str
    suffix: str
    text: frozenset[int] = frozenset()
    burned_in: str | None = None
    weighting: str = ""


@dataclass(frozen=True)
class Study:
    """One imaging study: one AccessionNumber, one day, one machine."""

    patient: Patient
    number: int
    modality: str
    uid: str
    frame_of_reference: str
    study_id: str
    accession: str
    request_id: str
    step_id: str
    day: date
    requested: date
    clock: str
    description: str
    device: Device
    institution: Institution
    referring: Name
    performing: Name
    operator: Name
    reader: Name
    series: tuple[Series, ...]

    @property
    def age(self) -> int:
        """The patient's age on the day, in years."""
        return self.patient.age_on(self.day)


def uid_of(seed: int, *path: object) -> str:
    """A UID that depends on `path` only. The parts are kept apart: pydicom joins its sources without a mark."""
    return str(generate_uid(entropy_srcs=["/".join(["sluice", str(seed), *map(str, path)])]))
