"""Who a file is about: the identifiers at the top of its header, as Known has them.

Only a few attributes are asked, all at the top, so that it costs nothing a file; slices of one series answer alike.
"""

from __future__ import annotations

import re

from pydicom.datadict import tag_for_keyword

from tasks.deidentify.headers import charset, normal
from tasks.deidentify.headers.opened import Opened
from tasks.deidentify.known import Known
from tasks.deidentify.rules import tables

_KEYWORDS = {
    "patient": (
        *("PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "ResponsiblePerson"),
    ),
    "others": (
        *("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "NameOfPhysiciansReadingStudy"),
        *("PhysiciansOfRecord", "RequestingPhysician", "ScheduledPerformingPhysicianName", "ConsultingPhysicianName"),
        *("ContentCreatorName", "ReviewerName", "VerifyingObserverName", "NamesOfIntendedRecipientsOfResults"),
        *("OrderEnteredBy", "PhysicianApprovingInterpretation", "InterpretationAuthor"),
    ),
    "ids": (
        *("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "AdmissionID", "MedicalRecordLocator"),
        *("PatientTelephoneNumbers", "ReferringPhysicianTelephoneNumbers", "OrderCallbackPhoneNumber"),
        *("PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest"),
        *("RequestedProcedureID", "ScheduledProcedureStepID", "PerformedProcedureStepID", "ServiceEpisodeID"),
        *("InsurancePlanIdentification", "DeviceSerialNumber", "ClinicalTrialSubjectID", "MilitaryRank"),
        *("ContainerIdentifier",),
    ),
    "places": (
        *("InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName", "PatientAddress"),
        *("ReferringPhysicianAddress", "RequestingService", "CurrentPatientLocation", "PatientInstitutionResidence"),
        *("ClinicalTrialSiteName", "PerformedStationName", "CountryOfResidence", "RegionOfResidence"),
        *("IssuerOfPatientID", "ResponsibleOrganization"),
    ),
    "dates": ("PatientBirthDate", "StudyDate", "SeriesDate"),
}
_TAGS = {kind: tuple(tag for word in words if (tag := tag_for_keyword(word))) for kind, words in _KEYWORDS.items()}
_ALL = tuple(tag for tags in _TAGS.values() for tag in tags)
_DAY = re.compile(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})")


def signature(opened: Opened) -> tuple[bytes, ...]:
    """The bytes that `known_of` depends on: equal signatures (and character sets) make equal answers."""
    by_tag = opened.by_tag
    return tuple(by_tag[tag].chunk or b"" for tag in _ALL if tag in by_tag)


def known_of(opened: Opened, retained: frozenset[str]) -> Known:
    """The patient's identifiers, but for attributes that the profile keeps. Multi-valued attributes give several."""
    texts = {
        kind: tuple(_texts(opened, tuple(tag for tag in tags if tables.name_of(tag) not in retained)))
        for kind, tags in _TAGS.items()
    }
    days = tuple("".join(found.groups()) for text in texts["dates"] if (found := _DAY.match(text)))
    return Known(texts["patient"], texts["others"], texts["ids"], texts["places"], days)


def _texts(opened: Opened, tags: tuple[int, ...]) -> list[str]:
    found = []
    for tag in tags:
        value = opened.value(tag)
        text = charset.decode(value, opened.terms) if value else None
        if text is None and value and (terms := charset.undeclared(value, opened.terms)):
            text = charset.decode(value, terms)
        if text is None and value:
            text = normal.decoded(value, opened.terms)
        found += [part.strip(" \0\r\n") for part in (text or "").split("\\")]
    return list(dict.fromkeys(part for part in found if part))
