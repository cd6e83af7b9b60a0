"""The stage: from the tables of images and records to the index tables of the next release."""

from __future__ import annotations

import logging
import shutil
from collections import Counter

import pandas as pd

from tasks.core.files import write_table
from tasks.core.models import Frozen
from tasks.core.workspace import Workspace
from tasks.curate import labels as joining
from tasks.curate import patients as describing
from tasks.curate import quality, splits
from tasks.curate.duplicates import find_duplicates, mark_shared, sharing_patients
from tasks.curate.lock import read_lock, write_lock
from tasks.curate.tables import read, read_if_there

logger = logging.getLogger(__name__)


class CurateSummary(Frozen):
    """What curate made: counts, and the instances it dropped as duplicates (SOPInstanceUIDs, in all and by unit)."""

    patients: int
    studies: int
    series: int
    instances: int
    images: int
    labels: int
    conflicts: int
    unreadable: int
    low_quality: int
    outliers: int
    shared_pixels: int
    new_patients: int
    splits: dict[str, int]
    duplicates: tuple[str, ...]
    duplicates_by_unit: dict[str, tuple[str, ...]]

    @property
    def sentence(self) -> str:
        """The summary in one line."""
        shares = ", ".join(f"{split} {count}" for split, count in self.splits.items())
        return (
            f"{self.patients} patients ({self.new_patients} new; {shares}), {self.studies} studies, "
            f"{self.images} images, {self.labels} labels ({self.conflicts} in conflict); dropped "
            f"{len(self.duplicates)} duplicates, flagged {self.low_quality} of low quality and {self.outliers} outliers"
        )


def curate(workspace: Workspace) -> CurateSummary:
    """Write data/curated/{patients,studies,series,instances,labels,splits}.parquet and data/splits.lock.

    The same tables, parameters and lock give the same bytes, whatever the order of the rows.
    """
    settings = workspace.settings
    instances = read(workspace.images / "instances.parquet")
    series = describing.trust_dates(read(workspace.images / "series.parquet"), "study_date")
    labels = read_if_there(workspace.deidentified / "records" / "labels.parquet")
    ehr = read_if_there(workspace.deidentified / "records" / "ehr.parquet")
    locked = read_lock(workspace.splits_lock)

    duplicates = find_duplicates(instances) if settings.curate.drop_duplicate_pixels else {}
    dropped = {(unit, sop) for unit, sops in duplicates.items() for sop in sops}
    names = zip(instances["unit"], instances["instance"], strict=True)
    instances = instances[pd.Series([name not in dropped for name in names], index=instances.index, dtype=bool)]
    instances = instances.assign(shared_pixels=mark_shared(instances))
    body_part = series.drop_duplicates("unit").set_index("unit")["body_part"]
    instances = quality.flag(instances, body_part, settings.curate)
    series = quality.roll_up(series, instances, duplicates)
    studies = describing.describe_studies(series)
    patients = describing.describe_patients(series, ehr)
    joined = joining.join(labels, ehr, studies, settings.deidentify.label_columns)

    classes = joining.class_of_patients(joined, patients["patient"], settings.curate.label)
    strata = splits.stratify(classes, _main_modality(series))
    assigned = splits.assign(strata, settings.curate.splits, locked, sharing_patients(instances))

    write_lock(workspace.splits_lock, {**locked, **assigned})
    tables = {
        "patients": (patients, ["patient"]),
        "studies": (studies, ["patient", "study"]),
        "series": (series, ["patient", "study", "unit"]),
        "instances": (instances, ["patient", "study", "unit", "slice_index", "instance", "frame"]),
        "labels": (joined, ["patient", "study", "label"]),
        "splits": (_splits_table(assigned, strata), ["patient"]),
    }
    for name, (table, order) in tables.items():
        write_table(
            table.sort_values(order, na_position="last", kind="stable").reset_index(drop=True),
            workspace.curated / f"{name}.parquet",
        )
    _pass_features(workspace, instances)
    by_source = Counter(joined["source"])
    counts = Counter(assigned.values())
    summary = CurateSummary(
        patients=len(patients),
        studies=len(studies),
        series=len(series),
        instances=len(instances),
        images=int((instances["kind"] == "image").sum()),
        labels=int(joined["value"].notna().sum()),
        conflicts=by_source[joining.CONFLICT],
        unreadable=by_source[joining.UNREADABLE],
        low_quality=int(instances["low_quality"].sum()),
        outliers=int(instances["outlier"].sum()),
        shared_pixels=int(instances["shared_pixels"].sum()),
        new_patients=len(set(assigned) - set(locked)),
        splits={split: counts[split] for split in sorted(settings.curate.splits)},
        duplicates=tuple(sorted({sop for sops in duplicates.values() for sop in sops})),
        duplicates_by_unit=duplicates,
    )
    logger.info("curated %s", summary.sentence)
    return summary


def _pass_features(workspace: Workspace, instances: pd.DataFrame) -> None:
    """The features of series that still have images, with their dictionary; nothing where transform made none."""
    made, kept = workspace.images / "features.parquet", workspace.curated / "features.parquet"
    features = read_if_there(made)
    if features is None:
        for former in (kept, kept.with_suffix(".json")):
            former.unlink(missing_ok=True)
        return
    shown = set(instances["unit"][instances["kind"] == "image"])
    rows = features[features["unit"].isin(shown)]
    order = ["patient", "study", "unit", "volume", "roi_instance", "roi_number"]
    write_table(rows.sort_values(order, na_position="last", kind="stable").reset_index(drop=True), kept)
    shutil.copyfile(made.with_suffix(".json"), kept.with_suffix(".json"))


def _main_modality(series: pd.DataFrame) -> dict[str, str]:
    """Each patient's modality with the most images; of equals the first by name."""
    counts = series[series["images"] > 0].groupby(["patient", "modality"])["images"].sum().reset_index()
    ordered = counts.sort_values(["images", "modality"], ascending=[False, True], kind="stable")
    first = ordered.drop_duplicates("patient")
    return dict(zip(first["patient"], first["modality"], strict=True))


def _splits_table(assigned: dict[str, str], strata: dict[str, str]) -> pd.DataFrame:
    rows = [(patient, split, strata[patient]) for patient, split in assigned.items()]
    return pd.DataFrame(rows, columns=["patient", "split", "stratum"], dtype="string")
