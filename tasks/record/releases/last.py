"""What a new release must keep of the last one: nobody changes split, unless that was asked for.

Drift of counts and distributions belongs to the gates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from tasks.core.errors import ContractViolation
from tasks.core.workspace import Workspace
from tasks.record.releases.records import Record, read_records
from tasks.record.releases.shell import git


def check_against_last(workspace: Workspace, splits: Mapping[str, str]) -> None:
    """Hold the draft of a release against the last one; `splits` maps each of its patients to the split.

    Raises `ContractViolation` where a patient is in another split than before, and `record.move_splits` doesn't ask for
    it. Nothing is checked before there is a release.
    """
    records = read_records(workspace, workspace.settings.export.name)
    if not records:
        return
    last = records[-1]
    moved = moved_patients(splits_at(workspace, last), splits)
    if moved and not workspace.settings.record.move_splits:
        first = moved[0]
        raise ContractViolation(
            f"{len(moved)} patient(s) would change split against {last.tag}, first {first}, and a model that learned "
            "from them would be tested on them: bring data/splits.lock back from git, or ask for it with "
            "record.move_splits: true"
        )


def splits_at(workspace: Workspace, record: Record) -> dict[str, str]:
    """Which patient was in which split when the release was made, as git has it."""
    place = workspace.splits_lock.relative_to(workspace.root).as_posix()
    text = git(workspace.root, "show", f"{record.tag}:./{place}", check=False)
    text = text or git(workspace.root, "show", f"{record.commit}:./{place}", check=False)
    try:
        found = json.loads(text or "{}")
        return {str(patient): str(split) for patient, split in found.get("patients", {}).items()}
    except (ValueError, AttributeError):
        raise ContractViolation(f"{place} at {record.tag} is damaged in git") from None


def moved_patients(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Who is in another split than before, sorted; who is in one of both only did not move."""
    return sorted(patient for patient, split in after.items() if before.get(patient, split) != split)
