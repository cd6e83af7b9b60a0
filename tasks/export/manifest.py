"""release.json: what a release was made of and what became of each instance. Nothing in it depends on the run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tasks.core.distributions import describe
from tasks.core.errors import ContractViolation
from tasks.core.files import sha256
from tasks.core.models import AppliedProfile, Cohort, Frozen, Tally, Verdicts
from tasks.core.settings import digest
from tasks.core.verdicts import curated_digest, read_verdicts, verdicts_file
from tasks.core.workspace import Workspace
from tasks.export.tables import read_tables

SELF = ("checksums.sha256", "release.json")
"""Files that the content digest leaves out: they hold it, or are made from all others."""


class Counts(Frozen):
    """How much a release holds."""

    patients: int
    studies: int
    series: int
    images: int
    objects: int


def passed_gates(workspace: Workspace) -> Verdicts:
    """The verdicts on data/curated as it is now.

    Raises `ContractViolation` when there are none, they are about other tables, or a critical rule failed.
    """
    verdicts = read_verdicts(workspace)
    if verdicts is None:
        raise ContractViolation(f"no {verdicts_file(workspace)}: run `python -m tasks.validate` first")
    if not verdicts.rules:
        raise ContractViolation(
            f"{verdicts_file(workspace)} holds no verdict: put suites into {workspace.expectations} and validate again"
        )
    if verdicts.curated is None:
        raise ContractViolation(
            f"{verdicts_file(workspace)} does not say which tables it is about: run `python -m tasks.validate` again"
        )
    if verdicts.curated != curated_digest(workspace.curated):
        raise ContractViolation(
            "data/curated changed after the gates looked at it: run `python -m tasks.validate` again"
        )
    if verdicts.blocking:
        rules = ", ".join(f"{rule.suite}/{rule.rule} ({rule.rows} rows)" for rule in verdicts.blocking)
        raise ContractViolation(f"the gates block this release: {rules}; the last release stays as it was")
    return verdicts


def checksums(dataset: Path, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """The SHA-256 of each file under `dataset` by its path, sorted; checksums.sha256 itself is left out.

    `known` are those that were taken already from the files as they lie there.
    """
    told = known or {}
    files = (
        Path(folder, name).relative_to(dataset).as_posix() for folder, _, names in os.walk(dataset) for name in names
    )
    return {
        name: told.get(name) or sha256(dataset / name)
        for name in sorted(files, key=lambda name: name.split("/"))
        if name != "checksums.sha256"
    }


def listing(sums: Mapping[str, str]) -> str:
    """`sums` as `sha256sum --check` reads them."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))


def content_digest(sums: Mapping[str, str]) -> str:
    """The digest of what a release holds: the same content has the same, whoever made it and with which version."""
    return hashlib.sha256(listing({name: sums[name] for name in sums if name not in SELF}).encode()).hexdigest()


def make_manifest(
    workspace: Workspace,
    cohort: Cohort,
    profile: AppliedProfile,
    verdicts: Verdicts,
    tally: Tally,
    counts: Counts,
    sums: Mapping[str, str],
) -> dict[str, Any]:
    """The content of release.json."""
    settings = workspace.settings
    sections = ["extract", "deidentify", "transform", "curate", "gates", "export"]
    if settings.radiomics.in_flow != "none":
        sections.append("radiomics")
    return {
        "name": settings.export.name,
        "title": settings.export.title,
        "license": settings.export.license,
        "creator": settings.export.creator,
        "content": content_digest(sums),
        "cohort": sha256(workspace.cohort_lock),
        "splits": sha256(workspace.splits_lock) if workspace.splits_lock.exists() else None,
        "criteria": cohort.criteria,
        "key_id": cohort.key_id,
        "params": {section: digest(getattr(settings, section)) for section in sections},
        "profile": profile.model_dump(mode="json"),
        "software": _software(),
        "gates": [verdict.model_dump(mode="json") for verdict in verdicts.rules],
        "waivers": [waiver.model_dump(mode="json") for waiver in verdicts.waivers],
        "curated": verdicts.curated,
        "after": verdicts.after,
        "distributions": describe(read_tables(workspace.curated)),
        "outcomes": tally.model_dump(mode="json"),
        "counts": counts.model_dump(mode="json"),
        "tables": {name: sums[name] for name in sorted(sums) if "/" not in name and name.endswith(".parquet")},
    }


def applied_profile(workspace: Workspace) -> AppliedProfile:
    """By which profile data/deidentified was made, as the de-identification says."""
    place = workspace.deidentified / "profile.json"
    try:
        return AppliedProfile.model_validate_json(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ContractViolation(f"no {place}: run `python -m tasks.deidentify` first") from None
    except ValueError:
        raise ContractViolation(f"{place} is damaged: delete it and run `python -m tasks.deidentify` again") from None


def _software() -> dict[str, str]:
    """The package's version; the commit is in data/releases, since it changes with each release."""
    try:
        return {"sluice": version("sluice")}
    except PackageNotFoundError:
        return {"sluice": "unknown"}
