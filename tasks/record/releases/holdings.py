"""What a release holds, read from DVC's store by its tag: instances with their bytes, labels, splits, and their sizes.

What differs between two releases is worked out in `difference`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from tasks.record.releases.records import Record
from tasks.record.releases.stored import Store


@dataclass(frozen=True)
class Held:
    """A release by what identifies its parts. Keys of `bytes` are instances, values the MD5 of each of their files."""

    bytes: dict[str, tuple[str, ...]]
    study_of: dict[str, str]
    patient_of: dict[str, str]
    images: dict[str, int]
    labels: dict[tuple[str, str, str], str]
    splits: dict[str, str]


def held(store: Store, record: Record) -> Held:
    """What `record` holds. Raises `ContractViolation` where DVC has no tables of it, or other bytes."""
    output = f"data/dataset/{record.name}"
    files = store.files(record.tag, output)
    names = ("instance", "study", "patient", "image_path", "object_path")
    parts: dict[str, list[str]] = defaultdict(list)
    study_of, patient_of, images = {}, {}, Counter[str]()
    rows = _columns(store, record, output, "instances", names)
    for instance, study, patient, image, thing in zip(*rows, strict=True):
        parts[instance].append(files.get(image or thing or "", ""))
        study_of[instance], patient_of[instance] = study, patient
        images[patient] += image is not None
    labels = zip(*_columns(store, record, output, "labels", ("patient", "study", "label", "value")), strict=True)
    splits = zip(*_columns(store, record, output, "splits", ("patient", "split")), strict=True)
    return Held(
        bytes={instance: tuple(sorted(digests)) for instance, digests in parts.items()},
        study_of=study_of,
        patient_of=patient_of,
        images=dict(images),
        labels={
            (patient, study or "", label): "contradictory" if value is None else str(value)
            for patient, study, label, value in labels
        },
        splits=dict(splits),
    )


def _columns(store: Store, record: Record, output: str, table: str, names: tuple[str, ...]) -> list[list[Any]]:
    import pyarrow as pa  # a quarter of a second; its read_table would import pandas, which takes three times that
    import pyarrow.parquet as pq

    content = store.table(record.tag, output, f"{table}.parquet")
    read = pq.ParquetFile(pa.BufferReader(content)).read(columns=list(names), use_threads=False)
    return [read.column(name).to_pylist() for name in names]


def split_sizes(one: Held, two: Held) -> dict[str, dict[str, tuple[int, int]]]:
    """split → "patients" and "images" → how many in `one` and in `two`."""

    def sizes(held: Held) -> tuple[Counter[str], Counter[str]]:
        patients = Counter(held.splits.values())
        images: Counter[str] = Counter()
        for patient, split in held.splits.items():
            images[split] += held.images.get(patient, 0)
        return patients, images

    (few, shown), (many, drawn) = sizes(one), sizes(two)
    return {
        split: {"patients": (few[split], many[split]), "images": (shown[split], drawn[split])}
        for split in sorted(few.keys() | many.keys())
    }


def class_balance(one: Held, two: Held) -> dict[str, dict[str, dict[str, tuple[int, int]]]]:
    """label → value → split → how many labelled studies (or patients, where a label is of the patient)."""

    def counted(held: Held) -> Counter[tuple[str, str, str]]:
        return Counter(
            (label, value, held.splits.get(patient, "none")) for (patient, _, label), value in held.labels.items()
        )

    before, after = counted(one), counted(two)
    found: dict[str, dict[str, dict[str, tuple[int, int]]]] = {}
    for label, value, split in sorted(before.keys() | after.keys()):
        key = (label, value, split)
        found.setdefault(label, {}).setdefault(value, {})[split] = (before[key], after[key])
    return found
