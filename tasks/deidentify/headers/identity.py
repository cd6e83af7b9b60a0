"""Who a file is about: the identifiers at the top of its header and the names within its sequences, as Known has them.

Only a few attributes are asked, so that it costs next to nothing a file; slices of one series answer alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydicom.datadict import tag_for_keyword

from tasks.deidentify.headers import charset, normal
from tasks.deidentify.headers.nested import names_in
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
    "makers": ("Manufacturer", "ManufacturerModelName"),
}
_TAGS = {kind: tuple(tag for word in words if (tag := tag_for_keyword(word))) for kind, words in _KEYWORDS.items()}
_ALL = tuple(tag for tags in _TAGS.values() for tag in tags)
_DAY = re.compile(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})")


def signature(opened: Opened) -> tuple[object, ...]:
    """The bytes that `known_of` depends on: equal signatures (and character sets) make equal answers."""
    by_tag = opened.by_tag
    top = tuple(by_tag[tag].chunk or b"" for tag in _ALL if tag in by_tag)
    return (*top, *_nested(opened))


def known_of(opened: Opened, retained: frozenset[str]) -> Known:
    """The patient's identifiers, but for attributes that the profile keeps. Multi-valued attributes give several."""
    texts = {
        kind: tuple(
            _texts(opened, tuple(tag for tag in tags if kind == "makers" or tables.name_of(tag) not in retained))
        )
        for kind, tags in _TAGS.items()
    }
    for tag, value in _nested(opened):
        if tables.name_of(tag) not in retained:
            kind = "patient" if tag in _TAGS["patient"] else "others"
            texts[kind] += tuple(text for text in _split(value, opened.terms) if text not in texts[kind])
    days = tuple("".join(found.groups()) for text in texts["dates"] if (found := _DAY.match(text)))
    makers = [_bare(text) for text in texts["makers"]]
    places = tuple(place for place in texts["places"] if not any(_bare(place) in maker for maker in makers))
    return Known(texts["patient"], texts["others"], texts["ids"], places, days)


def _bare(text: str) -> str:
    """Letters and digits alone, in lower case: what a phantom's institution and the maker of a device share."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _nested(opened: Opened) -> Iterator[tuple[int, bytes]]:
    """(tag, value) of the names within sequences."""
    for element in opened.sequences:
        yield from names_in(element, opened.encoding)


def _texts(opened: Opened, tags: tuple[int, ...]) -> list[str]:
    found = []
    for tag in tags:
        found += _split(opened.value(tag), opened.terms)
    return list(dict.fromkeys(found))


def _split(value: bytes, terms: tuple[str, ...]) -> list[str]:
    """The values of an attribute as text, without those that are empty."""
    if not value:
        return []
    text = charset.decode(value, terms)
    if text is None and (otherwise := charset.undeclared(value, terms)):
        text = charset.decode(value, otherwise)
    if text is None:
        text = normal.decoded(value, terms)
    return [part for each in text.split("\\") if (part := each.strip(" \0\r\n"))]
