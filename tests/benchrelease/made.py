"""A workspace with the layout of real releases, filled without a source: as many series as asked for, made in seconds.

Images are random bytes of the size of a PNG, since DVC and the tables don't look inside; everything else is written by
the stages' own code: export, DVC, publication.
"""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from tasks.core.columns import INSTANCES, SERIES, TABLES
from tasks.core.files import write_json, write_table, write_zip
from tasks.core.models import Cohort, Item, State, Unit, UnitResult, Verdict, Verdicts
from tasks.core.verdicts import curated_digest, write_verdicts
from tasks.core.waivers import read_waivers, write_waivers
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tests.support.fake_stages import PROFILE

SLICES = 50
"""Instances of a series; a study has one series, a patient two studies."""


def fill(workspace: Workspace, first: int, last: int) -> int:
    """Add the series `first` to `last` (excluded) to what is there, up to curate; returns the bytes of their images."""
    units = [_unit(number) for number in range(last)]
    size = 0
    rows: list[dict[str, Any]] = []
    for number, unit in enumerate(units):
        made, bytes_of = _series(workspace, unit, number, write=number >= first)
        rows += made
        size += bytes_of
    cohort = Cohort(key_id="k" * 16, criteria="c" * 32, units=tuple(units))
    workspace.cohort_lock.write_text(cohort.model_dump_json(indent=2) + "\n", encoding="utf-8")
    _tables(workspace, units, rows)
    write_json(workspace.deidentified / "profile.json", PROFILE)
    rule = Verdict(suite="made", rule="up", severity="critical", passed=True, rows=0, sentence="It is made up.")
    write_verdicts(workspace, Verdicts(rules=(rule,), curated=curated_digest(workspace.curated)))
    write_waivers(workspace, read_waivers(workspace))
    with Ledger.open(workspace) as ledger:
        ledger.register(cohort)
        for unit in units[first:]:
            sops = [_sop(unit, place) for place in range(SLICES)]
            steps = (("extract", State.EXTRACTED), ("deidentify", State.DEIDENTIFIED), ("transform", State.TRANSFORMED))
            for stage, state in steps:
                items = tuple(Item(item=sop, state=state, sop=None if stage == "extract" else sop) for sop in sops)
                ledger.record(unit, stage, "k", UnitResult(unit=unit.unit, items=items, digest="d" * 64))
    return size


def _unit(number: int) -> Unit:
    patient, study = f"p{number // 2:012d}", f"s{number:012d}"
    return Unit(unit=f"u{number:012d}", patient=patient, study=study, modality="CT",
                expected=SLICES, bytes=SLICES * 1000, fingerprint="f" * 64)  # fmt: skip


def _sop(unit: Unit, place: int) -> str:
    return f"2.25.{int(unit.unit[1:]) * SLICES + place + 1}"


def _series(workspace: Workspace, unit: Unit, number: int, *, write: bool) -> tuple[list[dict[str, Any]], int]:
    noise, rows, size = random.Random(number), [], 0
    base = np.random.default_rng(number).integers(0, 255, (32, 32), dtype=np.uint8)
    for place in range(SLICES):
        name = f"CT/{unit.patient}_{unit.study}_{unit.unit}_{place + 1:04d}.png"
        content = cv2.imencode(".png", np.roll(base, place))[1].tobytes()
        if write:
            target = workspace.images / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            size += len(content)
        rows.append({
            "instance": _sop(unit, place), "unit": unit.unit, "patient": unit.patient, "study": unit.study,
            "series": f"2.25.9{number}", "study_uid": f"2.25.8{number}", "modality": "CT", "kind": "image", "frame": 1,
            "image_path": name, "rows": 32, "columns": 32, "slice_index": place + 1, "mean": noise.random(),
            "std": noise.random(), "intensity_unit": "HU", "png_sha256": hashlib.sha256(content).hexdigest(),
            "content_sha256": hashlib.sha256(content).hexdigest(), "low_quality": False, "outlier": False,
            "shared_pixels": False,
        })  # fmt: skip
    if write:
        write_zip(workspace.deidentified / unit.archive, [("series.bin", noise.randbytes(SLICES * 1000))])
        size += SLICES * 1000
    return rows, size


def _tables(workspace: Workspace, units: list[Unit], rows: list[dict[str, Any]]) -> None:
    people = sorted({unit.patient for unit in units})
    split = {name: ("train", "train", "train", "validation", "test")[at % 5] for at, name in enumerate(people)}
    of_unit = [unit.model_dump(include={"unit", "patient", "study", "modality"}) for unit in units]
    tables: dict[str, list[dict[str, Any]]] = {
        "patients": [{"patient": name, "sex": "FM"[at % 2], "age_years": 40.0 + at % 40, "age_band": "40-49",
                      "icd10": "[]"} for at, name in enumerate(people)],
        "studies": [{"study": unit.study, "patient": unit.patient, "study_uid": f"2.25.8{at}", "modalities": "CT",
                     "series": 1, "images": SLICES} for at, unit in enumerate(units)],
        "series": [row | {"series": f"2.25.9{at}", "study_uid": f"2.25.8{at}", "images": SLICES, "objects": 0}
                   for at, row in enumerate(of_unit)],
        "labels": [{"patient": unit.patient, "study": unit.study, "label": "lesion", "value": at % 2, "source": "made"}
                   for at, unit in enumerate(units)],
        "splits": [{"patient": name, "split": split[name], "stratum": "any"} for name in people],
        "instances": rows,
    }  # fmt: skip
    for name, content in tables.items():
        write_table(_typed(name, content), workspace.curated / f"{name}.parquet")
    write_table(_typed("instances", rows)[list(INSTANCES)], workspace.images / "instances.parquet")
    write_table(_typed("series", tables["series"])[list(SERIES)], workspace.images / "series.parquet")
    write_json(workspace.splits_lock, {"format": 1, "patients": split})


def _typed(table: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(TABLES[table]))
    return frame.astype({name: column.dtype for name, column in TABLES[table].items()})


def size_of(folder: Path) -> int:
    """Bytes of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
