"""Freezing the cohort: what a look at the source adds to the lock, and what it replaces."""

from __future__ import annotations

from tasks.core.cohort import read_cohort, render
from tasks.core.errors import ConfigurationError
from tasks.core.files import write_text
from tasks.core.models import Cohort
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
        before = read_cohort(workspace)
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
