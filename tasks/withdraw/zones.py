"""The zones of data/: which files are a patient's or name it, and taking them away.

A file whose path names the patient is theirs; one that names it inside (a table, a page) is made again by the next run
without them. Lists of which the rest must stay lose their lines. Databases belong into `databases`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.core.cohort import read_cohort, render
from tasks.core.files import write_json, write_text
from tasks.core.models import Cohort
from tasks.core.workspace import Workspace
from tasks.withdraw.traces import Traces

SQLITE = b"SQLite format 3\0"
_OTHERS = ("-wal", "-shm", "-journal")
_LINES = (".log", ".jsonl", ".txt")


@dataclass(frozen=True)
class Found:
    """A file of a zone with its size in bytes; `whole` is the folder that goes with it, where half of it is no use."""

    path: Path
    size: int
    whole: Path | None = None


def find_files(workspace: Workspace, traces: Traces) -> Iterator[Found]:
    """The files under data/ that are the patient's or name it, apart from databases, locks and the vault."""
    for folder in _zones(workspace):
        for path in _walk(folder):
            if not _is_database(path) and _is_theirs(path, folder, traces):
                whole = workspace.dataset if path.is_relative_to(workspace.dataset) else None
                yield Found(path, path.stat().st_size, whole)


def find_databases(workspace: Workspace) -> Iterator[Path]:
    """The SQLite files under data/ but the register, which has its own way."""
    for folder in (*_zones(workspace), workspace.register.parent):
        yield from (path for path in _walk(folder) if path != workspace.register and _is_database(path))


def purge(found: Found, traces: Traces) -> None:
    """Take a file away, or of a list the lines that name the patient."""
    if found.whole:
        shutil.rmtree(found.whole, ignore_errors=True)
    elif found.path.suffix in _LINES and not traces.in_text(found.path.name):
        lines = found.path.read_text(encoding="utf-8", errors="surrogateescape").splitlines(keepends=True)
        left = "".join(line for line in lines if not traces.in_text(line))
        with found.path.open("r+", encoding="utf-8", errors="surrogateescape") as handle:  # a server may append to it
            handle.seek(0)
            handle.write(left)
            handle.truncate()
    else:
        found.path.unlink(missing_ok=True)


def sweep(workspace: Workspace) -> None:
    """Delete folders that are empty now, and notes that speak of files that were there."""
    (workspace.scratch / "digests.json").unlink(missing_ok=True)
    (workspace.scratch / "released.json").unlink(missing_ok=True)
    for zone in (workspace.deidentified, workspace.images, workspace.scratch):
        for folder in sorted((path for path in zone.rglob("*") if path.is_dir()), reverse=True):
            if not any(folder.iterdir()):
                folder.rmdir()


def leave_cohort(workspace: Workspace, traces: Traces) -> int:
    """Take the patient out of cohort.lock; returns how many instances are counted as withdrawn since."""
    if not workspace.cohort_lock.exists():
        return 0
    before = read_cohort(workspace)
    after = cohort_without(before, traces)
    if after != before:
        write_text(workspace.cohort_lock, render(after))
    return after.withdrawn - before.withdrawn


def cohort_without(cohort: Cohort, traces: Traces) -> Cohort:
    """A cohort in which the patient is only counted."""
    units = tuple(unit for unit in cohort.units if unit.patient not in traces.patients)
    refused = tuple(
        item
        for item in cohort.refused
        if item.item not in traces.items and item.item.rsplit("-", 1)[0] not in traces.units
    )
    gone = cohort.expected - cohort.withdrawn - sum(unit.expected for unit in units) - len(refused)
    return cohort.model_copy(update={"units": units, "refused": refused, "withdrawn": cohort.withdrawn + gone})


def leave_splits(workspace: Workspace, traces: Traces) -> None:
    """Take the patient out of splits.lock; everybody else keeps their split."""
    if not workspace.splits_lock.exists():
        return
    lock = json.loads(workspace.splits_lock.read_text(encoding="utf-8"))
    left = {patient: split for patient, split in lock["patients"].items() if patient not in traces.patients}
    if left != lock["patients"]:
        write_json(workspace.splits_lock, {**lock, "patients": left})


def _zones(workspace: Workspace) -> list[Path]:
    """Every folder of data/ but the vault and, in services, Orthanc: that is the source."""
    apart = {workspace.vault, workspace.register.parent, workspace.services, workspace.releases, workspace.withdrawals}
    zones = [path for path in workspace.data.iterdir() if path.is_dir() and path not in apart]
    if workspace.services.is_dir():
        zones += [path for path in workspace.services.iterdir() if path.name != "orthanc"]
    return [*sorted(zones), workspace.register.parent]


def _walk(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
    for place, _, files in os.walk(folder):
        for name in sorted(files):
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _is_theirs(path: Path, zone: Path, traces: Traces) -> bool:
    if traces.in_text(str(path.relative_to(zone.parent))):
        return True
    return traces.in_file(path)


def _is_database(path: Path) -> bool:
    if path.name.endswith(_OTHERS):
        return True
    with path.open("rb") as handle:
        return handle.read(len(SQLITE)) == SQLITE
