"""A release as a folder of its own, to hand on: every file from DVC's store, and the signature."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.files import atomic_directory
from tasks.core.workspace import Workspace
from tasks.record.releases.records import Record
from tasks.record.releases.stored import Store
from tasks.record.releases.verification import lay_signature


def copy_release(
    workspace: Workspace,
    record: Record,
    target: Path,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> int:
    """Write the release to `target`, whole or not at all; returns how many files it has, the signature left out.

    Raises `ConfigurationError` where something is in `target`, `ContractViolation` where DVC no longer holds it all.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigurationError(f"{target} is not empty: name a new folder")
    store = Store(workspace.root)
    files = store.files(record.tag, f"data/dataset/{record.name}")
    with atomic_directory(target.resolve()) as draft:
        for done, (name, digest) in enumerate(files.items(), 1):
            place = draft / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(store.locate(digest), place)
            progress(done, len(files))
        if record.signed is not None and not lay_signature(record, draft):
            raise ContractViolation(f"DVC holds other bytes of {record.tag} than were signed: `dvc pull` them again")
    return len(files)
