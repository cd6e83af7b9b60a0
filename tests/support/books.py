"""The books of made-up tables: a cohort, a ledger and a profile that agree with what `tests.support.tables` wrote."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tasks.core.cohort import render
from tasks.core.files import write_json, write_text
from tasks.core.models import AppliedProfile, Cohort, Item, State, Unit, UnitResult
from tasks.core.settings import digest
from tasks.core.workspace import Workspace
from tasks.deidentify import VERSION
from tasks.record.ledger import Ledger
from tests.support.tables import Row, write_transformed


def write_judged(workspace: Workspace, instances: list[Row], **given: Any) -> None:
    """`write_transformed`, with books that agree, so that the gates have something to hold the tables against."""
    write_transformed(workspace, instances, **given)
    write_books(workspace)


def write_books(workspace: Workspace) -> None:
    """Write data/cohort.lock, the ledger and the profile for the instances of data/images."""
    made = pd.read_parquet(workspace.images / "instances.parquet")
    units: list[Unit] = []
    results: list[UnitResult] = []
    for unit, rows in made.groupby("unit"):
        sops = sorted(set(rows["instance"]))
        first = rows.iloc[0]
        units.append(
            Unit(
                unit=str(unit),
                patient=first["patient"],
                study=first["study"],
                modality=first["modality"],
                expected=len(sops),
                bytes=100,
                fingerprint=f"f{unit}",
            )
        )
        results.append(
            UnitResult(
                unit=str(unit),
                items=tuple(Item(item=f"i{unit}{n}", sop=sop, state=State.DEIDENTIFIED) for n, sop in enumerate(sops)),
                digest="d" * 64,
            )
        )
    cohort = Cohort(key_id="k" * 16, criteria="c" * 32, units=tuple(units))
    write_text(workspace.cohort_lock, render(cohort))
    profile = AppliedProfile(
        name="research", options=(), overrides={}, settings=digest(workspace.settings.deidentify), table="E.1-1",
        edition="2026c", digest="b" * 32, version=VERSION,
    )  # fmt: skip
    write_json(workspace.deidentified / "profile.json", profile.model_dump(mode="json"))
    with Ledger.open(workspace) as ledger:
        ledger.register(cohort)
        for unit_, result in zip(units, results, strict=True):
            ledger.record(unit_, "extract", "k", _at(result, State.EXTRACTED))
            ledger.record(unit_, "deidentify", "k", result)


def _at(result: UnitResult, state: State) -> UnitResult:
    return result.model_copy(update={"items": tuple(item.model_copy(update={"state": state}) for item in result.items)})
