"""The features of a release: series by series with the regions of the same patient, then one table of all of them.

Follows transform within the same stage: it reads archives and the rows of units, writes data/images/features.parquet
and its dictionary, and keeps what is done under data/scratch/features. Off unless `radiomics.in_flow` says so.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.core.columns import FEATURES
from tasks.core.entry import quiet_libraries
from tasks.core.errors import SluiceError
from tasks.core.files import write_json, write_table
from tasks.core.models import Unit
from tasks.core.pool import WorkerPool
from tasks.core.settings import TransformSettings, digest
from tasks.core.settings.radiomics import RadiomicsSettings
from tasks.core.workspace import Workspace
from tasks.transform import VERSION
from tasks.transform.done import read_rows, rows_path
from tasks.transform.features import feature_rows
from tasks.transform.linked import Made, Object, link_objects, open_linked
from tasks.transform.radiomics.problems import Problem
from tasks.transform.radiomics.table import TABLE_VERSION, describe_table, make_table
from tasks.transform.regions import name_volumes, target_of
from tasks.transform.roi.load import Source
from tasks.transform.rows import rounded
from tasks.transform.volumes.series import find_series
from tasks.transform.volumes.volume import assemble

_NAME = re.compile(r"[A-Za-z0-9 ._/+-]{1,64}")

Row = dict[str, Any]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What one process needs: a series, the objects whose regions lie on it (none: the whole of it), the settings."""

    deidentified: Path
    unit: Unit
    things: tuple[Object, ...]
    radiomics: RadiomicsSettings
    transform: TransformSettings


def make_features(workspace: Workspace, units: Iterable[Unit]) -> int:
    """Write features.parquet and features.json of `units` beside the tables of images; returns the number of rows.

    What was calculated with the same bytes and settings is not done again. Both files go away where
    `radiomics.in_flow` is none. The order of `units` changes nothing.
    """
    table, settings = workspace.images / "features.parquet", workspace.settings.radiomics
    if settings.in_flow == "none":
        for former in (table, table.with_suffix(".json")):
            former.unlink(missing_ok=True)
        return 0
    jobs, done = [], dict[str, list[Row]]()
    for key, job in _jobs(workspace, units):
        former_rows = _read(workspace, job.unit, key)
        if former_rows is None:
            jobs.append((key, job))
        else:
            done[job.unit.unit] = former_rows
    if jobs:
        with WorkerPool(min(workspace.settings.run.processes, len(jobs))) as pool:
            for count, (index, found) in enumerate(pool.run(calculate_unit, [(job,) for _, job in jobs]), start=1):
                key, job = jobs[index]
                rows = found if found is not None else [_refused(job.unit)]
                write_json(_note(workspace, job.unit), {"key": key, "rows": rows})
                done[job.unit.unit] = rows
                log.info("features of %d of %d series are calculated", count, len(jobs))
    rows = [row for unit in sorted(done) for row in done[unit]]
    write_table(make_table(rows, settings, FEATURES), table)
    write_json(table.with_suffix(".json"), describe_table(rows, settings, FEATURES))
    return len(rows)


def calculate_unit(job: Job) -> list[Row]:
    """The rows of one series. Works in a process of a pool. What cannot be calculated is a problem of its row.

    Values are rounded to 9 significant digits, so that the last bit of a processor's sums changes no byte.
    """
    quiet_libraries()
    rows: list[Row] = []
    sources = list(open_linked(job.deidentified, job.things))
    for series in find_series([job.deidentified / job.unit.archive], job.transform).series:
        usable = [(series, one) for one in series.candidates if one.grid is not None]
        wanted = _laid(sources, [name_volumes(source, usable) for _, source in sources], len(usable))
        for (_, candidate), files in zip(usable, wanted, strict=True):
            if job.things and not files:
                continue
            try:
                volume, target = assemble(series, candidate, job.transform), target_of(series, candidate)
                made = feature_rows(volume, target, files, job.radiomics, 0, [])
                rows.extend(_released(row, job.unit, sources) for row in made)
            except SluiceError as error:
                log.warning("features of unit %s stopped with %s", job.unit.unit, type(error).__name__)
                rows.append(_refused(job.unit) | {"volume": json.dumps(candidate.label, sort_keys=True)})
    return sorted(rows, key=lambda row: (row["volume"], row["roi_instance"] or "", row["roi_number"]))


def _jobs(workspace: Workspace, units: Iterable[Unit]) -> Iterator[tuple[str, Job]]:
    """The series with a volume, each with its key; in mode roi only those with regions."""
    settings = workspace.settings
    of_patients: dict[str, list[Made]] = {}
    for unit in sorted(units, key=lambda unit: unit.unit):
        content = read_rows(rows_path(workspace, unit))
        if content is not None:
            of_patients.setdefault(unit.patient, []).append(Made(unit, content))
    for _, made in sorted(of_patients.items()):
        linked = link_objects(made) if settings.radiomics.in_flow == "roi" else {}
        keys = {one.unit.unit: one.content["key"] for one in made}
        for one in made:
            things = tuple(linked.get(one.unit.unit, ()))
            volumes = (one.content["series"] or {}).get("volumes")
            if one.images and volumes and (things or settings.radiomics.in_flow == "whole"):
                facts = [keys[one.unit.unit], [[thing.sop, keys[thing.unit.unit]] for thing in things]]
                stamp = f"{json.dumps(facts)} {digest(settings.radiomics)} {VERSION} {TABLE_VERSION}"
                key = hashlib.sha256(stamp.encode()).hexdigest()[:32]
                yield key, Job(workspace.deidentified, one.unit, things, settings.radiomics, settings.transform)


def _laid(
    sources: Sequence[tuple[Object, Source]], named: Sequence[Sequence[int]], volumes: int
) -> list[list[tuple[int, Source]]]:
    """For each volume the (number, source) that name it most surely among the volumes of the series."""
    wanted: list[list[tuple[int, Source]]] = [[] for _ in range(volumes)]
    for number, ((_, source), sureness) in enumerate(zip(sources, named, strict=True), start=1):
        best = max(sureness, default=0)
        for index, sure in enumerate(sureness):
            if sure == best > 0:
                wanted[index].append((number, source))
    return wanted


def _released(row: Row, unit: Unit, sources: Sequence[tuple[Object, Source]]) -> Row:
    """A row of the command's table as the release has it: pseudonyms, and no text that isn't a code."""
    name, file = row["roi_name"], row["roi_file"]
    values = {key: rounded(value) if isinstance(value, float) else value for key, value in row.items()}
    return values | {
        "unit": unit.unit,
        "patient": unit.patient,
        "study": unit.study,
        "roi_instance": sources[file - 1][0].sop if file else None,
        "roi_name": name if name and _NAME.fullmatch(name) else None,
    }


def _refused(unit: Unit) -> Row:
    """The row of a series whose features could not be calculated at all."""
    empty = dict.fromkeys(FEATURES, None)
    return empty | {
        "unit": unit.unit,
        "patient": unit.patient,
        "study": unit.study,
        "modality": unit.modality,
        "volume": "",
        "roi_source": "none",
        "roi_number": 0,
        "intensity_unit": "",
        "problems": f"roi: {Problem.FAILED.value} (1)",
    }


def _note(workspace: Workspace, unit: Unit) -> Path:
    return workspace.scratch / "features" / f"{unit.unit}.json"


def _read(workspace: Workspace, unit: Unit, key: str) -> list[Row] | None:
    try:
        found = json.loads(_note(workspace, unit).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found["rows"] if found.get("key") == key else None
