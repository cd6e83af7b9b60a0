"""What is done when: the studies and series of every patient, on which machine and in which encoding.

The first eight patients carry every speciality, so that a hospital of eight already has them all.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tasks.simulate.names import Inventor, Name
from tasks.simulate.patients import Hospital, Patient
from tasks.simulate.plan import Device, Series, Study, uid_of

# Role of patient i is i % 4: the kinds of CT and MR studies, in order of time.
_ROLES = (("CT", "CT"), ("CT", "MR"), ("MR", "CT"), ("MR",))
_CT_ENCODINGS = {1: JPEG2000Lossless, 2: JPEGLSLossless, 4: RLELossless, 5: ImplicitVRLittleEndian}
_MR_ENCODINGS = {2: RLELossless, 3: ImplicitVRLittleEndian, 5: JPEG2000Lossless, 7: JPEGLSLossless}
_NORMAL = {"CT": "CT heart", "MR": "MR heart", "CR": "CR chest", "DX": "DX chest", "US": "US heart"}
_ADDED = ("", "with contrast", "{family}", "follow-up {family}", "Dr {physician}", "")


def plan_studies(hospital: Hospital, seed: int) -> tuple[Study, ...]:
    """Every study of every patient, in order of patient and time."""
    invent = Inventor(np.random.default_rng([seed, 3]))
    devices = _devices(invent)
    studies: list[Study] = []
    for patient in hospital.patients:
        rng = np.random.default_rng([seed, 4, patient.index])
        day = date(2019, 1, 7) + timedelta(days=int(rng.integers(900)))
        for number, modality in enumerate(_modalities(patient.index), start=1):
            studies.append(_study(hospital, patient, number, modality, day, devices[modality], invent, rng, seed))
            day += timedelta(days=int(rng.integers(25, 400)))
    return tuple(studies)


def _modalities(index: int) -> tuple[str, ...]:
    chest = ("CR",) if index % 4 in (0, 1) else ("DX",) if index % 4 == 2 else ()
    echo = ("US",) if index % 2 else ()
    return _ROLES[index % 4] + chest + echo


def _devices(invent: Inventor) -> dict[str, tuple[Device, ...]]:
    def device(manufacturer: str, model: str, dialect: str) -> Device:
        return Device(manufacturer, model, dialect, invent.station(), f"SN{invent.digits(8)}")

    return {
        "CT": (device("SIEMENS", "SOMATOM Sim", "siemens"), device("GE MEDICAL SYSTEMS", "Revolution Sim", "ge")),
        "MR": (
            device("SIEMENS", "MAGNETOM Sim", "siemens"),
            device("Philips Medical Systems", "Ingenia Sim", "philips"),
        ),
        "CR": (device("GE MEDICAL SYSTEMS", "Plate Sim", "ge"),),
        "DX": (device("Philips Medical Systems", "Digital Sim", "philips"),),
        "US": (device("GE Vingmed Ultrasound", "Vivid Sim", "ge"), device("SIEMENS", "Acuson Sim", "siemens")),
    }


def _study(
    hospital: Hospital,
    patient: Patient,
    number: int,
    modality: str,
    day: date,
    devices: tuple[Device, ...],
    invent: Inventor,
    rng: np.random.Generator,
    seed: int,
) -> Study:
    def one_of(names: tuple[Name, ...]) -> Name:
        return names[int(rng.integers(len(names)))]

    referring, performing = one_of(hospital.physicians), one_of(hospital.physicians)
    added = _ADDED[(patient.index + number) % len(_ADDED)]
    added = added.format(family=patient.name.family, physician=referring.family)
    folder = f"dicom/{_folder_name(patient)}/{day:%Y%m%d}_{modality}_{number}"
    path = (patient.index, number)
    return Study(
        patient=patient,
        number=number,
        modality=modality,
        uid=uid_of(seed, "study", *path),
        frame_of_reference=uid_of(seed, "frame", *path),
        study_id=f"ST{invent.digits(6)}",
        accession=f"ACN{invent.digits(9)}",
        request_id=f"RQ{invent.digits(7)}",
        step_id=f"SPS{invent.digits(6)}",
        day=day,
        requested=day - timedelta(days=int(rng.integers(2, 20))),
        clock=f"{rng.integers(8, 18):02d}{rng.integers(60):02d}{rng.integers(60):02d}",
        description=f"{_NORMAL[modality]} {added}".strip(),
        device=devices[int(rng.integers(len(devices)))],
        institution=hospital.institutions[int(rng.integers(2))],
        referring=referring,
        performing=performing,
        operator=one_of(hospital.operators),
        reader=one_of(hospital.readers),
        series=_series(patient, number, modality, folder, rng, seed),
    )


def _folder_name(patient: Patient) -> str:
    # Real archives often carry the name in the path; a path is a channel like any other.
    return f"{patient.name.family}_{patient.name.given}" if patient.index % 3 == 0 else f"{patient.index:04d}"


def _series(
    patient: Patient, number: int, modality: str, folder: str, rng: np.random.Generator, seed: int
) -> tuple[Series, ...]:
    index = patient.index
    place = index % 8
    family = patient.name.family

    def series(order: int, description: str, encoding: UID, images: int, size: int, **more: object) -> Series:
        return Series(
            uid=uid_of(seed, "series", index, number, order),
            number=order,
            modality=modality,
            description=description,
            protocol=f"{description} {family}" if (index + number) % 3 == 0 else description,
            encoding=encoding,
            images=images,
            size=size,
            folder=f"{folder}/{modality}_{order}",
            suffix="" if (place, modality) in ((0, "CT"), (3, "MR")) else ".dcm",
            **more,  # type: ignore[arg-type]
        )

    if modality == "CT":
        encoding = _CT_ENCODINGS.get(place, ExplicitVRLittleEndian)
        size = 192 if place == 6 else 256
        return (series(1, "Thorax axial", encoding, int(rng.integers(12, 19)), size, weighting="CT"),)
    if modality == "MR":
        images = int(rng.integers(10, 14))
        encoding = _MR_ENCODINGS.get(place, ExplicitVRLittleEndian)
        made = [series(1, "T1 axial", encoding, images, 192, weighting="T1")]
        if index % 4 == 3:
            made.append(series(2, f"T2 axial {family}", ExplicitVRLittleEndian, images, 192, weighting="T2"))
        return tuple(made)
    if modality == "US":
        # In place 7 the annotation lies: NO over burned-in text.
        text = frozenset({0, 2}) if place in (1, 7) else frozenset({1}) if place == 3 else frozenset()
        annotation = {1: "YES", 3: None, 5: "NO", 7: "NO"}[place]
        return (series(1, "4CH", ExplicitVRLittleEndian, 4, 240, text=text, burned_in=annotation),)
    text = frozenset({0}) if place in (1, 4) else frozenset()
    annotation = None if place == 4 else "YES" if text else "NO"
    if modality == "DX":
        annotation = "NO"
    encoding = ImplicitVRLittleEndian if place == 0 else ExplicitVRLittleEndian
    return (series(1, "PA", encoding, 2 if index % 3 == 0 else 1, 256, text=text, burned_in=annotation),)
