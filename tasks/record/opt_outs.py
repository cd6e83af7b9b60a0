"""The workspace's list of people who withdrew, in the vault: keyed digests of pseudonyms, never who.

The digests have a purpose of their own, so that neither the list nor a copy of it holds a pseudonym. What the source
still offers of them is kept as counts, so that the books balance. The hospital's own list is read by `extract`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from tasks.core.errors import ConfigurationError
from tasks.core.files import atomic_path
from tasks.core.models import Frozen
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.workspace import Workspace


class OptOuts(Frozen):
    """`people` are digests of patients; `offered` says how many instances the source has of a series of theirs."""

    people: tuple[str, ...] = ()
    offered: dict[str, int] = Field(default_factory=dict)


def person(key: Pseudonymiser, patient: str) -> str:
    """The digest of a patient (a pseudonym) in the list."""
    return key.fingerprint("opt-out", patient)


def series(key: Pseudonymiser, unit: str) -> str:
    """The digest of a series (a pseudonym) in the list."""
    return key.fingerprint("opt-out-series", unit)


def read_opt_outs(workspace: Workspace) -> OptOuts:
    """The list, empty where nobody withdrew. A damaged one is an error: without it, people would be taken again."""
    place = _place(workspace)
    try:
        return OptOuts.model_validate_json(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return OptOuts()
    except (OSError, UnicodeDecodeError, ValidationError):
        raise ConfigurationError(
            f"{place} is damaged: restore it from the vault's backup, or those who withdrew would be taken again"
        ) from None


def add_people(workspace: Workspace, patients: Collection[str]) -> int:
    """Put `patients` (pseudonyms) on the list; returns how many were not on it."""
    known = read_opt_outs(workspace)
    people = {person(workspace.pseudonymiser, patient) for patient in patients}
    if new := people - set(known.people):
        _write(workspace, known.model_copy(update={"people": tuple(sorted(people | set(known.people)))}))
    return len(new)


def note_offered(workspace: Workspace, offered: Mapping[str, int], *, whole: bool) -> int:
    """Note how many instances the source offers of each of their series (digests); returns how many in all.

    `whole`: the look saw everything, so what it did not see is no longer there.
    """
    known = read_opt_outs(workspace)
    now = dict(offered) if whole else {**known.offered, **offered}
    if now != known.offered:
        _write(workspace, known.model_copy(update={"offered": dict(sorted(now.items()))}))
    return sum(now.values())


def copy_opt_outs(workspace: Workspace, clone: Workspace) -> None:
    """Let a scratch copy of the workspace know the list: it must not take them either."""
    if _place(workspace).exists():
        _write(clone, read_opt_outs(workspace))


def _write(workspace: Workspace, opt_outs: OptOuts) -> None:
    text = json.dumps(opt_outs.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"
    with atomic_path(_place(workspace)) as draft:
        descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)


def _place(workspace: Workspace) -> Path:
    return workspace.vault / "opt-outs.json"
