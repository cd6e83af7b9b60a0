"""What the PACS has against what is in Orthanc: per series what is expected, what is there, and so what to ask for."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tasks.core.pseudonyms import Pseudonymiser
from tasks.extract.pacs.book import Entry, Shortfall
from tasks.extract.pacs.link import Held, Link
from tasks.extract.pacs.query import PacsSeries, find_instances

logger = logging.getLogger(__name__)

_MODALITY = re.compile(r"[A-Z0-9]{1,16}")


@dataclass(frozen=True, repr=False)
class Standing:
    """Where a series stands: what the PACS lists, what Orthanc holds of it, and its row of the book."""

    series: PacsSeries
    held: Held | None
    entry: Entry

    @property
    def wanting(self) -> bool:
        """Whether to ask for it. What the PACS doesn't count is asked for where nothing of it is there."""
        return self.held is None if self.entry.expected is None else not self.entry.complete


class Planner:
    """Compares series with Orthanc; knows the key and what earlier pulls learned."""

    def __init__(self, link: Link, key: Pseudonymiser, before: Mapping[str, Entry]) -> None:
        self._link = link
        self._key = key
        self._before = before

    def compare(self, listed: Iterable[PacsSeries]) -> list[Standing]:
        """The standing of each series, in the order of the list, with two requests a study."""
        studies: dict[str, list[PacsSeries]] = defaultdict(list)
        for series in listed:
            studies[series.study.uid].append(series)
        standings = []
        for uid, members in studies.items():
            held = self._link.held(uid)
            standings += [self._stand(series, held) for series in members]
        return standings

    def look_again(self, standing: Standing) -> Standing:
        """The same series as Orthanc holds it now; `expected` stays as it was found out."""
        held = _pick(standing.series, self._link.held(standing.series.study.uid))
        return replace(standing, held=held, entry=self._count(standing.series, held, standing.entry))

    def missing(self, standing: Standing) -> tuple[Standing, list[str]]:
        """The SOPInstanceUIDs that the PACS lists and Orthanc doesn't hold, asked for one by one.

        Where the PACS's list is shorter than its count, the list is believed: it is what can be sent. Without a list
        nothing is known of single instances.
        """
        known = find_instances(self._link, standing.series)
        if not known:
            return standing, []
        here = self._link.instances(standing.held) if standing.held else set()
        arrived = len(known & here)
        entry = replace(standing.entry, expected=len(known), arrived=arrived)
        if entry.complete:
            entry = replace(entry, reason="")
        return replace(standing, entry=entry), sorted(known - here)

    def _stand(self, series: PacsSeries, all_held: list[Held]) -> Standing:
        digest = self._key.token("pacs-series", f"{series.study.uid}\0{series.uid}")
        known = self._before.get(digest)
        expected = series.count
        if known and known.complete and known.said is not None and known.said == series.count:
            expected = known.expected  # the list of instances was asked for, and was not as long as the count
        elif expected is None:
            instances = find_instances(self._link, series)
            expected = len(instances) if instances else None
        modality = series.modality if _MODALITY.fullmatch(series.modality) else "OT"
        held = _pick(series, all_held)
        entry = Entry(digest, "", modality, series.count, expected, 0)
        return Standing(series, held, self._count(series, held, entry))

    def _count(self, series: PacsSeries, held: Held | None, entry: Entry) -> Entry:
        """`entry` with what has arrived. Its pseudonym is by the PatientID that Orthanc holds the series under."""
        patient = held.patient_id if held else series.study.patient_id
        unit = self._key.unit(patient, series.study.uid, series.uid)
        entry = replace(entry, unit=unit, arrived=held.count if held else 0)
        if entry.complete:
            return replace(entry, reason="")
        return replace(entry, reason=entry.reason or (Shortfall.NOT_ASKED if entry.expected else Shortfall.UNCOUNTED))


def _pick(series: PacsSeries, all_held: list[Held]) -> Held | None:
    """What Orthanc holds of a series: under the PACS's patient, else under whoever has most of it."""
    same = [held for held in all_held if held.series_uid == series.uid]
    return max(same, key=lambda held: (held.patient_id == series.study.patient_id, held.count), default=None)
