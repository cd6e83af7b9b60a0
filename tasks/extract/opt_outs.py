"""Who is not taken: those who withdrew (the vault's list), and those whom the hospital's own list names.

A listing names whose series is whose, and nothing more is read: no instance of theirs is fetched, and of a file in a
folder no pixel. What the lists are, and who is on them, stays in memory and in the vault.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from tasks.core.errors import ConfigurationError
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.workspace import Workspace
from tasks.extract.criteria import Criteria, Header
from tasks.extract.source import Listing, Source, open_source
from tasks.extract.tables import Table, read_table
from tasks.record.opt_outs import person, read_opt_outs, series

logger = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class NotTaken:
    """The people who are not taken, as digests; `accessions` are the numbers of their studies."""

    key: Pseudonymiser
    people: frozenset[str] = frozenset()
    accessions: frozenset[str] = frozenset()

    @classmethod
    def of(cls, workspace: Workspace, source: Source) -> NotTaken:
        """Both lists. A row without PatientID stands for whoever the study with its AccessionNumber is of."""
        key, (people, accessions) = workspace.pseudonymiser, _lists(workspace)
        if not people and not accessions:
            return cls(key)
        studies = source.list_studies(Criteria())
        people |= {
            person(key, key.patient(study.patient_id, study.study_uid))
            for study in studies
            if study.accession in accessions
        }
        if missing := accessions - {study.accession for study in studies}:
            logger.warning("%d accession numbers of the opt-out list name no study of the source", len(missing))
        found = cls(key, people)
        return replace(found, accessions=accessions | {study.accession for study in studies if study in found} - {""})

    def __contains__(self, header: Header) -> bool:
        """Whether the series or study with this header is of somebody who is not taken."""
        return self.patient(self.key.patient(header.patient_id, header.study_uid))

    def patient(self, pseudonym: str) -> bool:
        """Whether this patient is not taken."""
        return bool(self.people) and person(self.key, pseudonym) in self.people

    def patient_id(self, patient_id: str) -> bool:
        """The same by PatientID; '' is nobody."""
        return bool(patient_id) and self.patient(self.key.patient(patient_id))


def listed_people(workspace: Workspace, owners: Callable[[frozenset[str]], Iterable[tuple[str, str]]]) -> NotTaken:
    """Both lists. `owners` tells (PatientID, StudyInstanceUID) of the studies that have these AccessionNumbers."""
    key, (people, accessions) = workspace.pseudonymiser, _lists(workspace)
    named = {person(key, key.patient(*owner)) for owner in owners(accessions)} if accessions else set()
    return NotTaken(key, people | named, accessions)


def _lists(workspace: Workspace) -> tuple[frozenset[str], frozenset[str]]:
    """The digests of people on both lists, and the AccessionNumbers on the hospital's."""
    key, path = workspace.pseudonymiser, workspace.settings.extract.opt_out_csv
    people = frozenset(read_opt_outs(workspace).people)
    if not path:
        return people, frozenset()
    patients, accessions = _named(read_table(workspace.resolve(path), "extract.opt_out_csv"))
    return people | {person(key, key.patient(patient_id)) for patient_id in patients}, accessions


def withhold(listing: Listing, not_taken: NotTaken) -> tuple[Listing, dict[str, int]]:
    """`listing` without those who are not taken, and how many instances of each of their series (digests) there are."""
    if not not_taken.people:
        return listing, {}
    out = _remembering(not_taken)
    offered: Counter[str] = Counter()
    for found in listing.series:
        if out(found.header):
            offered[_digest(not_taken.key, found.header)] += len(found.instances)
    for entry in listing.refused:
        if entry.header is not None and out(entry.header):
            offered[_digest(not_taken.key, entry.header)] += 1
    present = listing.present
    if present is not None:
        present = frozenset(
            key for key in present if not out(Header(patient_id=key[0], study_uid=key[1], series_uid=key[2]))
        )
    left = replace(
        listing,
        series=tuple(found for found in listing.series if not out(found.header)),
        refused=tuple(entry for entry in listing.refused if entry.header is None or not out(entry.header)),
        unstable=tuple(header for header in listing.unstable if not out(header)),
        present=present,
    )
    return left, dict(offered)


def _remembering(not_taken: NotTaken) -> Callable[[Header], bool]:
    """`in not_taken`, asked once for each study of a patient."""
    known: dict[tuple[str, str], bool] = {}

    def out(header: Header) -> bool:
        study = header.patient_id, header.study_uid
        if study not in known:
            known[study] = header in not_taken
        return known[study]

    return out


def _digest(key: Pseudonymiser, header: Header) -> str:
    return series(key, key.unit(*header.key))


def _named(table: Table) -> tuple[frozenset[str], frozenset[str]]:
    """The PatientIDs and AccessionNumbers that a list names, however its columns are spelt."""
    columns = {re.sub(r"[^a-z]", "", column.lower()): column for column in table.columns}
    wanted = [columns.get(name) for name in ("patientid", "accessionnumber")]
    if not any(wanted):
        raise ConfigurationError("extract.opt_out_csv has no column PatientID or AccessionNumber: add one of them")
    cells = [
        frozenset(row.get(column, "").strip(" \t\0\ufeff") for row in table.rows) - {""} if column else frozenset[str]()
        for column in wanted
    ]
    return cells[0], cells[1]


def items_of(workspace: Workspace, patients: frozenset[str]) -> frozenset[str]:
    """Everything that the source lists of `patients` (pseudonyms), as items: also what became part of no series."""
    key = workspace.pseudonymiser
    with open_source(workspace) as source:
        listing = source.list_series(Criteria())
    found = [(series.header, entry.locator) for series in listing.series for entry in series.instances]
    found += [(entry.header, entry.locator) for entry in listing.refused if entry.header is not None]
    return frozenset(
        key.item(locator) for header, locator in found if key.patient(header.patient_id, header.study_uid) in patients
    )
