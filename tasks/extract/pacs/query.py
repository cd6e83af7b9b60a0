"""Searching the PACS: studies, then their series with counts, then instances where there is no count.

A PACS may cut its answers off, aloud or silently; windows are halved until each part is answered in full. A PACS may
also ignore a key and answer with too much; what was not asked for is left out.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

from tasks.core.errors import ConfigurationError
from tasks.extract.pacs.link import Answer, Link, PacsRefused
from tasks.extract.pacs.wanted import Ids, Wanted

logger = logging.getLogger(__name__)

_FIRST, _LAST = date(1900, 1, 1), date(2100, 1, 1)  # of a window that is open at one end
_DAY = 24 * 60  # minutes
_ROUND = 50  # limits are round numbers: an answer of such a size is looked at again in halves
_STUDY_KEYS = {"StudyInstanceUID": "", "StudyDate": "", "PatientID": "", "AccessionNumber": "", "ModalitiesInStudy": ""}
_SERIES_KEYS = {"SeriesInstanceUID": "", "Modality": "", "NumberOfSeriesRelatedInstances": ""}


@dataclass(frozen=True, repr=False)
class Study:
    """A study as the PACS lists it."""

    uid: str
    patient_id: str


@dataclass(frozen=True, repr=False)
class PacsSeries:
    """A series as the PACS lists it; `count` is None where the PACS gives none, or 0."""

    study: Study
    uid: str
    modality: str
    count: int | None


@dataclass(frozen=True, repr=False)
class Listing:
    """What the PACS has of what is wanted. Of `unlisted` studies it told no series; `unmatched` ids found nothing."""

    series: tuple[PacsSeries, ...]
    studies: int
    unlisted: int = 0
    unmatched: int = 0


def search(link: Link, wanted: Wanted, limit: int, parallel: int = 1) -> Listing:
    """All series at the PACS that are wanted, by C-FIND at study and series level.

    `limit` is the PACS's cap of answers, or 0; `parallel` is how many searches it gets at once.
    """
    studies, unmatched = _find_studies(link, wanted, limit)
    series: dict[str, PacsSeries] = {}
    unlisted = 0
    with ThreadPoolExecutor(parallel) as pool:
        for found in pool.map(lambda study: _find_series(link, study), studies):
            unlisted += found is None
            for one in found or ():
                if not wanted.modalities or one.modality in wanted.modalities:
                    series.setdefault(one.uid, one)
    listing = Listing(tuple(series.values()), len(studies), unlisted, unmatched)
    logger.info("the PACS has %d series of %d studies of what is wanted", len(listing.series), len(studies))
    return listing


def find_owners(link: Link, accessions: Collection[str], parallel: int = 1) -> set[tuple[str, str]]:
    """(PatientID, StudyInstanceUID) of the studies with these AccessionNumbers.

    Raises `ConfigurationError` if the PACS refuses to tell: whose they are must be known before anything is moved.
    """

    def find(accession: str) -> list[Answer]:
        answers = link.find("Study", {"AccessionNumber": accession, "PatientID": "", "StudyInstanceUID": ""})
        return [answer for answer in answers if answer.get("AccessionNumber") == accession]

    try:
        with ThreadPoolExecutor(parallel) as pool:
            found = [answer for answers in pool.map(find, sorted(accessions)) for answer in answers]
    except PacsRefused:
        raise ConfigurationError(
            "the PACS does not tell whose the AccessionNumbers of extract.opt_out_csv are, so nothing is asked for: "
            "name those people by PatientID"
        ) from None
    return {(answer.get("PatientID", ""), answer.get("StudyInstanceUID", "")) for answer in found}


def find_instances(link: Link, series: PacsSeries) -> frozenset[str] | None:
    """The SOPInstanceUIDs of a series by C-FIND at instance level; None if the PACS refuses to tell."""
    query = {"StudyInstanceUID": series.study.uid, "SeriesInstanceUID": series.uid, "SOPInstanceUID": ""}
    try:
        answers = link.find("Instance", query)
    except PacsRefused:
        return None
    return frozenset(
        answer["SOPInstanceUID"]
        for answer in answers
        if answer.get("SOPInstanceUID") and answer.get("SeriesInstanceUID", series.uid) == series.uid
    )


def _find_studies(link: Link, wanted: Wanted, limit: int) -> tuple[list[Study], int]:
    found: dict[str, Study] = {}
    unmatched = 0
    for ids in wanted.ids or (None,):
        matched = False
        for modality in wanted.modalities or ("",):  # one at a time: not every PACS takes a list here
            for answer in _ask(link, wanted, ids, modality, limit):
                if _is_meant(answer, wanted, ids, modality):
                    matched = True
                    uid = answer["StudyInstanceUID"]
                    found.setdefault(uid, Study(uid, answer.get("PatientID", "")))
        unmatched += ids is not None and not matched
    return list(found.values()), unmatched


def _ask(link: Link, wanted: Wanted, ids: Ids | None, modality: str, limit: int) -> Iterator[Answer]:
    keys = {**_STUDY_KEYS, **(ids.query() if ids else {}), "ModalitiesInStudy": modality}
    if wanted.start is None and wanted.end is None:
        answers, whole = _try(link, keys, limit)  # studies without a date are found so only
        yield from answers
        if whole:
            return
    yield from _ask_days(link, keys, wanted.start or _FIRST, wanted.end or _LAST, limit)


def _ask_days(link: Link, keys: Answer, first: date, last: date, limit: int) -> Iterator[Answer]:
    if first == last:
        yield from _ask_minutes(link, {**keys, "StudyDate": f"{first:%Y%m%d}"}, 0, _DAY - 1, limit)
        return
    answers, whole = _try(link, {**keys, "StudyDate": f"{first:%Y%m%d}-{last:%Y%m%d}"}, limit)
    yield from answers
    if not whole:
        middle = first + (last - first) // 2
        yield from _ask_days(link, keys, first, middle, limit)
        yield from _ask_days(link, keys, middle + timedelta(days=1), last, limit)


def _ask_minutes(link: Link, keys: Answer, first: int, last: int, limit: int) -> Iterator[Answer]:
    """The studies of one day, halved by StudyTime where they are too many; the whole day is asked without a time."""
    day = (first, last) == (0, _DAY - 1)
    answers, whole = _try(link, keys if day else {**keys, "StudyTime": f"{_clock(first)}00-{_clock(last)}59"}, limit)
    yield from answers
    if whole:
        return
    if first < last:
        middle = (first + last) // 2
        yield from _ask_minutes(link, keys, first, middle, limit)
        yield from _ask_minutes(link, keys, middle + 1, last, limit)
    elif limit or not answers:
        raise ConfigurationError(
            "the PACS tells less than it has, even of a single minute: have its limit of answers raised"
        )


def _try(link: Link, keys: Answer, limit: int) -> tuple[list[Answer], bool]:
    """The answers, and whether they are all: not if the PACS refused, or if they are as many as a limit would leave."""
    try:
        answers = link.find("Study", keys)
    except PacsRefused:
        return [], False
    count = len(answers)
    cut = count >= limit if limit else count > 0 and count % _ROUND == 0
    return answers, not cut


def _clock(minute: int) -> str:
    return f"{minute // 60:02}{minute % 60:02}"


def _is_meant(answer: Answer, wanted: Wanted, ids: Ids | None, modality: str) -> bool:
    """Whether an answer is to the question: keys that a PACS doesn't know, it leaves out of account."""
    if not answer.get("StudyInstanceUID") or not wanted.accept_day(answer.get("StudyDate", "")):
        return False
    in_study = answer.get("ModalitiesInStudy", "")
    if modality and in_study and modality not in in_study.split("\\"):
        return False
    return ids is None or all(answer.get(name, "") == value for name, value in ids.query().items())


def _find_series(link: Link, study: Study) -> list[PacsSeries] | None:
    """The series of a study; None if the PACS refuses to tell."""
    try:
        answers = link.find("Series", {"StudyInstanceUID": study.uid, **_SERIES_KEYS})
    except PacsRefused:
        return None
    found = []
    for answer in answers:
        uid, count = answer.get("SeriesInstanceUID"), answer.get("NumberOfSeriesRelatedInstances", "")
        if uid and answer.get("StudyInstanceUID", study.uid) == study.uid:
            number = int(count) if count.isdecimal() else 0
            found.append(PacsSeries(study, uid, answer.get("Modality", ""), number or None))
    return found
