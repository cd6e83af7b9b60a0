"""Exact duplicates of decoded pixels: the same picture twice in one patient, and one picture in two patients.

The first kind may be dropped (it would count twice). The second is a finding: it would leak over splits, so its
patients are kept together, and so are those whose pictures look alike. Nothing is dropped for looking alike.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tasks.core.errors import ContractViolation
from tasks.core.likeness import near_pairs

ORDER = ["study", "series", "slice_index", "instance", "unit"]


def pictures(instances: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold a picture with content: images whose source pixels are not all equal.

    An empty slice at the end of a volume is legitimate and looks like every other empty slice.
    """
    varied = (instances["intensity_min"] != instances["intensity_max"]).fillna(True)
    return instances[(instances["kind"] == "image") & instances["content_sha256"].notna() & varied.astype(bool)]


def find_duplicates(instances: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Instances whose every frame shows pixels that an earlier one of the same patient and modality has.

    Returns unit -> SOPInstanceUIDs, both sorted. The first by study, series, slice_index and instance stays. An
    instance that a segmentation or structure set refers to always stays, and a series that one refers to as a whole
    loses a slice only to a twin within the series: otherwise the object would outline a hole.
    """
    with_content = set(map(tuple, pictures(instances)[["unit", "instance"]].drop_duplicates().to_numpy()))
    images = instances[(instances["kind"] == "image") & instances["content_sha256"].notna()]
    uids = _referenced(instances)
    rank = pd.Series(2, index=images.index).mask(images["series"].isin(uids), 1).mask(images["instance"].isin(uids), 0)
    ordered = images.assign(rank=rank).sort_values(["rank", *ORDER, "frame"], na_position="last", kind="stable")
    keepers: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    found: dict[str, list[str]] = defaultdict(list)
    for (unit, instance), series_rank, keys in _by_instance(ordered):
        if (unit, instance) in with_content and series_rank > 0 and all(key in keepers for key in keys):
            twins = set.intersection(*(keepers[key] for key in keys))
            if series_rank == 2 or unit in twins:
                found[unit].append(instance)
                continue
        for key in keys:
            keepers[key].add(unit)
    return {unit: tuple(sorted(found[unit])) for unit in sorted(found)}


def mark_shared(instances: pd.DataFrame) -> pd.Series:
    """For each row, whether another patient has exactly these pixels (bool, aligned with `instances`)."""
    seen = pictures(instances)
    owners = seen.groupby(["rows", "columns", "content_sha256"], dropna=False)["patient"].transform("nunique")
    shared = pd.Series(False, index=instances.index)
    shared.loc[seen.index] = (owners > 1).astype(bool)
    return shared


def sharing_patients(instances: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    """Patients that share a picture or one that looks like it, directly or through others: sorted groups of at least
    two pseudonyms.

    `instances` must have the columns `shared_pixels` and `perceptual_hash`.
    """
    head: dict[str, str] = {}

    def find(patient: str) -> str:
        while head.setdefault(patient, patient) != patient:
            head[patient] = head[head[patient]]
            patient = head[patient]
        return patient

    shared = instances[instances["shared_pixels"].astype(bool)]
    exact = [set(found) for _, found in shared.groupby(["rows", "columns", "content_sha256"], dropna=False)["patient"]]
    for patients in (*exact, *_alike(instances)):
        first, *others = sorted(patients)
        for other in others:
            one, two = sorted((find(first), find(other)))
            head[two] = one
    groups: dict[str, list[str]] = defaultdict(list)
    for patient in sorted(head):
        groups[find(patient)].append(patient)
    return tuple(tuple(groups[name]) for name in sorted(groups) if len(groups[name]) > 1)


def _alike(instances: pd.DataFrame) -> list[set[str]]:
    """Sets of at least two patients of whom a picture each looks alike (`tasks.core.likeness`)."""
    hashed = instances[instances["perceptual_hash"].notna()]
    owners = {str(hash_): set(found) for hash_, found in hashed.groupby("perceptual_hash")["patient"]}
    near = [owners[one] | owners[other] for one, other in near_pairs(list(owners))]
    return [patients for patients in (*owners.values(), *near) if len(patients) > 1]


def _referenced(instances: pd.DataFrame) -> set[str]:
    """SOPInstanceUIDs and SeriesInstanceUIDs that objects refer to; `references` holds both."""
    try:
        return {str(uid) for text in instances["references"].dropna() for uid in json.loads(text)}
    except (ValueError, TypeError):
        raise ContractViolation(
            "data/images/instances.parquet: references is no JSON list; run `python -m tasks.transform` again"
        ) from None


def _by_instance(ordered: pd.DataFrame) -> Iterator[tuple[tuple[str, str], int, list[tuple[Any, ...]]]]:
    """Each instance once, in order, with its rank and the keys of its frames."""
    frames: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    ranks: dict[tuple[str, str], int] = {}
    columns = ["unit", "instance", "rank", "patient", "modality", "rows", "columns", "content_sha256"]
    for unit, instance, rank, *key in ordered[columns].itertuples(index=False, name=None):
        frames.setdefault((unit, instance), []).append(tuple(key))
        ranks[(unit, instance)] = min(rank, ranks.get((unit, instance), rank))
    for name, keys in frames.items():
        yield name, ranks[name], keys
