"""Which series the cohort wants: window, modality, description, and the ids of a CSV. The same for every source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from tasks.core.errors import ConfigurationError
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.settings import ExtractSettings, digest
from tasks.core.workspace import Workspace
from tasks.extract.tables import read_table

_HOW = frozenset({"incomplete", "deleted", "full_every_hours", "opt_out_csv"})
"""What doesn't select: to change it keeps the cohort."""


@dataclass(frozen=True, repr=False)
class Header:
    """The attributes of a series that decide who it belongs to and whether it is wanted; '' where missing."""

    patient_id: str = ""
    study_uid: str = ""
    series_uid: str = ""
    modality: str = ""
    study_date: str = ""
    study_description: str = ""
    accession: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes a series one series: patient, study and series together."""
        return self.patient_id, self.study_uid, self.series_uid


@dataclass(frozen=True, repr=False)
class Criteria:
    """What is wanted. None or an empty tuple takes all; `ids` are (AccessionNumber, PatientID), '' standing for any."""

    start: date | None = None
    end: date | None = None
    modalities: tuple[str, ...] = ()
    study_description: str | None = None
    ids: frozenset[tuple[str, str]] | None = None

    @classmethod
    def of(cls, workspace: Workspace) -> Criteria:
        """The criteria of params.yaml, with the cohort's CSV read."""
        settings = workspace.settings.extract
        if settings.study_description is not None:
            _check_pattern(settings.study_description)
        ids = _read_ids(workspace.resolve(settings.cohort_csv)) if settings.cohort_csv else None
        return cls(settings.start, settings.end, settings.modalities, settings.study_description, ids)

    def narrowed(self, start: date | None, end: date | None, modalities: Iterable[str] | None) -> Criteria:
        """These criteria and a run's own window and modalities together: both must be met."""
        wanted = tuple(modalities or ())
        if wanted and self.modalities:
            wanted = tuple(modality for modality in wanted if modality in self.modalities)
            if not wanted:
                raise ConfigurationError("none of the modalities asked for is among extract.modalities of params.yaml")
        first = max((day for day in (start, self.start) if day), default=None)
        last = min((day for day in (end, self.end) if day), default=None)
        if first and last and last < first:
            raise ConfigurationError(f"no day is left between {first} and {last}: widen the window or params.yaml's")
        return replace(self, start=first, end=last, modalities=wanted or self.modalities)

    def accept(self, header: Header) -> bool:
        """Whether a series with this header is wanted."""
        return self.accept_study(header) and (not self.modalities or header.modality in self.modalities)

    def accept_study(self, header: Header) -> bool:
        """Whether its study is wanted, whatever the modality. A study without a valid date is in no window."""
        if self.start or self.end:
            day = day_of(header.study_date)
            if day is None or (self.start and day < self.start) or (self.end and day > self.end):
                return False
        pattern = self.study_description
        if pattern is not None and not re.search(pattern, header.study_description, re.IGNORECASE):
            return False
        if self.ids is None:
            return True
        whole, patient = (header.accession, header.patient_id), ("", header.patient_id)
        return whole in self.ids or (header.accession, "") in self.ids or patient in self.ids

    def describe(self) -> str:
        """The criteria in words, for a message. Names no id."""
        parts = []
        if self.start or self.end:
            parts.append(f"StudyDate {self.start or 'any'} to {self.end or 'any'}")
        if self.modalities:
            parts.append(f"modality {', '.join(self.modalities)}")
        if self.study_description is not None:
            parts.append(f"StudyDescription like {self.study_description!r}")
        if self.ids is not None:
            parts.append(f"the {len(self.ids)} ids of the cohort CSV")
        return "; ".join(parts) or "everything"


def criteria_digest(settings: ExtractSettings, criteria: Criteria, pseudonymiser: Pseudonymiser) -> str:
    """A digest of what params.yaml selects, so that a changed selection starts a new cohort.

    How and from which address it is fetched doesn't count, nor does the folder's place; ids count by keyed digest.
    """
    selecting = ExtractSettings(
        source=settings.source,
        start=settings.start,
        end=settings.end,
        modalities=tuple(sorted(set(settings.modalities))),
        study_description=settings.study_description,
        max_item_bytes=settings.max_item_bytes,
        max_archive_ratio=settings.max_archive_ratio,
    )
    ids = "" if criteria.ids is None else repr(sorted(criteria.ids))
    return pseudonymiser.fingerprint("criteria", digest(selecting, without=_HOW), ids)


def day_of(text: str) -> date | None:
    """A DA value (PS3.5 6.2: YYYYMMDD) as a date."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(f"extract.study_description is not a regular expression: {error.msg}") from None


def _read_ids(path: Path) -> frozenset[tuple[str, str]]:
    table = read_table(path, "extract.cohort_csv")
    if not {"AccessionNumber", "PatientID"} & set(table.columns):
        raise ConfigurationError(f"extract.cohort_csv: {path.name} has no column AccessionNumber or PatientID")
    ids = {(row.get("AccessionNumber", "").strip(), row.get("PatientID", "").strip()) for row in table.rows} - {
        ("", "")
    }
    if not ids:
        raise ConfigurationError(f"extract.cohort_csv: {path.name} lists no id")
    return frozenset(ids)
