"""What a release follows from, as one digest: the same identity means that a run could only make the same release."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import tasks.curate
import tasks.deidentify
import tasks.export
import tasks.transform
import tasks.validate
from tasks.core.files import sha256, write_json
from tasks.core.models import Frozen
from tasks.core.settings import digest
from tasks.core.workspace import Workspace

_ROOMS = (tasks.deidentify, tasks.transform, tasks.curate, tasks.validate, tasks.export)


def identity(workspace: Workspace) -> str:
    """A digest of the cohort, the parameters that change bytes, the gates, the key and the stages' versions."""
    settings = workspace.settings
    sections: tuple[Frozen, ...] = (settings.extract, settings.deidentify, settings.transform, settings.curate)
    sections += (settings.gates, settings.export)
    if settings.radiomics.in_flow != "none":
        sections += (settings.radiomics,)
    facts = {
        "cohort": sha256(workspace.cohort_lock),
        "params": digest(*sections),
        "gates": {path.name: sha256(path) for path in sorted(workspace.expectations.glob("*.json"))},
        "key": workspace.pseudonymiser.key_id,
        "versions": {room.__name__: room.VERSION for room in _ROOMS},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def remember(workspace: Workspace, tag: str) -> None:
    """Note that what the workspace holds now is released as `tag`. Losing the note costs one needless check."""
    write_json(_note(workspace), {"identity": identity(workspace), "tag": tag})


def forget(workspace: Workspace) -> None:
    """Drop the note before what it speaks of is written over: a blocked run leaves other tables than the release's."""
    _note(workspace).unlink(missing_ok=True)


def released_as(workspace: Workspace) -> str | None:
    """The tag under which exactly this was released already, if the dataset is still in its place."""
    if not (workspace.dataset / "release.json").exists():
        return None
    try:
        note: dict[str, str] = json.loads(_note(workspace).read_text(encoding="utf-8"))
        return note["tag"] if note["identity"] == identity(workspace) else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _note(workspace: Workspace) -> Path:
    return workspace.scratch / "released.json"
