"""Series that are there and yet not taken: whose study they are is in doubt, or the PACS has more of them.

Their instances are refused one by one with a reason, so that each of them is counted.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.extract.criteria import Header
from tasks.extract.pacs.book import expected_by_pacs
from tasks.extract.source import Listing, Refused

logger = logging.getLogger(__name__)


def count_here(listing: Listing, key: Pseudonymiser) -> dict[str, int]:
    """How many instances the source holds of each unit in `listing`, those that can't be taken included."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for series in listing.series:
        counts[series.header.key] += len(series.instances)
    for entry in listing.refused:
        if entry.header is not None and entry.header.series_uid:
            counts[entry.header.key] += 1
    return {key.unit(*header): count for header, count in counts.items()}


def settle_contested(listing: Listing) -> Listing:
    """`listing` without the studies that come under several PatientIDs: nobody's images go to somebody else."""
    if not listing.contested:
        return listing
    logger.warning("%d studies come under several PatientIDs each: none is taken", len(listing.contested))
    return _refuse(listing, lambda header: header.study_uid in listing.contested, Reason.PATIENT_COLLISION)


def hold_back(
    workspace: Workspace, listing: Listing, here: Mapping[str, int], key: Pseudonymiser
) -> tuple[Listing, frozenset[str]]:
    """`listing` without the series of which the PACS has more than is here, and which these are; see decision 020."""
    if workspace.settings.extract.incomplete == "release":
        return listing, frozenset()
    expected = expected_by_pacs(workspace)
    short = frozenset(unit for unit, count in here.items() if expected.get(unit, 0) > count)
    if not short:
        return listing, short
    logger.warning("%d series are held back: the PACS has more of them than is here", len(short))
    return _refuse(listing, lambda header: key.unit(*header.key) in short, Reason.SHORT_OF_PACS), short


def _refuse(listing: Listing, doubtful: Callable[[Header], bool], reason: Reason) -> Listing:
    """`listing` with each instance of the doubtful series refused."""
    refused = [
        Refused(found.locator, reason, series.header)
        for series in listing.series
        if doubtful(series.header)
        for found in series.instances
    ]
    kept = tuple(series for series in listing.series if not doubtful(series.header))
    return replace(listing, series=kept, refused=(*listing.refused, *refused))
