"""What the hospital keeps beside the images: a label table, an EHR table and a report for each study."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from tasks.simulate.patients import Patient
from tasks.simulate.plan import Study
from tasks.simulate.planting import Planter

LABEL_COLUMNS = ("AccessionNumber", "PatientID", "lesion", "reader")
EHR_COLUMNS = ("PatientID", "name", "birth_date", "address", "age", "sex", "bmi", "icd10", "findings", "encounter_date")


def write_records(root: Path, patients: tuple[Patient, ...], studies: tuple[Study, ...], planter: Planter) -> None:
    """Write labels.csv, ehr.csv and reports/*.txt under `root`, UTF-8."""
    rows = [
        (study.accession, study.patient.patient_id, str(int(study.patient.lesion)), study.reader.spoken)
        for study in studies
    ]
    _write_csv(root / "labels.csv", LABEL_COLUMNS, rows)
    for study, row in zip(studies, rows, strict=True):
        planter.see_text("|".join(row), study.patient.key, "labels.csv", "row")
    first = {study.patient.index: study for study in reversed(studies)}
    records = [_ehr_row(patient, first[patient.index]) for patient in patients]
    _write_csv(root / "ehr.csv", EHR_COLUMNS, records)
    for patient, record in zip(patients, records, strict=True):
        planter.see_text("|".join(record), patient.key, "ehr.csv", "row")
    (root / "reports").mkdir()
    for study in studies:
        path, text = f"reports/{study.accession}.txt", report(study)
        (root / path).write_text(text, encoding="utf-8")
        planter.see_text(text, study.patient.key, path, "text")
        planter.see_text(path, study.patient.key, path, "path")


def report(study: Study) -> str:
    """The report of `study`: header, findings, impression and signature, with names, dates and numbers throughout."""
    patient = study.patient
    title = "Mrs" if patient.sex == "F" else "Mr"
    modality = study.description.split(" ")[0]
    if patient.lesion:
        findings = f"A mass of {22 + study.number * 3} mm at the left side of the heart. No pericardial effusion."
        impression = "Cardiac mass, most likely benign. Follow-up in 3 months."
    else:
        findings = "Heart of normal size and shape. Small coronary calcifications. No mass."
        impression = "No cardiac mass."
    return (
        f"{study.institution.name}, {study.institution.address}\n"
        f"Patient: {patient.name.comma}   born {patient.born:%d.%m.%Y}   ID {patient.patient_id}\n"
        f"Address: {patient.address}   phone {patient.phone}\n"
        f"Examination: {study.description}, {study.day:%Y-%m-%d}, accession {study.accession}\n"
        f"Referred by: Dr {study.referring.spoken}\n\n"
        f"History: {study.age}-year-old {patient.sex}, chest pain. "
        f"Request of {study.requested:%Y-%m-%d} by Dr {study.referring.family}.\n"
        f"Findings: {modality} of {title} {patient.name.family}. {findings}\n"
        f"Impression: {impression} Discussed with {title} {patient.name.spoken} on {study.day:%d.%m.%Y}.\n\n"
        f"Signed: Dr {study.reader.spoken}, {study.day:%Y-%m-%d}\n"
    )


def _ehr_row(patient: Patient, study: Study) -> tuple[str, ...]:
    finding = "cardiac mass" if patient.lesion else "no cardiac mass"
    written = patient.name.pn.replace("^", " ") if patient.name.native else patient.name.spoken
    return (
        patient.patient_id,
        patient.name.comma,
        f"{patient.born:%Y-%m-%d}",
        patient.address,
        str(study.age),
        patient.sex,
        f"{patient.bmi:.1f}",
        ";".join(patient.icd10),
        f"{written} seen by Dr {study.referring.spoken}; {finding}; "
        f"mother {patient.mother.spoken}, tel {patient.mobile}",
        f"{study.day:%Y-%m-%d}",
    )


def _write_csv(target: Path, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    with target.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
