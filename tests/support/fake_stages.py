"""A workspace as the stages before export leave it, small and made up, so that export and record can be tested alone.

Patients p0, p1 …, each with a CT series of three slices (the lesion is a bright disc) and, for p0, a structure set.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from tasks.core.columns import INSTANCES, SERIES, TABLES
from tasks.core.files import write_json, write_table, write_zip
from tasks.core.models import Cohort, Item, State, Unit, UnitResult, Verdict, Verdicts
from tasks.core.reasons import Reason
from tasks.core.verdicts import curated_digest, write_verdicts
from tasks.core.waivers import read_waivers, write_waivers
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger

SLICES = 3
PROFILE = {
    "name": "research", "options": ["retain-modified-dates"], "overrides": {"BodyPartExamined": "X"},
    "settings": "a" * 32, "table": "Table E.1-1", "edition": "2026c", "digest": "b" * 32, "version": 1,
}  # fmt: skip


def fill_workspace(workspace: Workspace, patients: int = 6, *, modality: str = "CT", blocking: bool = False) -> Cohort:
    """Write data/{cohort.lock,splits.lock,deidentified,images,curated,gates} and the ledger for `patients` patients.

    One item of each series is a duplicate that curate dropped, one is refused, and one file never was DICOM.
    """
    rows: list[dict[str, Any]] = []
    series: list[dict[str, Any]] = []
    units: list[Unit] = []
    for number in range(patients):
        unit, made = _make_series(workspace, number, modality)
        units.append(unit)
        rows += made
        series.append(_series_row(unit, number))
    cohort = Cohort(key_id="k" * 16, criteria="c" * 32, units=tuple(units), refused=(_not_dicom(),))
    workspace.cohort_lock.write_text(cohort.model_dump_json(indent=2) + "\n", encoding="utf-8")
    _write_tables(workspace, rows, series, patients)
    judge(workspace, blocking=blocking)
    write_json(workspace.deidentified / "profile.json", PROFILE)
    workspace.expectations.mkdir(exist_ok=True)
    (workspace.expectations / "made-up.json").write_text("{}\n", encoding="utf-8")
    with Ledger.open(workspace) as ledger:
        enter(ledger, cohort)
    return cohort


def judge(workspace: Workspace, *, blocking: bool = False) -> None:
    """Let the gates pass, or block, data/curated as it is now."""
    verdict = Verdict(
        suite="instances",
        rule="unique",
        severity="critical",
        passed=not blocking,
        rows=2 * blocking,
        sentence="Once each.",
    )
    write_verdicts(workspace, Verdicts(rules=(verdict,), curated=curated_digest(workspace.curated)))
    write_waivers(workspace, read_waivers(workspace))


def relabel(workspace: Workspace, source: str) -> None:
    """Curate the labels anew, from another `source`; the gates have not seen them yet."""
    place = workspace.curated / "labels.parquet"
    write_table(pd.read_parquet(place, dtype_backend="numpy_nullable").assign(source=source), place)


def enter(ledger: Ledger, cohort: Cohort) -> None:
    """What the flow enters of the series of `fill_workspace` up to transform."""
    ledger.register(cohort)
    for unit in cohort.units:
        sops = _sops(unit)
        names = [f"i{unit.unit}{place}" for place in range(unit.expected)]
        extracted = tuple(Item(item=name, state=State.EXTRACTED) for name in names)
        kept = tuple(Item(item=name, state=State.DEIDENTIFIED, sop=sop) for name, sop in zip(names, sops, strict=False))
        refused = Item.refused(names[-1], Reason.BURNED_IN_RISK)
        images = tuple(Item(item=sop, state=State.TRANSFORMED, sop=sop) for sop in sops)
        ledger.record(unit, "extract", "k", UnitResult(unit=unit.unit, items=extracted))
        ledger.record(unit, "deidentify", "k", UnitResult(unit=unit.unit, items=(*kept, refused), digest="d" * 64))
        ledger.record(unit, "transform", "k", UnitResult(unit=unit.unit, items=images, digest="e" * 64))


def _not_dicom() -> Item:
    return Item.refused("i-outside", Reason.NOT_DICOM)


def _sops(unit: Unit) -> list[str]:
    number = int(unit.unit[1:])
    return [f"2.25.{1000 * number + place + 1}" for place in range(unit.expected - 1)]


def _make_series(workspace: Workspace, number: int, modality: str) -> tuple[Unit, list[dict[str, Any]]]:
    objects = 1 if number == 0 else 0
    expected = SLICES + 1 + objects + 1  # slices, a duplicate, the object, a refused one
    unit = Unit(
        unit=f"u{number}", patient=f"p{number}", study=f"s{number}", modality=modality, expected=expected,
        bytes=100 * expected, fingerprint=f"f{number}",
    )  # fmt: skip
    sops = _sops(unit)
    rows = [_image_row(workspace, unit, place, sops[place], place) for place in range(SLICES)]
    rows.append(_image_row(workspace, unit, SLICES, sops[SLICES], 0))
    members = [(f"{sop}.dcm", f"DICM {sop}".encode()) for sop in sops]
    write_zip(workspace.deidentified / unit.archive, members)
    if objects:
        rows.append(_object_row(unit, sops[-1], sops[0]))
    return unit, rows


def _image_row(workspace: Workspace, unit: Unit, place: int, sop: str, content: int) -> dict[str, Any]:
    number = int(unit.unit[1:])
    noise = np.random.default_rng([number, content]).integers(0, 60, (64, 64), dtype=np.uint8)
    if number % 2:
        cv2.circle(noise, (40, 24), 10, 230, -1)
    path = f"{unit.modality}/{unit.patient}_{unit.study}_{unit.unit}_{place + 1:04d}.png"
    encoded = cv2.imencode(".png", noise)[1].tobytes()
    target = workspace.images / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(encoded)
    return _row(unit, sop) | {
        "frame": 1, "kind": "image", "image_path": path, "rows": 64, "columns": 64, "slice_index": place + 1,
        "mean": float(noise.mean()) / 255, "std": float(noise.std()) / 255, "intensity_unit": "HU",
        "content_sha256": hashlib.sha256(noise.tobytes()).hexdigest(),
        "png_sha256": hashlib.sha256(encoded).hexdigest(),
    }  # fmt: skip


def _object_row(unit: Unit, sop: str, reference: str) -> dict[str, Any]:
    return _row(unit, sop) | {
        "modality": "RTSTRUCT", "frame": 0, "kind": "structure-set", "object_path": f"{unit.archive}#{sop}.dcm",
        "references": json.dumps([reference]),
    }  # fmt: skip


def _row(unit: Unit, sop: str) -> dict[str, Any]:
    return {
        "instance": sop, "unit": unit.unit, "patient": unit.patient, "study": unit.study, "modality": unit.modality,
        "series": f"2.25.9{unit.unit[1:]}", "study_uid": f"2.25.8{unit.unit[1:]}", "low_quality": False,
        "outlier": False, "shared_pixels": False,
    }  # fmt: skip


def _series_row(unit: Unit, number: int) -> dict[str, Any]:
    row = _row(unit, "")
    return {name: row[name] for name in ("unit", "patient", "study", "series", "study_uid", "modality")} | {
        "images": SLICES, "objects": int(number == 0), "manufacturer": "=cmd|'/c calc'!A1", "kvp": 120.0,
        "weight_kg": 70.0 + number,
    }  # fmt: skip


def _write_tables(
    workspace: Workspace, rows: list[dict[str, Any]], series: list[dict[str, Any]], patients: int
) -> None:
    everyone = [f"p{number}" for number in range(patients)]
    splits = ["train", "train", "train", "train", "validation", "validation", "test", "test"]
    assigned = [splits[number % len(splits)] if patients > 6 else splits[number] for number in range(patients)]
    instances = _typed("instances", rows)
    duplicate = instances["slice_index"].eq(SLICES + 1).fillna(False)
    write_table(instances[list(INSTANCES)], workspace.images / "instances.parquet")
    write_table(_typed("series", series)[list(SERIES)], workspace.images / "series.parquet")
    studies = [
        {"study": f"s{n}", "patient": f"p{n}", "study_uid": f"2.25.8{n}", "modalities": "CT", "series": 1, "images": 3}
        for n in range(patients)
    ]
    people = [
        {"patient": name, "sex": "FM"[n % 2], "age_years": 40.0 + n, "age_band": "40-49", "icd10": "[]"}
        for n, name in enumerate(everyone)
    ]
    labels = [
        {"patient": name, "study": f"s{n}", "label": "lesion", "value": n % 2, "source": "labels"}
        for n, name in enumerate(everyone)
    ]
    shares = [
        {"patient": name, "split": split, "stratum": "any"} for name, split in zip(everyone, assigned, strict=True)
    ]
    tables = {"patients": people, "studies": studies, "series": series, "labels": labels, "splits": shares}
    for name, content in tables.items():
        write_table(_typed(name, content), workspace.curated / f"{name}.parquet")
    write_table(instances[~duplicate], workspace.curated / "instances.parquet")
    write_json(workspace.splits_lock, {"format": 1, "patients": dict(zip(everyone, assigned, strict=True))})


def _typed(table: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(TABLES[table]))
    return frame.astype({name: column.dtype for name, column in TABLES[table].items()})


def copy_pipeline(root: Path, workspace: Workspace) -> None:
    """Put the repository's dvc.yaml into the workspace."""
    (workspace.root / "dvc.yaml").write_text((root / "dvc.yaml").read_text(encoding="utf-8"), encoding="utf-8")
