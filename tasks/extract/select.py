"""Selecting the cohort: from what the source lists to pseudonymous units, with handles to fetch them kept in memory."""

from __future__ import annotations

import logging
import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date

from tasks.core.errors import ConfigurationError
from tasks.core.models import Cohort, Item, Unit
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.workspace import Workspace
from tasks.extract.criteria import Criteria, Header, criteria_digest, day_of
from tasks.extract.doubts import count_here, hold_back, settle_contested
from tasks.extract.opt_outs import NotTaken, withhold
from tasks.extract.source import Handle, Listing, Series, Source, open_source
from tasks.extract.tables import table_digests

logger = logging.getLogger(__name__)

_MODALITY = re.compile(r"[A-Z0-9]{1,16}")
_OTHER = "OT"  # PS3.3 C.7.3.1.1.1: Other


class EmptyCohort(ConfigurationError):
    """Nothing at the source meets the criteria."""


class Selection:
    """The cohort and how to fetch it. Everything but `cohort` and the counts names patients, and stays in memory."""

    def __init__(
        self,
        cohort: Cohort,
        handles: dict[str, tuple[Handle, ...]],
        *,
        cursor: int | None = None,
        unstable_units: frozenset[str] = frozenset(),
        accessions: dict[str, tuple[str, str]] | None = None,
        narrowed: bool = False,
        looked_at: frozenset[str] | None = None,
        found: Mapping[str, Series] | None = None,
        here: Mapping[str, int] | None = None,
        present: frozenset[str] | None = None,
        left_over: frozenset[str] = frozenset(),
        short: frozenset[str] = frozenset(),
        not_taken: NotTaken | None = None,
        offered: Mapping[str, int] | None = None,
    ) -> None:
        self.cohort = cohort
        """What was found in this look; `freeze` merges it with what earlier looks found."""
        self.handles = handles
        """For each unit, how to fetch its items, sorted by item."""
        self.cursor = cursor
        """From where the change feed goes on next time; None: look at everything again."""
        self.unstable_units = unstable_units
        """Series that are still arriving, and were left for next time."""
        self.accessions = accessions or {}
        """AccessionNumber to the pseudonyms of patient and study, for all studies that params.yaml selects."""
        self.narrowed = narrowed
        """Whether this run looked at less than params.yaml selects."""
        self.looked_at = frozenset(handles) if looked_at is None else looked_at
        """The units that were judged in this look, those of which nothing could be taken included."""
        self.found = found or {}
        """What was found of each unit of `cohort`, as the source named it."""
        self.here = here or {}
        """How many instances the source holds of each unit that was looked at, refused ones included."""
        self.present = present
        """All units that the source has and params.yaml selects; None where this look could not tell."""
        self.left_over = left_over
        """Units of which an earlier run left work: nothing of them can be relied on."""
        self.short = short
        """Units that are held back, since the PACS has more of them."""
        self.not_taken = not_taken
        """Those who withdrew."""
        self.offered = offered or {}
        """How many instances the source has of each of their series, by a digest."""
        self.began = time.time()

    def leave_out(self, items: Collection[str]) -> None:
        """Take `items`, which the frozen cohort refuses, out of what is fetched."""
        if items:
            for unit, handles in self.handles.items():
                self.handles[unit] = tuple(handle for handle in handles if handle.item not in items)

    @property
    def unstable(self) -> int:
        """How many series are still arriving."""
        return len(self.unstable_units)

    def __repr__(self) -> str:
        return f"Selection({len(self.cohort.units)} series, {self.cohort.expected} items)"


def select(
    workspace: Workspace,
    *,
    start: date | None = None,
    end: date | None = None,
    modalities: Iterable[str] | None = None,
    since_change: int | None = None,
    also: Collection[str] = (),
) -> Selection:
    """List the source and make the cohort of what meets params.yaml, narrowed by the arguments.

    `start` and `end` are StudyDates, both included. `since_change` is the cursor of an earlier selection: only series
    that changed after it are looked at, and finding none is no error. Otherwise an empty cohort raises `EmptyCohort`.
    `also` are units to look at although the arguments leave them out: those that an earlier run did not finish.
    """
    whole = Criteria.of(workspace)
    criteria = whole.narrowed(start, end, modalities)
    tables = table_digests(workspace)
    key = workspace.pseudonymiser
    narrowed = criteria != whole or since_change is not None
    with open_source(workspace) as source:
        not_taken = NotTaken.of(workspace, source)
        listing, offered = withhold(source.list_series(criteria, since_change=since_change), not_taken)
        narrowed = narrowed and not (criteria == whole and listing.restarted)
        accessions = _accessions(source, whole, key, not_taken)
        present = None if criteria != whole else listing.present if narrowed else _keys(listing)
        if narrowed and also:
            everything, offered = withhold(source.list_series(whole), not_taken)
            present = _keys(everything)
            listing = _with(listing, everything, frozenset(also), key)
    here = count_here(listing, key)
    listing, short = hold_back(workspace, settle_contested(listing), here, key)
    found = {key.unit(*series.header.key): series for series in listing.series if series.instances}
    unit_handles = [make_unit(series, key) for series in found.values()]
    cohort = Cohort(
        key_id=key.key_id,
        criteria=criteria_digest(workspace.settings.extract, whole, key),
        units=tuple(sorted((unit for unit, _ in unit_handles), key=lambda unit: unit.unit)),
        refused=_refused(listing, key),
        tables=tables,
    )
    if not cohort.units and since_change is None and not offered:
        raise EmptyCohort(_why_empty(listing, criteria))
    logger.info("%d series with %d items; %d items refused", len(cohort.units), cohort.expected, len(cohort.refused))
    return Selection(
        cohort,
        {unit.unit: handles for unit, handles in unit_handles},
        cursor=since_change if criteria != whole else listing.cursor,  # a window doesn't see every change
        unstable_units=frozenset(key.unit(*header.key) for header in listing.unstable),
        accessions=accessions,
        narrowed=narrowed,
        looked_at=frozenset(also).union(key.unit(*header.key) for header in _looked_at(listing)),
        found=found,
        here=here,
        present=None if present is None else frozenset(key.unit(*found) for found in present),
        left_over=frozenset(also),
        short=short,
        not_taken=not_taken,
        offered=offered,
    )


