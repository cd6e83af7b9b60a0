"""Planting a visit into a header: the patient, the people around, dates, ids, and descriptions with names in them.

What is planted is made up; the file may be real. Private attributes are vendors.py's, pixels are burned.py's.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from pydicom.charset import convert_encodings, encode_string
from pydicom.dataset import Dataset
from pydicom.uid import UID

from tests.scorecard import phrases
from tests.scorecard.people import Visit
from tests.scorecard.phrases import Phrase
from tests.scorecard.rows import Rows, put

SPECIFIC = "SpecificCharacterSet"
Value = Callable[[Visit], object]
# Always there; what E.1-1 empties, replaces or removes.
CORE: tuple[tuple[tuple[str | int, ...], Value], ...] = (
    (("PatientName",), lambda v: v.person.name),
    (("PatientID",), lambda v: v.person.mrn),
    (("PatientBirthDate",), lambda v: f"{v.person.born:%Y%m%d}"),
    (("AccessionNumber",), lambda v: v.accession),
    (("ReferringPhysicianName",), lambda v: v.doctor),
    (("InstitutionName",), lambda v: v.hospital),
    (("StudyID",), lambda v: v.study_id),
)
# A file has some of these.
MORE: tuple[tuple[tuple[str | int, ...], Value], ...] = (
    (("OtherPatientIDs",), lambda v: [v.person.other_id, v.person.ssn]),
    (("OtherPatientIDsSequence", 0, "PatientID"), lambda v: v.person.other_id),
    (("OtherPatientNames",), lambda v: [f"{v.person.family}^{v.person.given[0]}", v.person.mother]),
    (("PatientBirthName",), lambda v: v.person.mother),
    (("PatientMotherBirthName",), lambda v: v.person.mother),
    (("PatientAddress",), lambda v: f"{v.person.street}, {v.person.town}"),
    (("PatientTelephoneNumbers",), lambda v: v.person.phone),
    (("ReferringPhysicianAddress",), lambda v: f"{v.doctor.split('^')[0]} practice, {v.person.town}"),
    (("ReferringPhysicianTelephoneNumbers",), lambda v: "555-301-7788"),
    (("ReferringPhysicianIdentificationSequence", 0, "InstitutionName"), lambda v: v.elsewhere),
    (("PhysiciansOfRecord",), lambda v: [v.doctor, v.reader]),
    (("PerformingPhysicianName",), lambda v: v.reader),
    (("NameOfPhysiciansReadingStudy",), lambda v: v.reader),
    (("OperatorsName",), lambda v: [v.aide, "Trainee^Two"]),
    (("RequestingPhysician",), lambda v: v.doctor),
    (("ScheduledPerformingPhysicianName",), lambda v: v.reader),
    (("InstitutionAddress",), lambda v: f"12 Harbour Road, {v.person.town}"),
    (("InstitutionalDepartmentName",), lambda v: v.department),
    (("AdmissionID",), lambda v: f"ADM{v.study_id}"),
    (("CurrentPatientLocation",), lambda v: "Ward Seven Bed 12"),
    (("PerformedProcedureStepID",), lambda v: f"PPS{v.study_id}"),
    (("RequestAttributesSequence", 0, "RequestedProcedureID"), lambda v: v.accession),
    (("RequestAttributesSequence", 0, "ScheduledProcedureStepID"), lambda v: f"SPS{v.study_id}"),
    (("ResponsiblePerson",), lambda v: v.person.mother),
    (("FillerOrderNumberImagingServiceRequest",), lambda v: f"FO{v.accession}"),
    (("PatientReligiousPreference",), lambda v: "Quaker meeting"),
    (("ClinicalTrialSubjectID",), lambda v: f"SUBJ{v.person.mrn}"),
    (("ContributingEquipmentSequence", 0, "InstitutionName"), lambda v: v.elsewhere),
    (("ContributingEquipmentSequence", 0, "OperatorsName"), lambda v: v.aide),
    (("OriginalAttributesSequence", 0, "ModifiedAttributesSequence", 0, "PatientName"), lambda v: v.person.name),
    (("OriginalAttributesSequence", 0, "ModifiedAttributesSequence", 0, "PatientID"), lambda v: v.person.mrn),
)
DATES: tuple[tuple[tuple[str | int, ...], str], ...] = (
    (("AcquisitionDateTime",), "%Y%m%d093015.250000+0100"),
    (("ContentDate",), "%Y%m%d"),
    (("InstanceCreationDate",), "%Y%m%d"),
    (("PerformedProcedureStepStartDate",), "%Y%m%d"),
    (("PerformedProcedureStepEndDate",), "%Y%m%d"),
    (("RequestAttributesSequence", 0, "ScheduledProcedureStepStartDate"), "%Y%m%d"),
    (("ContributingEquipmentSequence", 0, "ContributionDateTime"), "%Y%m%d0930-0500"),
    (("AdmittingDate",), "%Y%m%d"),
    (("ScheduledProcedureStepStartDate",), "%Y%m%d"),
)
# (where, list of phrases.json, VR, how often)
TEXTS: tuple[tuple[tuple[str | int, ...], str, str, float], ...] = (
    (("StudyDescription",), "short", "LO", 0.8),
    (("SeriesDescription",), "short", "LO", 0.8),
    (("ProtocolName",), "short", "LO", 0.6),
    (("RequestedProcedureDescription",), "short", "LO", 0.4),
    (("PerformedProcedureStepDescription",), "short", "LO", 0.4),
    (("AdmittingDiagnosesDescription",), "short", "LO", 0.2),
    (("ReasonForTheRequestedProcedure",), "short", "LO", 0.2),
    (("RequestAttributesSequence", 0, "ScheduledProcedureStepDescription"), "short", "LO", 0.3),
    (("ImageComments",), "long", "LT", 0.5),
    (("PatientComments",), "long", "LT", 0.4),
    (("AdditionalPatientHistory",), "long", "LT", 0.4),
    (("CommentsOnThePerformedProcedureStep",), "long", "ST", 0.2),
    (("ImagingServiceRequestComments",), "long", "LT", 0.2),
    (("MedicalAlerts",), "alerts", "LO", 0.4),
    (("Allergies",), "allergies", "LO", 0.4),
    (("ContrastBolusAgent",), "agents", "LO", 0.2),
)


def plant(dataset: Dataset, visit: Visit, rng: random.Random, rows: Rows, *, texts: float = 1.0) -> None:
    """Give the file to `visit`; `texts` is how often descriptions are replaced, 0 leaves what is there."""
    person = visit.person
    if person.charset != ("ISO_IR 100",) or SPECIFIC not in dataset:
        setattr(dataset, SPECIFIC, list(person.charset) if len(person.charset) > 1 else person.charset[0])
    for where, value in CORE:
        _identity(dataset, rows, where, value(visit))
    for where, value in rng.sample(MORE, len(MORE) // 2):
        _identity(dataset, rows, where, value(visit))
    rows.add("patid_consistent", put(dataset, person.mrn, "PatientID"), person.mrn, why="E.1-1")
    _characteristics(dataset, visit, rng, rows)
    dataset.StudyDate = f"{visit.day:%Y%m%d}"
    dataset.StudyTime = dataset.get("StudyTime") or "101500"
    for where, form in rng.sample(DATES, 4):
        put(dataset, visit.day.strftime(form), *where)
    for where, kind, vr, often in TEXTS:
        if rng.random() < often * texts:
            phrase = fitting(partial(phrases.write, rng, kind, visit, vr), dataset)
            rows.phrase(put(dataset, phrase.text, *where), phrase)
        elif rows.profile == "research" and len(where) == 1 and kind == "short" and rng.random() < 0.5 * texts:
            place = put(dataset, text := phrases.clean(rng), *where)
            rows.taken.add(place)
            rows.add("text_retained", place, text, why="clean")


def native_text(dataset: Dataset, visit: Visit, rows: Rows) -> None:
    """A description that names the patient in the script of the name."""
    phrase = Phrase(f"CT {visit.person.spoken}", ("CT",), ((visit.person.spoken, False),))
    if len(phrase.text.encode()) < 64:
        rows.phrase(put(dataset, phrase.text, "StudyDescription"), phrase)


def _identity(dataset: Dataset, rows: Rows, where: tuple[str | int, ...], value: object) -> None:
    values = value if isinstance(value, list) else [value]
    try:
        for one in values:
            _encode(str(one), dataset)
    except (UnicodeError, ValueError):
        return
    place = put(dataset, value, *where)
    for one in values:
        rows.gone(place, str(one), whole=str(where[-1]).endswith("Date"))


def _characteristics(dataset: Dataset, visit: Visit, rng: random.Random, rows: Rows) -> None:
    """Sex, age, size and weight stay under the research preset; an age of 90 and more does not."""
    person, keep = visit.person, rows.profile == "research"
    age = (visit.day - person.born).days // 365
    old = rng.random() < 0.15
    values = {
        "PatientSex": person.sex,
        "PatientAge": f"{rng.randint(91, 104):03d}Y" if old else f"{min(age, 88):03d}Y",
        "PatientWeight": str(rng.randint(45, 110)),
        "PatientSize": f"1.{rng.randint(50, 95)}",
    }
    for keyword, value in values.items():
        place = put(dataset, value, keyword)
        rows.taken.add(place)
        if keyword == "PatientAge" and old:
            rows.gone(place, value)
            if keep:
                rows.add("tag_retained", place, why="E.1-1")
        elif keep:
            rows.add("text_retained", place, value, why="E.1-1")
        elif keyword != "PatientSex":  # one letter may come back as a replacement
            rows.gone(place, value, why="E.1-1")


def fitting(make: Callable[[], Phrase], dataset: Dataset) -> Phrase:
    """The first phrase made that the character set of the file can write."""
    for _ in range(40):
        phrase = make()
        try:
            _encode(phrase.text, dataset)
        except (UnicodeError, ValueError):
            continue
        return phrase
    return Phrase("CT", ("CT",), ())


def _encode(text: str, dataset: Dataset) -> bytes:
    """`text` in the file's character set; raises `UnicodeError` where it does not fit."""
    terms = dataset.get(SPECIFIC) or "ISO_IR 6"
    encodings = convert_encodings(list(terms) if not isinstance(terms, str) else terms)
    # pydicom reads the default repertoire, which is ASCII (PS3.5 6.1.1), as Latin-1.
    others = [encoding for encoding in encodings if encoding != "iso8859"]
    for character in text:
        if not character.isascii() and not any(_has(encoding, character) for encoding in others):
            raise UnicodeError("a character has no place in the file's character set")
    return encode_string(text, encodings)


def _has(encoding: str, character: str) -> bool:
    try:
        return bool(encode_string(character, [encoding])) and character.encode(encoding) != b"?"
    except (UnicodeError, LookupError):
        return False


def fresh_uid(rng: random.Random) -> UID:
    """A UID of a made-up hospital."""
    return UID(f"1.2.826.0.1.3680043.10.999.{rng.randint(1, 10**6)}.{rng.randint(10**8, 10**9)}.{rng.randint(1, 99)}")
