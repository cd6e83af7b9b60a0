"""The stage over a workspace with the real ledger and a pool of processes; and a decoder that crashes its process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.core.errors import ConfigurationError
from tasks.core.files import write_json, write_zip
from tasks.core.models import Cohort, Item, State, Unit, UnitResult
from tasks.core.pool import WorkerPool
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.transform import units
from tasks.transform.stage import transform
from tasks.transform.unit import transform_unit
from tests.support.places import make_workspace, with_params
from tests.support.transform import SR, UNIT, as_bytes, make_image, make_object


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Three units in the cohort: two with an archive, one whose items were all refused before."""
    made = with_params(make_workspace(tmp_path / "study"), transform={"size": 16})
    units = [UNIT.model_copy(update={"unit": f"u{name}", "fingerprint": name}) for name in "abc"]
    with Ledger.open(made) as ledger:
        cohort = Cohort(key_id="k", criteria="c", units=tuple(units))
        ledger.register(cohort)
        for unit in units[:2]:
            sops = [f"2.25.{unit.fingerprint.encode().hex()}{index}" for index in range(3)]
            items = [
                (sop, as_bytes(make_image(np.full((4, 4), 50 * index, np.uint8), SOPInstanceUID=sop)))
                for index, sop in enumerate(sops[:2])
            ]
            items.append((sops[2], as_bytes(make_object(SR, SOPInstanceUID=sops[2]))))
            write_zip(made.deidentified / unit.archive, [(f"{sop}.dcm", content) for sop, content in items])
            found = tuple(Item(item=f"i{sop}", sop=sop, state=State.DEIDENTIFIED) for sop in sops)
            ledger.record(unit, "extract+deidentify", "k", UnitResult(unit=unit.unit, items=found))
    write_json(made.cohort_lock, cohort.model_dump(mode="json"))
    return made


def test_what_is_new_is_transformed_and_entered_and_what_is_done_is_left(workspace: Workspace) -> None:
    first = transform(workspace)
    assert (first.transformed, first.unchanged) == (2, 0)
    assert (first.gathered.units, first.gathered.images) == (2, 4)
    before = {path: path.stat().st_mtime_ns for path in workspace.images.rglob("*.png")}
    again = transform(workspace)
    assert (again.transformed, again.unchanged) == (0, 2)
    assert again.gathered == first.gathered
    assert {path: path.stat().st_mtime_ns for path in workspace.images.rglob("*.png")} == before
    with Ledger.open(workspace) as ledger:
        tally = ledger.tally(Cohort.model_validate_json(workspace.cohort_lock.read_text(encoding="utf-8")))
    assert tally.reasons == {Reason.NOT_AN_IMAGE.code: 2}


def test_a_lost_image_or_another_setting_is_made_again(workspace: Workspace) -> None:
    transform(workspace)
    next(workspace.images.rglob("*ua_*.png")).unlink()
    assert transform(workspace).transformed == 1
    other = with_params(workspace, transform={"size": 32})
    assert transform(other).transformed == 2
    assert pd.read_parquet(other.images / "series.parquet")["images"].tolist() == [2, 2]


def test_one_process_or_two_write_the_same_bytes(workspace: Workspace) -> None:
    def bytes_with(processes: int) -> dict[str, bytes]:
        transform(with_params(workspace, run={"processes": processes}, transform={"bits": 16}))
        found = {path.name: path.read_bytes() for path in workspace.images.rglob("*") if path.is_file()}
        for path in workspace.images.rglob("*.png"):
            path.unlink()
        return found

    assert bytes_with(1) == bytes_with(2)


def test_without_a_cohort_it_says_what_to_do(workspace: Workspace) -> None:
    workspace.cohort_lock.unlink()
    with pytest.raises(ConfigurationError, match="select a cohort"):
        transform(workspace)


def crash_on_unit_b(archive: Path, images: Path, rows: Path, unit: Unit, settings: TransformSettings) -> UnitResult:
    """What a decoder with a bug in C does to its process."""
    if unit.unit == "ub":
        os.kill(os.getpid(), signal.SIGKILL)
    return transform_unit(archive, images, rows, unit, settings)


def test_a_unit_that_kills_its_process_is_refused_and_the_others_are_done(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.transform.unit.transform_unit", crash_on_unit_b)
    found = transform(workspace)
    assert (found.gathered.units, found.gathered.images) == (2, 2)
    cohort = Cohort.model_validate_json(workspace.cohort_lock.read_text(encoding="utf-8"))
    with Ledger.open(workspace) as ledger:
        results = ledger.results(cohort.units, "transform")
        assert units.unfinished(workspace, ledger, cohort.units) == []
    assert results["ua"].kept == 2
    assert {item.reason for item in results["ub"].items} == {Reason.DECODE_FAILED}


def test_units_of_a_batch_count_what_came_through_and_one_without_archive_is_passed_over(workspace: Workspace) -> None:
    cohort = Cohort.model_validate_json(workspace.cohort_lock.read_text(encoding="utf-8"))
    with Ledger.open(workspace) as ledger, WorkerPool(1) as pool:
        assert [unit.unit for unit in units.unfinished(workspace, ledger, cohort.units)] == ["ua", "ub"]
        assert units.transform_units(workspace, ledger, cohort.units, pool) == 4
        assert units.transform_units(workspace, ledger, cohort.units, pool) == 0
