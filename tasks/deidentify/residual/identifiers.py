"""The patient's own identifiers, collected from the source header for the residual check.

Independent of the engine: it asks neither the rule tables nor the profile, only names, numbers, places, dates and UIDs
by VR and by a list of its own. Holds identified values, so it stays in memory and its repr is silent.

Which values are looked for (short and common ones would drown every report):
- a part of a person's name from 4 letters on (2 in scripts without case, such as Chinese), unless it is a word that
  placeholders are made of (data/common_words.json); the whole name in several orders from 5 characters on
- an id, number or address from 4 characters on if it has a letter, from 6 on if it has digits alone; never one repeated
  character or digits counted up (123456), and no step's id that is also a code of the procedure
- a place's name (institution, station) from 6 characters on, unless the make and model say the same; so for persons who
  are not the patient or next to the patient
- each DA and DT as eight digits at the start of a number, and as ISO and dotted dates; each UID that is not registered
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from tasks.deidentify.headers.read import charset_terms
from tasks.deidentify.rules.tables import load, name_of, registered_uids, value_representations

NUMBERS = frozenset(
    (
        "PatientID",
        "OtherPatientIDs",
        "AccessionNumber",
        "AdmissionID",
        "StudyID",
        "MilitaryRank",
        "InsurancePlanIdentification",
        "IssuerOfPatientID",
        "PatientTelephoneNumbers",
        "PatientAddress",
        "ResponsibleOrganization",
        "RequestedProcedureID",
        "ScheduledProcedureStepID",
        "PerformedProcedureStepID",
        "PlacerOrderNumberImagingServiceRequest",
        "FillerOrderNumberImagingServiceRequest",
        "PhysicianApprovingInterpretation",
        "ReferringPhysicianAddress",
        "ReferringPhysicianTelephoneNumbers",
        "PersonAddress",
        "PersonTelephoneNumbers",
        "MedicalRecordLocator",
        "ClinicalTrialSubjectID",
        "ClinicalTrialSubjectReadingID",
        "ServiceEpisodeID",
        "DeviceSerialNumber",
        "InstitutionAddress",
        "CountryOfResidence",
        "RegionOfResidence",
        "PatientReligiousPreference",
        "OrderCallbackPhoneNumber",
        "PatientTelecomInformation",
        "SpecimenAccessionNumber",
        "IssuerOfAdmissionID",
    )
)
PLACES = frozenset(
    (
        "InstitutionName",
        "InstitutionalDepartmentName",
        "StationName",
        "RequestingService",
        "CurrentPatientLocation",
        "PatientInstitutionResidence",
        "ClinicalTrialSiteName",
        "PerformedStationName",
    )
)
_MAKERS = frozenset({"Manufacturer", "ManufacturerModelName", "SoftwareVersions"})
_STEPS = frozenset({"RequestedProcedureID", "ScheduledProcedureStepID", "PerformedProcedureStepID", "StudyID"})
_PATIENT = ("Patient", "OtherPatient", "Responsible")
_COUNTED = "0123456789012345"
_PART = re.compile(r"[\^=,;\\/\s.()_\d]+")
_SPLIT = re.compile(r"[\\\r\n]+")


@dataclass(repr=False)
class Identifiers:
    """What must not be found: texts by kind (an attribute's keyword), dates as YYYYMMDD, UIDs."""

    texts: dict[str, str] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, dataset: Dataset, retained: frozenset[str] = frozenset()) -> Identifiers:
        """Collect from `dataset` at every depth; `retained` are keywords that the profile keeps on purpose."""
        found = cls()
        leaves = [(name_of(tag) or "private", vr, value) for tag, vr, value in _leaves(dataset, ("ascii",))]
        make = "\n".join(value.lower() for keyword, _, value in leaves if keyword in _MAKERS)
        codes = {value for keyword, _, value in leaves if keyword == "CodeValue"}
        for keyword, vr, value in leaves:
            if keyword in retained or (keyword in _STEPS and value in codes):
                continue
            if vr == "PN":
                if keyword.startswith(_PATIENT) or value.strip("^ ").lower() not in make:
                    found._add_name(keyword, value)
            elif vr == "UI":
                found.uids.update(uid for uid in value.split("\\") if _is_own_uid(uid))
            elif vr in ("DA", "DT"):
                found.dates.update(day for part in value.split("\\") if (day := _day(part)))
            elif keyword in NUMBERS:
                found._add_number(keyword, value)
            elif keyword in PLACES:
                for place in _SPLIT.split(value):
                    if len(place.strip()) >= 6 and place.strip().lower() not in make:
                        found._add_text(keyword, place)
        meta = getattr(dataset, "file_meta", None)
        if meta is not None and _is_own_uid(uid := str(meta.get("MediaStorageSOPInstanceUID", ""))):
            found.uids.add(uid)
        return found

    def _add_text(self, kind: str, text: str) -> None:
        bare = text.strip(" \0\t")
        if bare and bare.lower() not in common_words():
            self.texts.setdefault(bare, kind)

    def _add_number(self, kind: str, value: str) -> None:
        for number in _SPLIT.split(value):
            bare = number.strip(" \0")
            least = 6 if bare.replace("-", "").replace(".", "").isdigit() else 4
            if len(bare) >= least and len(set(bare)) > 1 and bare not in _COUNTED:
                self._add_text(kind, bare)
                self.whole.add(bare)

    def _add_name(self, kind: str, value: str) -> None:
        for name in value.replace("=", "\\").split("\\"):
            parts = [part for part in _PART.split(name) if part]
            words = common_words()
            telling = [part for part in parts if part.lower() not in words]
            for part in telling:
                if len(part) >= (4 if part[0].isascii() or part.lower() != part.upper() else 2):
                    self._add_text(kind, part)
            if len(parts) > 1 and telling:
                first, last = parts[1], parts[0]
                for form in (
                    name.strip(" \0^"),
                    f"{last} {first}",
                    f"{first} {last}",
                    f"{last}, {first}",
                    f"{last}{first}",
                ):
                    if len(form) >= 5:
                        self._add_text(kind, form)
                        self.whole.add(form.strip(" \0"))


