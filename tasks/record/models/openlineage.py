"""Events of OpenLineage (spec 2-0-2): which stage ran, what it read and wrote, and how it ended; to a file or a URL.

Names of zones and releases, digests and counts only. Who listens may be away: that is a warning, never a failed run.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from tasks.core.errors import SluiceError
from tasks.core.workspace import Workspace

logger = logging.getLogger(__name__)

VARIABLE = "SLUICE_OPENLINEAGE_TOKEN"
PRODUCER = "urn:sluice"
_SPEC = "https://openlineage.io/spec"
_SCHEMA = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_SECONDS = 5.0
_SILENCE = 60.0
_away_until: dict[str, float] = {}

_COHORT, _CLEAN, _IMAGES, _CURATED, _GATES = (
    f"data/{name}" for name in ("cohort.lock", "deidentified", "images", "curated", "gates")
)
_SOURCE, _DATASET, _RELEASE, _MODEL = "source", "data/dataset", "release", "model"
FLOWS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "freeze": ((_SOURCE,), (_COHORT,)),
    "extract": ((_SOURCE, _COHORT), ()),
    "extract tables": ((_SOURCE,), ()),
    "deidentify": ((_SOURCE, _COHORT), (_CLEAN,)),
    "deidentify tables": ((_SOURCE,), (_CLEAN,)),
    "transform": ((_CLEAN,), (_IMAGES,)),
    "gather": ((_CLEAN,), (_IMAGES,)),
    "curate": ((_CLEAN, _IMAGES), (_CURATED,)),
    "validate": ((_CURATED,), (_GATES,)),
    "export": ((_CURATED, _IMAGES, _CLEAN, _GATES), (_DATASET,)),
    "record": ((_DATASET,), (_RELEASE,)),
    "train": ((_RELEASE,), ()),
    "record model": ((_RELEASE,), (_MODEL,)),
}
"""What each stage reads and writes, by the name of its task; what isn't here tells nothing."""


@dataclass
class Told:
    """What a stage adds to its last event: what it returned, whose tag, version and DVC digest are told."""

    result: Any = None


@contextmanager
def running(workspace: Workspace, stage: str, parent: str | None = None) -> Iterator[Told]:
    """START before, COMPLETE or FAIL after. Costs nothing where `record.openlineage` is empty.

    `parent` is the flow run. Put what the stage returned into `result` of what is yielded.
    """
    target, told = workspace.settings.record.openlineage, Told()
    if not target or stage not in FLOWS:
        yield told
        return
    run = str(uuid4())
    emit(workspace, target, event(workspace, stage, run, "START", parent))
    try:
        yield told
    except BaseException as error:
        emit(workspace, target, event(workspace, stage, run, "FAIL", parent, error=error))
        raise
    emit(workspace, target, event(workspace, stage, run, "COMPLETE", parent, told=told))


def event(
    workspace: Workspace,
    stage: str,
    run: str,
    kind: str,
    parent: str | None = None,
    *,
    told: Told | None = None,
    error: BaseException | None = None,
) -> dict[str, Any]:
    """One RunEvent as the specification has it. `run` is a UUID; another parent than one is left out."""
    name = workspace.settings.export.name
    namespace = f"sluice:{name}"
    reads, writes = FLOWS[stage]
    run_facets: dict[str, Any] = {}
    if parent and _is_uuid(parent):
        job = {"namespace": namespace, "name": name}
        run_facets["parent"] = _facet("1-1-0/ParentRunFacet", run={"runId": parent}, job=job)
    if error is not None:
        words = str(error) if isinstance(error, SluiceError) else type(error).__name__  # others may quote a header
        run_facets["errorMessage"] = _facet("1-0-1/ErrorMessageRunFacet", message=words, programmingLanguage="Python")
    return {
        "eventType": kind,
        "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "run": {"runId": run, "facets": run_facets},
        "job": {
            "namespace": namespace,
            "name": f"{name}.{stage.replace(' ', '_')}",
            "facets": {
                "jobType": _facet("2-0-3/JobTypeJobFacet", processingType="BATCH", integration="SLUICE", jobType="TASK")
            },
        },
        "inputs": [{"namespace": namespace, "name": one, "facets": {}} for one in reads],
        "outputs": [_output(namespace, one, told) for one in writes],
        "producer": PRODUCER,
        "schemaURL": _SCHEMA,
    }


def emit(workspace: Workspace, target: str, content: dict[str, Any]) -> bool:
    """Append to a file (one event a line), or POST to a URL; returns whether it arrived. Never raises."""
    if time.monotonic() < _away_until.get(target, 0.0):
        return False
    try:
        if "://" in target:
            _post(target, content)
        else:
            _append(workspace.resolve(target), json.dumps(content, sort_keys=True) + "\n")
    except Exception as error:  # whoever listens must not stop a run, whatever their client raises
        _away_until[target] = time.monotonic() + _SILENCE
        logger.warning(
            "OpenLineage at %s takes no events (%s): none is sent for a minute; check record.openlineage",
            urlsplit(target).hostname or "its file",
            type(error).__name__,
        )
        return False
    return True


def _output(namespace: str, name: str, told: Told | None) -> dict[str, Any]:
    facets: dict[str, Any] = {}
    result = told.result if told else None
    result = result[0] if isinstance(result, tuple) and result else result
    version = next((getattr(result, each) for each in ("tag", "version") if getattr(result, each, None)), None)
    if version and name in (_RELEASE, _MODEL):
        facets["version"] = _facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=str(version))
    dvc = getattr(result, "dvc", None)
    if dvc and name == _RELEASE:
        facets["storage"] = _facet("1-0-1/StorageDatasetFacet", storageLayer=f"dvc:{dvc}", fileFormat="parquet")
    return {"namespace": namespace, "name": name, "facets": facets}


def _facet(schema: str, **content: Any) -> dict[str, Any]:
    name = schema.partition("/")[2]
    url = f"{_SPEC}/facets/{schema}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": url, **content}


def _post(target: str, content: dict[str, Any]) -> None:
    import httpx

    headers = {"Authorization": f"Bearer {token}"} if (token := os.environ.get(VARIABLE)) else {}
    httpx.post(target, json=content, headers=headers, timeout=_SECONDS).raise_for_status()


def _append(place: Path, line: str) -> None:
    """One write of one line, so that lines of several processes don't mix."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("a", encoding="utf-8") as handle:
        handle.write(line)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
