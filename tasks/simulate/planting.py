"""Keeps the book of planted identifiers: declares what identifies, then notes every place where it is written.

Values are found in what is written, not noted by those who write, so the answer key cannot miss a place.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import PYDICOM_ROOT_UID

from tasks.simulate.model import Kind, Planted
from tasks.simulate.names import Name
from tasks.simulate.patients import Hospital, Patient
from tasks.simulate.plan import Study

_NUMBERS = frozenset(
    ("AT", "DS", "FD", "FL", "IS", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "US", "UV", "TM")
)
_OUR_UIDS = len(PYDICOM_ROOT_UID) + 20  # shorter ones under the root are pydicom's own


class Planter:
    """The book. Declare all, then show it every file as it is written."""

    def __init__(self, hospital: Hospital, studies: tuple[Study, ...]) -> None:
        self._kinds: dict[tuple[str | None, str], Kind] = {}
        self._places: dict[tuple[str | None, str], set[tuple[str, str]]] = {}
        self._by_owner: dict[str | None, list[str]] = {}
        self._found: dict[tuple[str | None, str], tuple[tuple[str | None, str], ...]] = {}
        self._declare_hospital(hospital, studies)
        for patient in hospital.patients:
            self._declare_patient(patient)
        for study in studies:
            self._declare_study(study)

    def see_dataset(self, ds: Dataset, owner: str, folder: str, file: str) -> None:
        """Note the identifiers in `ds` and its file meta: those of its instance by `file`, the others by `folder`."""
        for path, vr, text in _texts(ds):
            if vr == "UI":
                if text.startswith(PYDICOM_ROOT_UID) and len(text) > _OUR_UIDS:
                    own = path in ("SOPInstanceUID", "MediaStorageSOPInstanceUID") or "Referenced" in path
                    self._note(owner, text, file if own else folder, path, Kind.UID)
            else:
                self.see_text(text, owner, folder, path)

    def see_text(self, text: str, owner: str, place: str, attribute: str) -> None:
        """Note the identifiers of patient `owner` and of the hospital in `text`."""
        key = (owner, text)
        if key not in self._found:
            self._found[key] = tuple(
                (whose, value) for whose in (owner, None) for value in self._by_owner[whose] if value in text
            )
        for found in self._found[key]:
            self._places[found].add((place, attribute))

    def see_pixels(self, lines: tuple[str, ...], owner: str, file: str) -> None:
        """Note text burned into the pixels of `file`."""
        for line in lines:
            self._note(owner, line, file, "PixelData", Kind.BURNED_IN)
            self.see_text(line, owner, file, "PixelData")

    def move(self, old: str, new: str) -> None:
        """What was at path `old` (a file or a folder) is now at `new`."""
        for key, places in self._places.items():
            self._places[key] = {
                (new + path.removeprefix(old) if path == old or path.startswith(f"{old}/") else path, attribute)
                for path, attribute in places
            }

    def planted(self) -> tuple[Planted, ...]:
        """All that was found at least once, sorted by owner, kind and value."""
        found = (
            Planted(value=value, kind=self._kinds[owner, value], patient=owner, where=_sorted(places))
            for (owner, value), places in self._places.items()
            if places
        )
        return tuple(sorted(found, key=lambda item: (item.patient or "", item.kind, item.value)))

    def _declare(self, owner: str | None, kind: Kind, *values: str) -> None:
        for value in values:
            if (owner, value) not in self._kinds:
                self._kinds[owner, value] = kind
                self._places[owner, value] = set()
                if kind not in (Kind.UID, Kind.BURNED_IN):
                    self._by_owner.setdefault(owner, []).append(value)

    def _note(self, owner: str, value: str, place: str, attribute: str, kind: Kind) -> None:
        self._declare(owner, kind, value)
        self._places[owner, value].add((place, attribute))

    def _declare_hospital(self, hospital: Hospital, studies: tuple[Study, ...]) -> None:
        for person in (*hospital.physicians, *hospital.operators, *hospital.readers):
            self._declare(None, Kind.PHYSICIAN, person.pn, person.spoken, person.comma, *person.parts)
        for house in hospital.institutions:
            self._declare(None, Kind.INSTITUTION, house.name, house.address, *house.distinctive)
        for study in studies:
            self._declare(None, Kind.DEVICE, study.device.station, study.device.serial)

    def _declare_patient(self, patient: Patient) -> None:
        owner, name, mother = patient.key, patient.name, patient.mother
        self._declare(owner, Kind.NAME, *_written(name), *_written(mother), f"{mother.family}^{name.given}")
        self._declare(owner, Kind.NAME_PART, *name.parts, *mother.parts, name.family.upper(), name.given.upper())
        self._declare(owner, Kind.PATIENT_ID, patient.patient_id, patient.former_id, patient.insurance_id)
        self._declare(owner, Kind.ADDRESS, patient.address, patient.street, patient.town)
        self._declare(owner, Kind.PHONE, patient.phone, patient.mobile)
        self._declare(owner, Kind.DATE, *_dates(patient.born))

    def _declare_study(self, study: Study) -> None:
        owner = study.patient.key
        self._declare(owner, Kind.ACCESSION, study.accession)
        self._declare(owner, Kind.REQUEST, study.request_id, study.study_id, study.step_id)
        self._declare(owner, Kind.DATE, *_dates(study.day), *_dates(study.requested))


def _written(name: Name) -> tuple[str, ...]:
    return tuple(dict.fromkeys((name.pn, *name.pn.split("="), name.comma, name.spoken, name.comma.upper())))


def _dates(day: date) -> tuple[str, ...]:
    return f"{day:%Y%m%d}", f"{day:%Y-%m-%d}", f"{day:%d.%m.%Y}"


def _sorted(places: set[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{path}#{attribute}" for path, attribute in sorted(places))


def _texts(ds: Dataset, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """(path, VR, text) of every value that can hold letters, at every depth; pixels are left out."""
    if not prefix:
        meta = getattr(ds, "file_meta", None)
        if meta is not None:
            yield from _texts(meta, "")
        preamble = getattr(ds, "preamble", None)
        if preamble:
            yield "preamble", "OB", preamble.decode("latin-1")
    for element in ds:
        if element.VR in _NUMBERS or element.keyword == "PixelData":
            continue
        path = prefix + (element.keyword or f"({element.tag.group:04x},{element.tag.element:04x})")
        if element.VR == "SQ":
            for index, item in enumerate(element.value):
                yield from _texts(item, f"{path}[{index}].")
        elif isinstance(element.value, bytes):
            yield path, element.VR, element.value.decode("latin-1")
        else:
            values = element.value if isinstance(element.value, MultiValue | list) else [element.value]
            yield from ((path, element.VR, str(value)) for value in values if value)
