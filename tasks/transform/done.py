"""Which units are done: what a unit's result depends on, and whether what it left is still there."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from tasks.core.files import sha256
from tasks.core.models import Unit
from tasks.core.settings import TransformSettings, digest
from tasks.core.workspace import Workspace
from tasks.transform import CHAIN, VERSION


def rows_path(workspace: Workspace, unit: Unit) -> Path:
    """Where the rows of a unit are kept between runs."""
    return workspace.scratch / "transform" / f"{unit.unit}.json"


def unit_key(archive: Path, settings: TransformSettings) -> str:
    """What the result depends on: the archive's bytes, the settings and this stage's version."""
    return key_of(sha256(archive), settings)


def key_of(archive_sha256: str, settings: TransformSettings) -> str:
    """As `unit_key`, where the archive's digest is known already."""
    steps = ",".join(f"{one.name} {one.step.version}" for one in settings.steps)
    steps += f" chain {CHAIN}" if steps else ""
    return hashlib.sha256(f"{archive_sha256} {digest(settings)} {VERSION} {steps}".encode()).hexdigest()[:32]


def read_rows(rows: Path) -> dict[str, Any] | None:
    """What `transform_unit` wrote: key, decoders, steps, instances, series; None where there is nothing whole."""
    try:
        found = json.loads(rows.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def is_made(rows: Path, images: Path, key: str) -> bool:
    """Whether the unit was made with `key` and all its PNGs are still there."""
    found = read_rows(rows)
    if found is None or found.get("key") != key:
        return False
    root = os.fspath(images)
    paths = (row["image_path"] for row in found["instances"] if row["image_path"])
    return all(os.path.isfile(f"{root}/{path}") for path in paths)  # noqa: PTH113  one of each image of a workspace
