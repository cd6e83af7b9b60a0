"""The cohort's lock file: what was selected, pseudonymous, in one canonical text that git can compare line by line."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from tasks.core.errors import ConfigurationError
from tasks.core.files import write_text
from tasks.core.models import Cohort, Frozen
from tasks.core.workspace import Workspace
from tasks.extract.select import Selection


def freeze(workspace: Workspace, selection: Selection) -> Cohort:
    """Write `data/cohort.lock` and return what it holds.

    A narrowed look (a window, the change feed) adds to what is there: units that it didn't look at stay. A whole look
    replaces it, except that a series which is still arriving again stays as it was. Other criteria start afresh;
    another key is an error.
    """
    path = workspace.cohort_lock
    cohort = selection.cohort
    if path.exists():
        before = read_cohort(path)
        if before.key_id != cohort.key_id:
            raise ConfigurationError(
                "this workspace's cohort was frozen under another key: restore that key, or start a new workspace"
            )
        if before.criteria == cohort.criteria:
            cohort = _merge(before, selection)
    text = render(cohort)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    return cohort


def read_cohort(path: Path) -> Cohort:
    """The cohort that `path` holds."""
    try:
        return Cohort.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"no cohort at {path}: run `python -m tasks.extract` first") from None
    except (ValidationError, UnicodeDecodeError):
        raise ConfigurationError(f"{path} is not a cohort of Sluice: restore it from git, or delete it") from None


def render(cohort: Cohort) -> str:
    """The lock's text: JSON with sorted keys, one unit or item a line."""
    parts = [
        f'"criteria": {json.dumps(cohort.criteria)}',
        f'"key_id": {json.dumps(cohort.key_id)}',
        f'"refused": {_lines(cohort.refused)}',
        f'"tables": {json.dumps(cohort.tables, sort_keys=True)}',
        f'"units": {_lines(cohort.units)}',
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _merge(before: Cohort, selection: Selection) -> Cohort:
    now = selection.cohort
    kept_ids = (
        {unit.unit for unit in before.units} - selection.looked_at if selection.narrowed else selection.unstable_units
    )
    units = {unit.unit: unit for unit in before.units if unit.unit in kept_ids and unit.unit not in selection.looked_at}
    units |= {unit.unit: unit for unit in now.units}
    refused = {item.item: item for item in now.refused}
    if selection.narrowed:
        taken = {handle.item for handles in selection.handles.values() for handle in handles}
        refused = {item.item: item for item in before.refused if item.item not in taken} | refused
    return now.model_copy(
        update={
            "units": tuple(units[unit] for unit in sorted(units)),
            "refused": tuple(refused[item] for item in sorted(refused)),
        }
    )


def _lines(values: tuple[Frozen, ...]) -> str:
    rows = [json.dumps(value.model_dump(mode="json", exclude_none=True), sort_keys=True) for value in values]
    return "[\n" + ",\n".join(rows) + "\n]" if rows else "[]"
