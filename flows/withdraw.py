"""A patient leaves: what they are in, taking it out everywhere, and looking whether anything is left.

No Prefect flow: its server would keep the pseudonym as a parameter. What is deleted how belongs into `tasks.withdraw`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import update

from tasks.core.errors import ConfigurationError, TransientSourceError
from tasks.core.workspace import Workspace
from tasks.extract.opt_outs import items_of
from tasks.record.ledger import Ledger
from tasks.record.opt_outs import add_people
from tasks.record.releases.versioning import commit_paths
from tasks.record.schema import ReleaseRow
from tasks.record.withdrawals import Withdrawal, mark_releases, read_withdrawals, write_withdrawal
from tasks.withdraw import history
from tasks.withdraw.databases import leave_register, scrub
from tasks.withdraw.objects import Doomed, Store, find_objects, purge_objects
from tasks.withdraw.remotes import forget_site_cache, stores_of
from tasks.withdraw.traces import Traces, trace
from tasks.withdraw.zones import Found, find_databases, find_files, leave_cohort, leave_splits, purge, sweep

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Plan:
    """What a withdrawal takes away. `cells` are names in the tools' databases, `versions` files of git's history."""

    traces: Traces
    files: tuple[Found, ...]
    databases: tuple[Path, ...]
    cells: int
    stores: tuple[Store, ...]
    doomed: Doomed
    versions: int
    own_history: bool

    @property
    def file_bytes(self) -> int:
        """The size of the files."""
        return sum(found.size for found in self.files)


def plan(workspace: Workspace, ledger: Ledger, patients: frozenset[str], progress: Progress) -> Plan:
    """Look for everything that names `patients` (pseudonyms), and change nothing."""
    progress("asking the source", 0, 1)
    traces = trace(workspace, ledger, patients, _at_source(workspace, patients))
    progress("looking through data/", 0, 1)
    files = tuple(find_files(workspace, traces))
    databases = (*find_databases(workspace), *_tracking_database(workspace))
    cells = sum(scrub(path, traces, dry=True) for path in databases)
    has_history = (workspace.root / ".dvc").is_dir()
    stores = tuple(stores_of(workspace.root)) if has_history else ()
    doomed = find_objects(stores, traces, lambda done, total: progress("looking through DVC's objects", done, total))
    return Plan(
        traces=traces,
        files=files,
        databases=databases,
        cells=cells,
        stores=stores,
        doomed=doomed,
        versions=history.count_versions(workspace, traces) if has_history else 0,
        own_history=history.is_own(workspace.root),
    )


def carry_out(
    workspace: Workspace, ledger: Ledger, plan: Plan, asked_by: str, *, rewrite: bool, progress: Progress
) -> Withdrawal:
    """Take all of it away. The register goes last, since it knows the names: a call that died is made again."""
    traces, root = plan.traces, workspace.root
    add_people(workspace, traces.patients)
    workspace.sweep_quarantine()
    for done, found in enumerate(plan.files):
        progress("deleting files", done, len(plan.files))
        purge(found, traces)
    sweep(workspace)
    counted = leave_cohort(workspace, traces)
    leave_splits(workspace, traces)
    progress("deleting objects of DVC", 0, 1)
    purge_objects(plan.stores, plan.doomed)
    for path in plan.databases:
        scrub(path, traces)
    former = read_withdrawals(workspace)
    record = Withdrawal(
        number=former[-1].number + 1 if former else 1,
        at=datetime.now(UTC).date().isoformat(),
        asked_by=asked_by,
        people=len(traces.patients),
        series=traces.series,
        instances=max(counted, traces.instances),
        releases=traces.releases,
        models=tuple(sorted(f"{name}/{version}" for name, version in traces.models)),
        objects=plan.doomed.count,
        bytes=plan.doomed.bytes + plan.file_bytes,
        listings=plan.doomed.listings,
    )
    if plan.stores:
        forget_site_cache(root)
        locks = [workspace.cohort_lock, workspace.splits_lock]
        if any(workspace.cohorts.glob("*")):
            locks.append(workspace.cohorts)
        commit_paths(root, locks, "Take a withdrawal out of cohort and splits")
        if rewrite and plan.versions:
            progress("rewriting git's history", 0, 1)
            record = record.model_copy(update={"commits": history.rewrite(workspace, traces)})
    place = write_withdrawal(workspace, record)
    if plan.stores:
        commit_paths(root, [place], f"Record withdrawal {record.number}")
    progress("deleting rows of the register", 0, 1)
    mark_releases(ledger, [record])
    _move_commits(ledger, record)
    leave_register(ledger.database, traces)
    return record


def left(workspace: Workspace, plan: Plan, progress: Progress) -> tuple[str, ...]:
    """Where something of the patient is still found, in words without a name; empty is how it should be."""
    traces, found = plan.traces, []
    progress("looking whether anything is left", 0, 1)
    if files := len(list(find_files(workspace, traces))):
        found.append(f"{files} files in data/")
    databases = [*plan.databases, *([workspace.register] if workspace.register.exists() else [])]
    for path in databases:
        if path.exists() and traces.in_bytes(path.read_bytes()):
            found.append(f"the database {path.name}")
    doomed = find_objects(plan.stores, traces, _silent)
    if doomed.count:
        found.append(f"{doomed.count} objects of DVC")
    if plan.stores and (versions := history.count_versions(workspace, traces)):
        found.append(f"{versions} versions of files in git's history")
    return tuple(found)


def listed_here(workspace: Workspace, ledger: Ledger) -> frozenset[str]:
    """The patients in the register whom the hospital's list or the vault's names: they are to be withdrawn."""
    from sqlalchemy import select

    from tasks.extract.opt_outs import NotTaken
    from tasks.extract.source import open_source
    from tasks.record.schema import ModelPatientRow, ReleaseItemRow, UnitRow

    with open_source(workspace) as source:
        not_taken = NotTaken.of(workspace, source)
    with ledger.database.read() as connection:
        known = {
            patient
            for table in (UnitRow, ReleaseItemRow, ModelPatientRow)
            for patient in connection.execute(select(table.patient).distinct()).scalars()
        }
    return frozenset(patient for patient in known if not_taken.patient(patient))


def _silent(_done: int, _total: int) -> None:
    """No progress."""


def _at_source(workspace: Workspace, patients: frozenset[str]) -> frozenset[str]:
    try:
        return items_of(workspace, patients)
    except (ConfigurationError, TransientSourceError) as error:
        logger.warning("what the source refused of them is not known (%s); the next run takes it out of cohort", error)
        return frozenset()


def _tracking_database(workspace: Workspace) -> tuple[Path, ...]:
    """MLflow's database, where it is a file that does not lie in the workspace."""
    place = os.environ.get("MLFLOW_TRACKING_URI", "")
    path = Path(place.removeprefix("sqlite:///"))
    if place.startswith("sqlite:///") and path.is_file() and not path.resolve().is_relative_to(workspace.data):
        return (path,)
    return ()


def _move_commits(ledger: Ledger, record: Withdrawal) -> None:
    with ledger.database.write() as connection:
        for old, new in record.commits.items():
            connection.execute(update(ReleaseRow).where(ReleaseRow.commit == old).values(commit=new))
