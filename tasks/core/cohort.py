"""`data/cohort.lock`: the frozen cohort as one canonical text that git can compare line by line."""

from __future__ import annotations

import json
from pathlib import Path

from tasks.core.errors import ConfigurationError
from tasks.core.models import Cohort, Frozen
from tasks.core.workspace import Workspace


def read_cohort(place: Workspace | Path) -> Cohort:
    """The cohort of a workspace, or of the lock at a path; `ConfigurationError` where it is missing or damaged."""
    path = place.cohort_lock if isinstance(place, Workspace) else place
    try:
        return Cohort.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"no {path}: select a cohort with `python -m tasks.extract` first") from None
    except ValueError:  # neither UTF-8, nor JSON, nor of the shape of a cohort
        raise ConfigurationError(
            f"{path} is not a cohort: restore it from git, or delete it and select again with `python -m tasks.extract`"
        ) from None


def render(cohort: Cohort) -> str:
    """The lock's text: JSON with sorted keys, one unit or item a line."""
    parts = [
        f'"criteria": {json.dumps(cohort.criteria)}',
        f'"key_id": {json.dumps(cohort.key_id)}',
        f'"refused": {_lines(cohort.refused)}',
        f'"tables": {json.dumps(cohort.tables, sort_keys=True)}',
        f'"units": {_lines(cohort.units)}',
    ]
    if cohort.withdrawn:
        parts.append(f'"withdrawn": {cohort.withdrawn}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(values: tuple[Frozen, ...]) -> str:
    rows = [json.dumps(value.model_dump(mode="json", exclude_none=True), sort_keys=True) for value in values]
    return "[\n" + ",\n".join(rows) + "\n]" if rows else "[]"
