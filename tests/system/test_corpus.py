"""The flow over 866 real files of many vendors and encodings, some broken on purpose: each ends with an outcome."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from flows.services.orthanc import OrthancService, upload, wait_until_stable
from tasks.core.cohort import read_cohort
from tasks.core.models import Tally, Waiver
from tasks.core.waivers import write_waivers
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tests.support.prefect import folder_workspace
from tests.support.runs import build

pytestmark = [pytest.mark.shared, pytest.mark.services]


def waive_oddities(workspace: Workspace) -> None:
    """What the gates are right to stop in a hospital: the corpus has crops, images of mice, and series of one value."""
    rules = ("series/mr-field-of-view-is-in-millimetres", "series/ct-field-of-view-is-in-millimetres")
    rules += ("series/series-is-not-blank", "series/ct-reaches-air", "series/pet-field-of-view-is-in-millimetres")
    write_waivers(workspace, [Waiver(rule=rule, reason="the corpus is odd on purpose", by="tests") for rule in rules])


def tally_of(workspace: Workspace) -> Tally:
    with Ledger.open(workspace) as ledger:
        cohort = read_cohort(workspace)
        by_unit = ledger.tallies_by_unit(cohort)
        assert all(tally.balances for tally in by_unit.values())
        return ledger.tally(cohort)


@pytest.fixture(scope="module")
def released(prefect: None, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace that took the corpus as a folder."""
    workspace = folder_workspace(tmp_path_factory.mktemp("corpus") / "workspace", shared_data / "dicom")
    waive_oddities(workspace)
    state = build(workspace)
    assert state.name == "Quarantined", state.message
    return workspace


def test_every_file_has_an_outcome_and_the_sums_match(released: Workspace, shared_data: Path) -> None:
    tally = tally_of(released)
    files = sum(path.is_file() for path in (shared_data / "dicom").rglob("*"))
    assert tally.balances
    assert tally.expected >= files - 2  # two zips are replaced by their members
    assert sum(tally.reasons.values()) == tally.quarantined + tally.skipped
    assert tally.released > 500
    print(f"\n{tally.expected} items: {tally.released} released, {json.dumps(tally.reasons)}")


def test_contours_and_segmentations_refer_to_images_where_they_did_before(released: Workspace) -> None:
    instances = pd.read_parquet(released.dataset / "instances.parquet")
    series = set(instances["series"]) | set(instances["instance"])
    objects = instances[instances["kind"].isin(["structure-set", "segmentation"])]
    resolved = [bool(series & set(json.loads(references))) for references in objects["references"]]
    assert sum(resolved) >= 10


def test_ct_with_its_structure_set_stays_one_frame_of_reference(released: Workspace) -> None:
    series = pd.read_parquet(released.dataset / "series.parquet")
    contours = series[series["modality"] == "RTSTRUCT"]
    images = set(series.loc[series["modality"] == "CT", "series"])
    instances = pd.read_parquet(released.dataset / "instances.parquet")
    references = instances.loc[instances["unit"].isin(contours["unit"]), "references"]
    assert any(images & set(json.loads(found)) for found in references)


@pytest.mark.orthanc
def test_what_orthanc_takes_of_a_third_of_it_is_accounted_for(
    prefect: None,
    orthanc_alone: OrthancService,
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "third").mkdir()
    for number, path in enumerate(sorted(path for path in (shared_data / "dicom").rglob("*") if path.is_file())[::3]):
        (tmp_path / "third" / str(number)).symlink_to(path)
    upload(orthanc_alone, tmp_path / "third")
    assert wait_until_stable(orthanc_alone)
    workspace = folder_workspace(tmp_path / "workspace", tmp_path, **{"extract.source": "orthanc"})
    for name, value in orthanc_alone.environment.items():
        monkeypatch.setenv(name, value)
    waive_oddities(workspace)
    state = build(workspace)
    assert state.is_completed(), state.message
    tally = tally_of(workspace)
    assert tally.balances
    assert tally.expected > 200
    print(f"\n{tally.expected} instances: {tally.released} released, {json.dumps(tally.reasons)}")
