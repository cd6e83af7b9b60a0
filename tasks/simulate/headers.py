"""Headers that identify: the modules of patient, study, series and equipment (PS3.3 C.7), filled as hospitals do.

What is the same for a whole series is made here once; what belongs to the pixels is in `volumes` and `pictures`.
"""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tasks.simulate.plan import Series, Study
from tasks.simulate.private import add_private

_DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"


def series_header(study: Study, series: Series) -> Dataset:
    """Everything that the images of `series` have in common. Add to it; don't change what it holds."""
    header = Dataset()
    _add_patient(header, study)
    _add_study(header, study)
    _add_series(header, study, series)
    _add_request(header, study)
    _add_former(header, study)
    add_private(header, study, series)
    return header


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """One item of a code sequence (PS3.3 table 8.8-1)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _add_patient(header: Dataset, study: Study) -> None:
    patient = study.patient
    if patient.charset != "ISO_IR 6":
        multibyte = patient.charset.startswith("ISO 2022")
        header.SpecificCharacterSet = ["", patient.charset] if multibyte else patient.charset
    header.PatientName = patient.name.pn
    header.PatientID = patient.patient_id
    header.IssuerOfPatientID = study.institution.distinctive[0]
    header.PatientBirthDate = f"{patient.born:%Y%m%d}"
    header.PatientSex = patient.sex
    header.PatientAge = f"{study.age:03d}Y"
    header.PatientSize = f"{patient.height_m:.2f}"
    header.PatientWeight = f"{patient.weight_kg:.1f}"
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID = patient.former_id, study.institution.name, "TEXT"
    header.OtherPatientIDsSequence = Sequence([other])
    if patient.index % 2:
        header.add_new("OtherPatientIDs", "LO", [patient.former_id, patient.insurance_id])
    header.OtherPatientNames = f"{patient.mother.family}^{patient.name.given}"
    header.PatientMotherBirthName = patient.mother.pn
    header.PatientAddress = patient.address
    header.RegionOfResidence = patient.town
    header.PatientTelephoneNumbers = [patient.phone, patient.mobile]
    header.MedicalRecordLocator = patient.insurance_id
    header.Occupation = "retired" if study.age > 66 else "office"
    header.PatientComments = f"Mother {patient.mother.spoken}, call {patient.mobile} before the visit"
    header.AdditionalPatientHistory = f"{patient.name.spoken}: chest pain since {study.requested:%Y-%m-%d}"


def _add_study(header: Dataset, study: Study) -> None:
    patient, referring = study.patient, study.referring
    header.StudyInstanceUID = study.uid
    header.StudyDate = f"{study.day:%Y%m%d}"
    header.StudyTime = study.clock
    header.StudyID = study.study_id
    header.AccessionNumber = study.accession
    header.StudyDescription = study.description
    header.ReferringPhysicianName = f"{referring.pn}^^Dr"
    person = Dataset()
    person.PersonIdentificationCodeSequence = Sequence([code(referring.family, "99LOCAL", referring.spoken)])
    person.PersonAddress = study.institution.address
    person.InstitutionName = study.institution.name
    header.ReferringPhysicianIdentificationSequence = Sequence([person])
    header.PhysiciansOfRecord = [referring.pn, study.performing.pn]
    header.NameOfPhysiciansReadingStudy = study.reader.pn
    header.RequestingPhysician = referring.pn
    header.AdmissionID = study.request_id
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = _DETACHED_STUDY, study.uid
    header.ReferencedStudySequence = Sequence([reference])
    header.RequestedProcedureDescription = f"{study.description.split(' ')[0]} for {patient.name.family}"
    header.TimezoneOffsetFromUTC = "+0100"


def _add_series(header: Dataset, study: Study, series: Series) -> None:
    device, day = study.device, f"{study.day:%Y%m%d}"
    header.Modality = series.modality
    header.SeriesInstanceUID = series.uid
    header.SeriesNumber = series.number
    header.SeriesDescription = series.description
    header.ProtocolName = series.protocol
    header.BodyPartExamined = "HEART" if series.modality in ("CT", "MR", "US") else "CHEST"
    header.SeriesDate = header.AcquisitionDate = header.ContentDate = header.InstanceCreationDate = day
    header.SeriesTime = header.AcquisitionTime = header.ContentTime = header.InstanceCreationTime = study.clock
    header.PerformingPhysicianName = study.performing.pn
    header.OperatorsName = study.operator.pn
    header.PerformedProcedureStepID = study.step_id
    header.PerformedProcedureStepStartDate = day
    header.PerformedProcedureStepStartTime = study.clock
    header.PerformedProcedureStepDescription = study.description
    header.Manufacturer = device.manufacturer
    header.ManufacturerModelName = device.model
    header.StationName = device.station
    header.DeviceSerialNumber = device.serial
    header.SoftwareVersions = "sim 1.0"
    header.InstitutionName = study.institution.name
    header.InstitutionAddress = study.institution.address
    header.InstitutionalDepartmentName = f"Radiology {study.institution.distinctive[1]}"
    header.DateOfLastCalibration = f"{study.requested:%Y%m%d}"


def _add_request(header: Dataset, study: Study) -> None:
    patient = study.patient
    context = Dataset()
    context.ValueType = "TEXT"
    context.ConceptNameCodeSequence = Sequence([code("121430", "DCM", "Reason for Performance of the Procedure")])
    context.TextValue = f"asked for by {study.referring.spoken} for {patient.name.comma}"
    protocol = code("P1", "99LOCAL", study.description)
    protocol.ProtocolContextSequence = Sequence([context])
    request = Dataset()
    request.AccessionNumber = study.accession
    request.RequestedProcedureID = study.request_id
    request.ScheduledProcedureStepID = study.step_id
    request.ScheduledProcedureStepDescription = study.description
    request.RequestedProcedureDescription = f"{patient.name.comma} born {patient.born:%Y-%m-%d}"
    request.ReasonForTheRequestedProcedure = f"{patient.name.spoken}, suspected mass"
    request.ScheduledProtocolCodeSequence = Sequence([protocol])
    header.RequestAttributesSequence = Sequence([request])


def _add_former(header: Dataset, study: Study) -> None:
    if study.patient.index % 3 != 1:
        return
    former = Dataset()
    former.PatientID = study.patient.former_id
    former.PatientName = f"{study.patient.mother.family}^{study.patient.name.given}"
    entry = Dataset()
    entry.ModifiedAttributesSequence = Sequence([former])
    entry.AttributeModificationDateTime = f"{study.day:%Y%m%d}{study.clock}"
    entry.ModifyingSystem = study.device.station
    entry.SourceOfPreviousValues = study.institution.distinctive[0]
    entry.ReasonForTheAttributeModification = "COERCE"
    header.OriginalAttributesSequence = Sequence([entry])
