"""The answer key: what was planted, where, and what a run over the hospital should find.

Plain values only; how they come about is in the other modules.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from tasks.core.models import Frozen

_ENCODINGS = ("utf-8", "latin-1", "iso8859_5", "iso2022_jp", "euc_kr", "utf-16-le", "utf-16-be")
_ESCAPES = (b"\x1b$B", b"\x1b(B")


class Kind(StrEnum):
    """What an identifier is.

    A `DATE` may by chance equal another patient's shifted date or eight digits of a UID: search it only in what belongs
    to its own patient. A `DEVICE` (station, serial number) may lawfully stay where a profile retains device identity.
    """

    NAME = "name"
    NAME_PART = "name-part"
    PATIENT_ID = "patient-id"
    DATE = "date"
    ADDRESS = "address"
    PHONE = "phone"
    ACCESSION = "accession"
    REQUEST = "request"
    PHYSICIAN = "physician"
    INSTITUTION = "institution"
    DEVICE = "device"
    UID = "uid"
    BURNED_IN = "burned-in"


class Planted(Frozen):
    """One identifier as it is written somewhere, its owner ("patient-07"; null: the hospital) and its places.

    A place is `path#attribute`, relative to the hospital's folder: `dicom/x/y#PatientName` for every file of a series,
    `dicom/x/y/1.dcm#SOPInstanceUID` for one file, `ehr.csv#row` and `reports/x.txt#text` for records, `dicom/x#path`
    for a name of a file or folder. Nested attributes read `RequestAttributesSequence[0].RequestedProcedureID`.
    """

    value: str
    kind: Kind
    patient: str | None
    where: tuple[str, ...]

    def forms(self) -> frozenset[bytes]:
        """The value's bytes in every encoding that can write it, without the escapes of ISO 2022."""
        found = set()
        for encoding in _ENCODINGS:
            try:
                raw = self.value.encode(encoding)
            except UnicodeEncodeError:
                continue
            if encoding == "iso2022_jp":
                for escape in _ESCAPES:
                    raw = raw.removeprefix(escape).removesuffix(escape)
            found.add(raw)
        return frozenset(found)


class Expected(Frozen):
    """Counts that a run over `dicom/` should arrive at.

    `items` is what a folder source offers: plain files (a gzip counts as its one file) and members of zips (not the
    zips). `instances` counts the distinct readable SOPInstanceUIDs by Modality, the one with truncated pixels and the
    one with another's pixels among them, the corrupt one not.
    """

    patients: int
    studies: int
    series: int
    items: int
    files: int
    archive_members: int
    instances: dict[str, int]
    duplicate_bytes: int
    duplicate_pixels: int
    corrupt: int
    truncated_pixels: int
    not_dicom: int
    burned_in: int
    labels: dict[str, int] = Field(description="lesion (0 or 1) by AccessionNumber")


class AnswerKey(Frozen):
    """Everything planted in one hospital. `traps` names paths (`zip!member` for members) by kind of trap."""

    seed: int
    planted: tuple[Planted, ...]
    expected: Expected
    traps: dict[str, tuple[str, ...]]
    burned_in: dict[str, tuple[str, ...]] = Field(description="the lines of text in the pixels, by path")
    encodings: dict[str, int] = Field(description="series by transfer syntax UID")
    patients: dict[str, str] = Field(description="PatientID by patient key, e.g. patient-07")

    def values(self, *kinds: Kind) -> frozenset[str]:
        """The planted values of `kinds`, or of all kinds."""
        return frozenset(item.value for item in self.planted if not kinds or item.kind in kinds)

    @classmethod
    def read(cls, hospital: Path) -> AnswerKey:
        """The key of the hospital in folder `hospital`."""
        return cls.model_validate_json((hospital / "answer_key.json").read_text(encoding="utf-8"))