@cache
def common_words() -> frozenset[str]:
    """Words that alone identify nobody."""
    return frozenset(load("common_words.json")["words"])


def _leaves(dataset: Dataset, encodings: tuple[str, ...]) -> Iterator[tuple[int, str, str]]:
    """(tag, VR, decoded text) of every text, date and UID at every depth."""
    if terms := charset_terms(dataset):
        encodings = tuple(convert_encodings(list(terms)))
    for tag in sorted(dataset.keys()):
        element = dataset.get_item(tag)
        known = value_representations(tag)
        vr = element.VR if element.VR not in (None, "UN") else (known[0] if known else "UN")
        if vr == "SQ":
            value = dataset[tag].value
            for item in value if not isinstance(value, bytes) and value is not None else ():
                yield from _leaves(item, encodings)
        elif isinstance(element.value, bytes):
            if vr in _WANTED or name_of(tag) in NUMBERS:
                yield int(tag), str(vr), _decoded(element.value, encodings)
        elif element.value is not None and vr in _WANTED:
            value = element.value
            listed = value if isinstance(value, (list, MultiValue)) else [value]
            yield int(tag), str(vr), "\\".join(map(str, listed))


_WANTED = frozenset({"PN", "UI", "DA", "DT", "LO", "SH", "ST", "LT", "UT", "UC", "AE"})


def _decoded(content: bytes, encodings: tuple[str, ...]) -> str:
    for encoding in (*encodings, "utf-8"):
        try:
            return content.decode(encoding).strip(" \0")
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("latin-1").strip(" \0")


def _is_own_uid(uid: str) -> bool:
    bare = uid.strip(" \0")
    return bare.count(".") >= 3 and not bare.startswith("1.2.840.10008.") and bare not in registered_uids()


def _day(text: str) -> str | None:
    """The day of a DA or DT as YYYYMMDD; None where there is none between 1850 and 2100."""
    digits = re.sub(r"[.\-/]", "", text.strip(" \0")[:10])[:8]
    if not re.fullmatch(r"\d{8}", digits):
        return None
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return digits if 1850 <= day.year <= 2100 else None
