"""The third-party corpus, as a folder and through Orthanc: every file is accounted for, and every instance arrives."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from flows.services.orthanc import connect, find_orthanc, start_orthanc, upload, wait_until_stable
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.extract.fetch import fetch_unit
from tasks.extract.select import Selection, select
from tasks.extract.source import open_source
from tests.support.places import with_params

pytestmark = pytest.mark.shared

# bbmri.zip and dwv-test_bad.zip stand for the files in them; the gzip files hold one each.
WRAPPERS, MEMBERS = 2, 4


def count(selection: Selection, note: str) -> Counter[str]:
    """How many items were refused for which reason; `pytest -s` shows it."""
    reasons = Counter(item.reason.code for item in selection.cohort.refused if item.reason)
    taken = sum(unit.expected for unit in selection.cohort.units)
    line = f"{note}: {len(selection.cohort.units)} series, {taken} taken, {dict(sorted(reasons.items()))}"
    sys.stdout.write(f"\n{line}\n")
    return reasons


def fetch_all(workspace: Workspace, selection: Selection) -> int:
    with open_source(workspace) as source:
        results = [fetch_unit(source, selection, unit, workspace.quarantine) for unit in selection.cohort.units]
    assert all(len(result.items) == unit.expected for result, unit in zip(results, selection.cohort.units, strict=True))
    return sum(result.kept for result in results)


def test_every_file_of_the_folder_is_accounted_for(shared_data: Path, workspace: Workspace) -> None:
    files = [path for path in (shared_data / "dicom").rglob("*") if path.is_file()]
    here = with_params(workspace, extract={"source": "folder", "folder": str(shared_data / "dicom")})
    started = time.monotonic()
    selection = select(here)
    took = time.monotonic() - started
    reasons = count(selection, f"folder, {took:.1f} s")
    assert took < 10
    assert selection.cohort.expected == len(files) - WRAPPERS + MEMBERS
    items = [item.item for item in selection.cohort.refused]
    items += [handle.item for handles in selection.handles.values() for handle in handles]
    assert len(set(items)) == selection.cohort.expected
    taken = sum(unit.expected for unit in selection.cohort.units)
    assert taken > 700
    assert reasons[Reason.NOT_DICOM.code] < 15
    assert reasons[Reason.MEDIA_DIRECTORY.code] == 11
    assert fetch_all(here, selection) == taken


@pytest.mark.parametrize(
    ("folder", "modalities"),
    [
        ("ct_rtstruct_ibsi1", {"CT": 60, "RTSTRUCT": 1}),
        ("petctmr_rtstruct_sts", {"CT": 48, "PT": 48, "MR": 35, "RTSTRUCT": 3}),
    ],
)
def test_sets_that_refer_to_each_other_stay_whole(
    shared_data: Path, workspace: Workspace, folder: str, modalities: dict[str, int]
) -> None:
    place = shared_data / "dicom" / folder
    selection = select(with_params(workspace, extract={"source": "folder", "folder": str(place)}))
    taken: Counter[str] = Counter()
    for unit in selection.cohort.units:
        taken[unit.modality] += unit.expected
    assert taken == modalities
    assert len({unit.patient for unit in selection.cohort.units}) == 1


@pytest.mark.orthanc
def test_what_orthanc_takes_of_the_corpus_is_listed_and_fetched(
    shared_data: Path, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_orthanc() is None:
        pytest.skip("Orthanc is not installed (apt-get install orthanc orthanc-dicomweb)")
    with start_orthanc(tmp_path / "orthanc") as service:
        sent = upload(service, shared_data / "dicom")
        assert wait_until_stable(service)
        with connect(service) as client:
            held = client.get("/statistics").json()["CountInstances"]
        for variable, value in service.environment.items():
            monkeypatch.setenv(variable, value)
        selection = select(workspace)
        count(selection, f"orthanc, {sent}")
        assert selection.cohort.expected == held
        assert fetch_all(workspace, selection) == sum(unit.expected for unit in selection.cohort.units)