def study_days(
    workspace: Workspace, start: date | None, end: date | None, modalities: Iterable[str] | None
) -> frozenset[date]:
    """The dates in a span on which the source has studies that params.yaml admits, whatever their modality."""
    criteria = Criteria.of(workspace).narrowed(start, end, modalities)
    with open_source(workspace) as source:
        days = {day_of(header.study_date) for header in source.list_studies(criteria)}
    return frozenset(day for day in days if day)


def _with(listing: Listing, whole: Listing, also: frozenset[str], key: Pseudonymiser) -> Listing:
    """`listing`, and of `whole` what belongs to the units in `also`."""
    listed = {header.key for header in _looked_at(listing)}

    def wanted(header: Header | None) -> bool:
        return header is not None and header.key not in listed and key.unit(*header.key) in also

    return replace(
        listing,
        series=listing.series + tuple(series for series in whole.series if wanted(series.header)),
        refused=listing.refused + tuple(entry for entry in whole.refused if wanted(entry.header)),
        contested=listing.contested | whole.contested,
    )


def _keys(listing: Listing) -> frozenset[tuple[str, str, str]]:
    """The series that there are, whatever becomes of them."""
    return frozenset(header.key for header in (*_looked_at(listing), *listing.unstable))


def make_unit(series: Series, key: Pseudonymiser) -> tuple[Unit, tuple[Handle, ...]]:
    """A series as the cohort knows it, and how to fetch its items."""
    header, instances = series.header, series.instances
    handles = (Handle(key.item(found.locator), found.locator, found.size) for found in instances)
    unit = Unit(
        unit=key.unit(*header.key),
        patient=key.patient(header.patient_id, header.study_uid),
        study=key.study(header.patient_id, header.study_uid),
        modality=header.modality if _MODALITY.fullmatch(header.modality) else _OTHER,
        expected=len(instances),
        bytes=sum(found.size for found in instances),
        fingerprint=key.fingerprint(*sorted(f"{found.sop_uid}:{found.size}" for found in instances)),
    )
    return unit, tuple(sorted(handles, key=lambda handle: handle.item))


def _refused(listing: Listing, key: Pseudonymiser) -> tuple[Item, ...]:
    items = (Item.refused(key.item(entry.locator), entry.reason) for entry in listing.refused)
    return tuple(sorted(items, key=lambda item: item.item))


def _looked_at(listing: Listing) -> Iterable[Header]:
    yield from (series.header for series in listing.series)
    yield from (entry.header for entry in listing.refused if entry.header is not None)


def _accessions(
    source: Source, criteria: Criteria, key: Pseudonymiser, not_taken: NotTaken
) -> dict[str, tuple[str, str]]:
    """Accession numbers that name exactly one study; one that names several could label the wrong one."""
    studies: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for header in source.list_studies(criteria):
        if header in not_taken:
            continue
        pseudonyms = key.patient(header.patient_id, header.study_uid), key.study(header.patient_id, header.study_uid)
        studies[header.accession].add(pseudonyms)
    studies.pop("", None)
    ambiguous = sum(len(named) > 1 for named in studies.values())
    if ambiguous:
        logger.warning("%d accession numbers name several studies: labels by them are not joined", ambiguous)
    return {accession: next(iter(named)) for accession, named in sorted(studies.items()) if len(named) == 1}


def _why_empty(listing: Listing, criteria: Criteria) -> str:
    arriving = f", {len(listing.unstable)} are still arriving (run again)" if listing.unstable else ""
    refused = f", {len(listing.refused)} files or instances were refused" if listing.refused else ""
    return (
        f"no series to take: the source has {listing.total} series{arriving}{refused}; asked for: "
        f"{criteria.describe()}. Check the source and the extract section of params.yaml"
    )
