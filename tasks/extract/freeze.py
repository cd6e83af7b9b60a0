"""Freezing the cohort: what a look at the source adds to the lock and replaces, and what stays though it is gone."""

from __future__ import annotations

import logging

from tasks.core.cohort import read_cohort, render
from tasks.core.errors import ConfigurationError
from tasks.core.files import write_text
from tasks.core.models import Cohort
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.extract.compare import Compared, compare, unit_of_deleted
from tasks.extract.select import Selection
from tasks.record.ledger import Ledger
from tasks.record.opt_outs import note_offered
from tasks.record.sightings import note_sightings

logger = logging.getLogger(__name__)


def freeze(workspace: Workspace, selection: Selection, ledger: Ledger | None = None) -> Cohort:
    """Write `data/cohort.lock` and return what it holds.

    A narrowed look (a window, the change feed) adds to what is there: units that it didn't look at stay. A whole look
    replaces it, except that a series which is still arriving again stays as it was, and so does with `ledger` what was
    taken and is deleted at the source. Other criteria start afresh; another key is an error.

    With `ledger` what was found is compared with what was taken (`compare`), and the result is entered there.
    Who withdrew is in none of it, also where they were before: only how much the source offers of them.
    """
    path = workspace.cohort_lock
    cohort, before = selection.cohort, None
    if path.exists():
        before = read_cohort(workspace)
        if before.key_id != cohort.key_id:
            raise ConfigurationError(
                "this workspace's cohort was frozen under another key: restore that key, or start a new workspace"
            )
        if before.criteria != cohort.criteria:
            before = None
    if before and selection.not_taken:
        staying = tuple(unit for unit in before.units if not selection.not_taken.patient(unit.patient))
        if gone := {unit.patient for unit in before.units} - {unit.patient for unit in staying}:
            logger.warning(
                "%d patients who were taken before are on an opt-out list: they leave the next release; "
                "`sluice withdraw --listed` takes them out of the former ones",
                len(gone),
            )
        before = before.model_copy(update={"units": staying})
    compared = compare(workspace, before, selection, ledger) if ledger else Compared.plain(selection)
    cohort = _merge(before, selection, compared)
    offered = note_offered(workspace, selection.offered, whole=not selection.narrowed)
    cohort = cohort.model_copy(update={"withdrawn": offered})
    text = render(cohort)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    if ledger:  # after the lock: a crash in between is found by the next look, which compares with the old marks
        note_sightings(ledger.database, compared.sightings, compared.marks)
    return cohort


def _merge(before: Cohort | None, selection: Selection, compared: Compared) -> Cohort:
    units = dict(compared.units)
    refused = {item.item: item for item in (*selection.cohort.refused, *compared.refused)}
    if before:
        left = {unit.unit: unit for unit in before.units if unit.unit not in selection.looked_at}
        if not selection.narrowed:
            stay = selection.unstable_units | compared.kept
            left = {name: unit for name, unit in left.items() if name in stay}
        units = {name: unit for name, unit in left.items() if name not in compared.dropped} | units
        taken = {handle.item for handles in selection.handles.values() for handle in handles}
        for item in before.refused:
            if item.reason is Reason.DELETED_AT_SOURCE:  # until the series comes back
                stays = unit_of_deleted(item) not in selection.looked_at | units.keys()
            else:
                stays = selection.narrowed and item.item not in taken
            if stays:
                refused.setdefault(item.item, item)
    return selection.cohort.model_copy(
        update={
            "units": tuple(units[unit] for unit in sorted(units)),
            "refused": tuple(refused[item] for item in sorted(refused)),
        }
    )
