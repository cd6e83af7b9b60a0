"""Orthanc as a source: what it has that meets the criteria, in few requests; and fetching it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tasks.core.closing import Closing
from tasks.core.errors import ConfigurationError
from tasks.core.reasons import Reason
from tasks.core.settings import ExtractSettings
from tasks.extract.criteria import Criteria, Header
from tasks.extract.duplicates import find_contested, find_repeats
from tasks.extract.orthanc_client import OrthancClient
from tasks.extract.source import Found, Handle, Listing, MissingAtSource, Refused, Series

logger = logging.getLogger(__name__)

PAGE = 1000
_Resource = dict[str, Any]


class OrthancSource(Closing):
    """An Orthanc. A locator is an Orthanc instance ID."""

    def __init__(self, client: OrthancClient, *, connections: int, max_item_bytes: int) -> None:
        self._client = client
        self._connections = connections
        self._max_item_bytes = max_item_bytes

    @classmethod
    def from_environment(cls, settings: ExtractSettings) -> OrthancSource:
        """The server that the environment names (`SLUICE_ORTHANC_*`)."""
        connections = settings.connections
        client = OrthancClient.from_environment(timeout=settings.timeout_seconds, connections=connections)
        return cls(client, connections=connections, max_item_bytes=settings.max_item_bytes)

    def list_series(self, criteria: Criteria, *, since_change: int | None = None) -> Listing:
        """The stable series that meet `criteria`, with their instances.

        With `since_change`, only those that the change feed names after it. While series are still arriving the cursor
        stays where it is, since their last change may be lost in a crash of the server.
        """
        self._client.check()
        last = int(self._client.changes(last="")["Last"])  # before listing: what comes meanwhile is seen next time
        restarted = since_change is not None and since_change > last
        if restarted:
            logger.warning("the change feed of this Orthanc begins anew, so everything is listed: was it restored?")
            since_change = None  # another database than the one the cursor is of
        total = self._count_searchable()
        studies = {study["ID"]: study for study in self._find_all("Study", _study_query(criteria))}
        found = [
            (series, header)
            for series in self._find_all("Series", _series_query(criteria))
            if (header := _header(series, studies.get(series["ParentStudy"]))) and criteria.accept(header)
        ]
        present = frozenset(header.key for _, header in found)
        contested = find_contested(_study_header(study) for study in studies.values())
        if since_change is not None:
            changed = self._changed_since(since_change, last)
            found = [
                (series, header)
                for series, header in found
                if header.study_uid in contested
                or series["ID"] in changed
                or not changed.isdisjoint(series["Instances"])
            ]
        unstable = tuple(header for series, header in found if not series["IsStable"])
        stable = [(series, header) for series, header in found if series["IsStable"]]
        listed, refused = self._with_instances(stable)
        cursor = since_change if unstable else last
        return Listing(listed, refused, unstable, total, cursor, present, contested, restarted)

    def list_studies(self, criteria: Criteria) -> Sequence[Header]:
        """One header a study."""
        headers = (_study_header(study) for study in self._find_all("Study", _study_query(criteria)))
        return [header for header in headers if criteria.accept_study(header)]

    def fetch(self, handle: Handle) -> Iterator[bytes]:
        """The bytes of an instance as Orthanc stores them."""
        return self._client.stream(handle.locator)

    def alive(self) -> bool:
        """Whether the server answers."""
        return self._client.alive()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _count_searchable(self) -> int:
        """How many series there are; refuses a server whose LimitFindResults would hide some of them from us."""
        total, seen = self._client.count_series(), len(self._client.find("Series", {}))
        if seen < total and seen < self._client.count_series():
            raise ConfigurationError(
                f"this Orthanc shows only {seen} of its {total} series in a search: "
                "set LimitFindResults to 0 in its configuration"
            )
        return total

    def _find_all(self, level: str, query: dict[str, str]) -> Iterator[_Resource]:
        """All resources that match, page by page; what a deletion meanwhile moved over a page's edge is asked for."""
        wanted: list[str] = self._client.find(level, query)
        seen: dict[str, _Resource] = {}
        for since in range(0, len(wanted), PAGE):
            page = self._client.find(level, query, Expand=True, Since=since, Limit=PAGE)
            seen |= {resource["ID"]: resource for resource in page}
        for missing in sorted(set(wanted) - set(seen)):
            try:
                seen[missing] = self._client.resource(level, missing)
            except MissingAtSource:
                logger.info("a %s was deleted at the source while it was listed", level.lower())
        return iter([seen[key] for key in sorted(seen)])

    def _changed_since(self, cursor: int, last: int) -> set[str]:
        """The Orthanc IDs of series and instances that changed after `cursor`."""
        changed: set[str] = set()
        while cursor < last:
            page = self._client.changes(since=cursor, limit=PAGE)
            changed |= {row["ID"] for row in page["Changes"] if row["ResourceType"] in ("Series", "Instance")}
            if page["Done"] or page["Last"] <= cursor:
                break
            cursor = page["Last"]
        return changed

    def _with_instances(self, found: list[tuple[_Resource, Header]]) -> tuple[tuple[Series, ...], tuple[Refused, ...]]:
        headers = {series["ID"]: header for series, header in found}
        instances = self._list_instances([series for series, _ in found])
        repeats = find_repeats((found for _, found in instances), lambda found: found.locator)
        kept: dict[str, list[Found]] = defaultdict(list)
        refused: list[Refused] = []
        for series, instance in sorted(instances, key=lambda pair: pair[1].locator):
            reason = Reason.OVERSIZED if instance.size > self._max_item_bytes else repeats.get(instance.locator)
            if reason:
                refused.append(Refused(instance.locator, reason, headers[series]))
            else:
                kept[series].append(instance)
        return tuple(Series(headers[series], tuple(kept[series])) for series in sorted(kept)), tuple(refused)

    def _list_instances(self, series: list[_Resource]) -> list[tuple[str, Found]]:
        """(series ID, instance) of each, with one request a study where several of its series are wanted."""
        by_study: dict[str, list[str]] = defaultdict(list)
        for one in series:
            by_study[one["ParentStudy"]].append(one["ID"])
        asks = [
            ("study", study, frozenset(members)) if len(members) > 1 else ("series", members[0], frozenset(members))
            for study, members in sorted(by_study.items())
        ]
        with ThreadPoolExecutor(self._connections) as pool:
            return [pair for listed in pool.map(self._ask_instances, asks) for pair in listed]

    def _ask_instances(self, ask: tuple[str, str, frozenset[str]]) -> list[tuple[str, Found]]:
        level, resource, wanted = ask
        try:
            rows = self._client.instances_of(level, resource)
        except MissingAtSource:  # deleted since it was listed
            return []
        return [
            (row["ParentSeries"], Found(row["ID"], int(row["FileSize"]), row["MainDicomTags"]["SOPInstanceUID"]))
            for row in rows
            if row["ParentSeries"] in wanted
        ]


