"""What a disturbed workspace is held against at the end: the undisturbed release's bytes, and the books."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, make_url, text

from tasks.core.cohort import read_cohort
from tasks.core.workspace import Workspace
from tasks.record.database import Database
from tasks.record.ledger import Ledger
from tasks.record.releases.versioning import digests
from tests.support.runs import tree


def other_bytes(workspace: Workspace, reference: Workspace) -> list[str]:
    """What differs from the reference: files of the dataset, the cohort, the splits, and what DVC holds."""
    found = []
    ours, wanted = tree(workspace.dataset), tree(reference.dataset)
    different = sorted(name for name in ours.keys() | wanted.keys() if ours.get(name) != wanted.get(name))
    if not ours:
        found.append("there is no dataset")
    elif different:
        found.append(f"{len(different)} files of the dataset differ, first {different[0]}")
    for name in ("data/cohort.lock", "data/splits.lock"):
        place = workspace.root / name
        if not place.exists() or place.read_bytes() != (reference.root / name).read_bytes():
            found.append(f"{name} differs")
    mine, theirs = digests(workspace.root), digests(reference.root)
    found += [f"DVC's {name} differs" for name in sorted(theirs) if mine.get(name) != theirs[name]]
    return found


def open_books(workspace: Workspace, register: str | None) -> list[str]:
    """What is wrong with the ledger, and what was left lying about."""
    url = make_url(register) if register else URL.create("sqlite", database=str(workspace.register))
    found = list(_left(workspace))
    with Ledger(Database(url)) as ledger:
        cohort = read_cohort(workspace)
        tally = ledger.tally(cohort)
        final = tally.released + tally.quarantined + tally.skipped + tally.withdrawn
        if not tally.balances or tally.expected != final:
            found.append(f"{tally.expected} expected, {final} have an outcome")
        off = [unit for unit, one in ledger.tallies_by_unit(cohort).items() if not one.balances]
        if off:
            found.append(f"{len(off)} series do not balance, first {off[0]}")
        with ledger.database.read() as connection:

            def rows(query: str) -> list[tuple[object, ...]]:
                return [tuple(row) for row in connection.execute(text(query))]

            leases, releases = rows("SELECT unit FROM lease"), rows("SELECT tag FROM release")
            found += [f"{len(leases)} leases are left"] if leases else []
            found += [f"{len(releases)} rows of releases"] if len(releases) != 1 else []
            open_runs = rows("SELECT id FROM run WHERE state = 'running'")
            found += [f"{len(open_runs)} runs are still running"] if open_runs else []
            outbox = rows("SELECT uid, published FROM outbox ORDER BY id")
            published = [uid for (uid,) in rows("SELECT uid FROM outbox WHERE kind = 'release.published'")]
            found += [f"{len(published)} events of a release"] if len(published) != 1 else []
    waiting = [uid for uid, at in outbox if at is None]
    found += [f"{len(waiting)} events wait"] if waiting else []
    told = _told(workspace)
    missing = [uid for uid, at in outbox if at is not None and uid not in told]
    found += [f"{len(missing)} events are marked and were never told"] if missing else []
    strange = set(told) - {uid for uid, _ in outbox}
    found += [f"{len(strange)} events were told that never were"] if strange else []
    return found


def _left(workspace: Workspace) -> Iterator[str]:
    if left := [path for path in workspace.quarantine.rglob("*") if path.is_file()]:
        yield f"{len(left)} files in quarantine"
    if any(workspace.quarantine.iterdir()):
        yield "desks left in quarantine"
    drafts = [path for path in workspace.data.rglob(".*") if path.name.endswith((".draft", ".former"))]
    if drafts:
        yield f"{len(drafts)} drafts left, first {drafts[0].relative_to(workspace.root)}"
    if locks := [path for path in (workspace.root / ".git").rglob("*.lock") if path.is_file()]:
        yield f"git's {locks[0].name} is left"
    tags = _git(workspace.root, "tag", "--list", "release/*").split()
    if tags != ["release/heart/v1"]:
        yield f"tags {', '.join(tags) or 'none'}"
    records = [path.name for path in workspace.releases.glob("*.json")]
    if records != ["heart-v1.json"]:
        yield f"records {', '.join(records) or 'none'}"
    if changed := _git(workspace.root, "status", "--porcelain", "--", "data", "dvc.lock").splitlines():
        yield f"git does not hold {changed[0][3:]}"


def _told(workspace: Workspace) -> set[str]:
    log = workspace.register.parent / "events.log"
    told = set()
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        try:
            told.add(str(json.loads(line)["uid"]))
        except ValueError:
            continue  # the line in which a process died; its events come again
    return told


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ}).stdout
