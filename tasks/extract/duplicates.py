"""The rules for UIDs that come more than once. Same bytes are taken once; different bytes, and studies, not at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from tasks.core.reasons import Reason
from tasks.extract.criteria import Header
from tasks.extract.source import Found


def find_repeats(instances: Iterable[Found], digest: Callable[[Found], str]) -> dict[str, Reason]:
    """Why instances aren't taken, by locator. `digest` is asked only where SOPInstanceUID and size are the same.

    Of equal bytes the first by locator is kept. Of different ones none is: which is right cannot be known.
    """
    groups: dict[str, list[Found]] = defaultdict(list)
    for instance in instances:
        groups[instance.sop_uid].append(instance)
    refused: dict[str, Reason] = {}
    for group in groups.values():
        if len(group) == 1:
            continue
        if len({instance.size for instance in group}) == 1 and len({digest(instance) for instance in group}) == 1:
            first = min(instance.locator for instance in group)
            refused |= {found.locator: Reason.DUPLICATE_BYTES for found in group if found.locator != first}
        else:
            refused |= {found.locator: Reason.UID_COLLISION for found in group}
    return refused


def find_contested(headers: Iterable[Header]) -> frozenset[str]:
    """The StudyInstanceUIDs that come under several PatientIDs, no PatientID counting as one of them."""
    patients: dict[str, set[str]] = defaultdict(set)
    for header in headers:
        if header.study_uid:
            patients[header.study_uid].add(header.patient_id)
    return frozenset(study for study, named in patients.items() if len(named) > 1)