def _study_query(criteria: Criteria) -> dict[str, str]:
    if not (criteria.start or criteria.end):
        return {}
    first = f"{criteria.start:%Y%m%d}" if criteria.start else ""
    last = f"{criteria.end:%Y%m%d}" if criteria.end else ""
    return {"StudyDate": f"{first}-{last}"}


def _series_query(criteria: Criteria) -> dict[str, str]:
    query = _study_query(criteria)
    return query | {"Modality": "\\".join(criteria.modalities)} if criteria.modalities else query


def _study_header(study: _Resource) -> Header:
    tags, patient = study["MainDicomTags"], study["PatientMainDicomTags"]
    return Header(
        patient_id=patient.get("PatientID", "").strip(" \0"),
        study_uid=tags.get("StudyInstanceUID", ""),
        study_date=tags.get("StudyDate", ""),
        study_description=tags.get("StudyDescription", ""),
        accession=tags.get("AccessionNumber", "").strip(" \0"),
    )


def _header(series: _Resource, study: _Resource | None) -> Header | None:
    """The header of a series; None if its study came while we were listing (it is seen next time)."""
    if study is None:
        return None
    tags, of_study = series["MainDicomTags"], _study_header(study)
    return Header(
        patient_id=of_study.patient_id,
        study_uid=of_study.study_uid,
        series_uid=tags.get("SeriesInstanceUID", ""),
        modality=tags.get("Modality", "").strip(" \0"),
        study_date=of_study.study_date,
        study_description=of_study.study_description,
        accession=of_study.accession,
    )
