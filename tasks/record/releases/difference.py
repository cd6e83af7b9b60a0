"""What is not the same in two releases: who and what came, went or changed, by which parameters, and what that shifts.

What a release holds is read in `holdings`; nothing is checked out. Printing is up to the command.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from tasks.core.errors import ConfigurationError
from tasks.core.models import Frozen
from tasks.core.settings import check_settings
from tasks.core.workspace import Workspace
from tasks.record.releases.environment import differences
from tasks.record.releases.holdings import class_balance, held, split_sizes
from tasks.record.releases.last import moved_patients
from tasks.record.releases.records import Record
from tasks.record.releases.stored import Store


class Changes(Frozen):
    """Pseudonyms or UIDs, sorted. Those in both: `changed` with other bytes or parts, `relabelled` another label."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    relabelled: tuple[str, ...]


class Difference(Frozen):
    """All that differs. Pairs are (before, after); `splits` counts patients and images, `labels` studies by value.

    `moved` maps a patient to the splits; it is empty unless somebody asked for it.
    """

    before: str
    after: str
    same_content: bool
    patients: Changes
    studies: Changes
    instances: Changes
    moved: dict[str, tuple[str, str]]
    params: dict[str, tuple[Any, Any]]
    facts: dict[str, tuple[str, str]]
    environment: dict[str, tuple[str, str]]
    splits: dict[str, dict[str, tuple[int, int]]]
    labels: dict[str, dict[str, dict[str, tuple[int, int]]]]


def compare(workspace: Workspace, before: Record, after: Record) -> Difference:
    """What changed from `before` to `after`.

    Raises `ContractViolation` where DVC no longer holds the tables of one.
    """
    store = Store(workspace.root)
    one, two = held(store, before), held(store, after)
    other_labels = {key for key in one.labels.keys() | two.labels.keys() if one.labels.get(key) != two.labels.get(key)}
    instances = _changes(one.bytes, two.bytes)
    studies = _changes(_grouped(one.bytes, one.study_of), _grouped(two.bytes, two.study_of))
    patients = _changes(_grouped(one.bytes, one.patient_of), _grouped(two.bytes, two.patient_of))
    in_both = set(one.patient_of.values()) & set(two.patient_of.values())
    both = set(one.study_of.values()) & set(two.study_of.values())
    told = {
        (patient, study) for patient, study, _ in other_labels if patient in in_both and (not study or study in both)
    }
    judged = [
        name
        for name in one.bytes.keys() & two.bytes.keys()
        if (two.patient_of[name], two.study_of[name]) in told or (two.patient_of[name], "") in told
    ]
    moved = moved_patients(one.splits, two.splits)
    return Difference(
        before=before.tag,
        after=after.tag,
        same_content=before.content == after.content,
        patients=_with(patients, (patient for patient, _ in told)),
        studies=_with(studies, (study for _, study in told if study)),
        instances=_with(instances, judged),
        moved={patient: (one.splits[patient], two.splits[patient]) for patient in moved},
        params=_params(store, before, after),
        facts=_facts(before, after),
        environment=differences(before.environment, after.environment) if before.environment else {},
        splits=split_sizes(one, two),
        labels=class_balance(one, two),
    )


def _grouped(content: Mapping[str, tuple[str, ...]], group_of: Mapping[str, str]) -> dict[str, frozenset[Any]]:
    groups: dict[str, set[Any]] = defaultdict(set)
    for instance, digests in content.items():
        groups[group_of[instance]].add((instance, digests))
    return {name: frozenset(members) for name, members in groups.items()}


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    both = before.keys() & after.keys()
    return Changes(
        added=tuple(sorted(after.keys() - both)),
        removed=tuple(sorted(before.keys() - both)),
        changed=tuple(sorted(name for name in both if before[name] != after[name])),
        relabelled=(),
    )


def _with(changes: Changes, relabelled: Iterable[str]) -> Changes:
    return changes.model_copy(update={"relabelled": tuple(sorted(set(relabelled)))})


def _params(store: Store, before: Record, after: Record) -> dict[str, tuple[Any, Any]]:
    """Effective parameters that differ, by dotted name; as written, where this version no longer knows one of them."""
    one, two = store.params(before.tag), store.params(after.tag)
    with suppress(ConfigurationError):  # an older release with parameters that are gone
        one, two = (check_settings(raw, "params.yaml").model_dump(mode="json") for raw in (one, two))
    flat, other = _flat(one), _flat(two)
    return {
        name: (flat.get(name), other.get(name))
        for name in sorted(flat.keys() | other.keys())
        if flat.get(name) != other.get(name)
    }


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            found |= _flat(inner, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = inner
    return found


def _facts(before: Record, after: Record) -> dict[str, tuple[str, str]]:
    def facts(record: Record) -> dict[str, str]:
        manifest = record.manifest
        gates = {f"gate {rule['suite']}/{rule['rule']}": "passes" if rule["passed"] else "fails"
                 for rule in manifest.get("gates", ())}  # fmt: skip
        profile = manifest.get("profile", {})
        return {
            "key": record.key_id,
            "code": record.code,
            "cohort": str(manifest.get("cohort"))[:12],
            "profile": f"{profile.get('name')} {profile.get('edition')} {profile.get('digest')}",
            "signer": record.signer or "none",
            "waivers": json.dumps(record.waivers, sort_keys=True),
            **gates,
        }

    one, two = facts(before), facts(after)
    return {
        name: (one.get(name, "none"), two.get(name, "none"))
        for name in sorted(one.keys() | two.keys())
        if one.get(name) != two.get(name)
    }
