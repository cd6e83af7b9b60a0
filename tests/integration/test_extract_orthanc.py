"""Extraction from a real Orthanc: what it lists and sends is what was put in, and each failure is told in one line."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest

import flows.services.orthanc
from flows.services.orthanc import OrthancService, connect, start_orthanc, upload, wait_until_stable
from flows.services.ports import free_port
from tasks.core.errors import ConfigurationError, TransientSourceError
from tasks.core.models import UnitResult
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.extract.criteria import Criteria
from tasks.extract.fetch import fetch_unit
from tasks.extract.folder import FolderSource
from tasks.extract.freeze import freeze
from tasks.extract.scan import Limits
from tasks.extract.select import EmptyCohort, Selection, select
from tasks.extract.source import Handle, open_source
from tests.conftest import Hospital
from tests.support.dicom import make_dicom
from tests.support.network import answering, make_certificate, relaying_tls
from tests.support.orthanc import name_in_environment, running_orthanc
from tests.support.orthanc import send as put
from tests.support.places import with_params

pytestmark = pytest.mark.orthanc


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancService]:
    with running_orthanc(tmp_path_factory.mktemp("extract") / "orthanc") as service:
        yield service


@pytest.fixture
def server(module_server: OrthancService, monkeypatch: pytest.MonkeyPatch) -> OrthancService:
    """An empty Orthanc that no other test uses meanwhile, named in the environment. Not to be stopped."""
    with connect(module_server) as client:
        for patient in client.get("/patients").json():
            client.delete(f"/patients/{patient}").raise_for_status()
    name_in_environment(module_server, monkeypatch)
    return module_server


@pytest.fixture
def own_server(orthanc_alone: OrthancService, monkeypatch: pytest.MonkeyPatch) -> OrthancService:
    """An Orthanc in `tmp_path`/orthanc that the test may stop, named in the environment."""
    name_in_environment(orthanc_alone, monkeypatch)
    return orthanc_alone


def send(service: OrthancService, *contents: bytes) -> None:
    put(service, *contents)
    assert wait_until_stable(service)


def series(number: int, instances: int = 2, **attributes: str) -> list[bytes]:
    """The instances of a series of patient P<number>."""
    named = {
        "PatientID": f"P{number}",
        "StudyInstanceUID": f"1.2.{number}",
        "SeriesInstanceUID": f"1.2.{number}.1",
        "AccessionNumber": f"A{number}",
    } | attributes
    return [make_dicom(f"{named['SeriesInstanceUID']}.{n}", **named) for n in range(1, instances + 1)]


def contents(folder: Path) -> set[str]:
    """The digest of every file under `folder` and of what is wrapped in one."""
    source = FolderSource(folder, Limits(2**30, 200))
    found = [instance for listed in source.list_series(Criteria()).series for instance in listed.instances]
    wrapped = {digest(b"".join(source.fetch(Handle("", one.locator, one.size)))) for one in found}
    return wrapped | {digest(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fetch_all(workspace: Workspace, selection: Selection) -> list[UnitResult]:
    with open_source(workspace) as source:
        return [fetch_unit(source, selection, unit, workspace.quarantine) for unit in selection.cohort.units]


def count_modalities(selection: Selection) -> set[str]:
    return {unit.modality for unit in selection.cohort.units}


def test_window_modality_description_and_ids_select_alike(server: OrthancService, workspace: Workspace) -> None:
    send(
        server,
        *series(1, StudyDate="20200101", Modality="CT"),
        *series(2, StudyDate="20200105", Modality="MR", StudyDescription="Chest follow-up"),
        *series(3, StudyDate="", Modality="US"),
        *series(4, StudyDate="20210105", Modality="CT"),
    )
    assert len(select(workspace).cohort.units) == 4
    assert count_modalities(select(workspace, start=date(2020, 1, 1), end=date(2020, 1, 5))) == {"CT", "MR"}
    assert len(select(workspace, start=date(2020, 1, 2)).cohort.units) == 2
    assert len(select(workspace, end=date(2020, 1, 1)).cohort.units) == 1
    assert count_modalities(select(workspace, modalities=["US", "MR"])) == {"US", "MR"}
    described = with_params(workspace, extract={"study_description": "^chest"})
    assert count_modalities(select(described)) == {"MR"}
    (workspace.root / "cohort.csv").write_text("AccessionNumber,PatientID\nA1,\n,P3\nA2,P4\n")
    listed = with_params(workspace, extract={"study_description": None, "cohort_csv": "cohort.csv"})
    assert count_modalities(select(listed)) == {"CT", "US"}
    with pytest.raises(EmptyCohort, match="4 series"):
        select(listed, start=date(2022, 1, 1))


def test_the_change_feed_names_what_came_since_and_leaves_the_rest(
    server: OrthancService, workspace: Workspace
) -> None:
    send(server, *series(1), *series(2))
    first = select(workspace)
    assert first.cursor is not None
    freeze(workspace, first)
    nothing = select(workspace, since_change=first.cursor)
    assert nothing.cohort.units == ()
    assert freeze(workspace, nothing).units == first.cohort.units
    send(
        server,
        make_dicom("1.2.1.1.9", PatientID="P1", StudyInstanceUID="1.2.1", SeriesInstanceUID="1.2.1.1"),
        *series(3),
    )
    since = select(workspace, since_change=first.cursor)
    assert sorted(unit.expected for unit in since.cohort.units) == [2, 3]
    assert since.cursor is not None
    assert since.cursor > first.cursor
    assert freeze(workspace, since).expected == 7
    assert select(workspace, since_change=10**6).cohort.expected == 7, "a cursor of another database: look at all"
    assert select(workspace, modalities=["CT"]).cursor is None, "a narrowed look must not move the cursor"


def test_a_series_still_arriving_waits_until_it_is_stable(server: OrthancService, workspace: Workspace) -> None:
    send(server, *series(1))
    cursor = select(workspace).cursor
    with connect(server) as client:
        client.post("/instances", content=series(2)[0])
        during = select(workspace, since_change=cursor)
    assert (during.unstable, during.cohort.units, during.cursor) == (1, (), cursor)
    assert wait_until_stable(server)
    after = select(workspace, since_change=cursor)
    assert (after.unstable, after.cohort.expected) == (0, 1)


def test_one_sop_instance_uid_in_two_series_is_a_collision(server: OrthancService, workspace: Workspace) -> None:
    send(server, make_dicom("1.2.9"), make_dicom("1.2.9", SeriesInstanceUID="1.2.3.1.2"), make_dicom("1.2.10"))
    cohort = select(workspace).cohort
    assert [item.reason for item in cohort.refused] == [Reason.UID_COLLISION] * 2
    assert [unit.expected for unit in cohort.units] == [1]


def test_an_instance_deleted_after_listing_is_incomplete_and_the_rest_goes_on(
    server: OrthancService, workspace: Workspace
) -> None:
    send(server, *series(1, 3))
    selection = select(workspace)
    [handles] = selection.handles.values()
    with connect(server) as client:
        client.delete(f"/instances/{handles[0].locator}").raise_for_status()
    [result] = fetch_all(workspace, selection)
    assert [item.reason for item in result.items] == [Reason.INCOMPLETE, None, None]


def test_more_series_than_a_page_are_all_listed(
    server: OrthancService, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.extract.orthanc.PAGE", 3)
    send(server, *(content for number in range(1, 12) for content in series(number, 1)))
    assert len(select(workspace).cohort.units) == 11


def test_a_wrong_password_is_told_in_one_line(
    server: OrthancService, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_ORTHANC_PASSWORD", "wrong-secret")
    with pytest.raises(ConfigurationError, match="SLUICE_ORTHANC_PASSWORD") as error:
        select(workspace)
    assert "\n" not in str(error.value)
    assert "wrong-secret" not in str(error.value)


def test_a_stopped_server_is_transient_during_work_and_an_error_before_it(
    own_server: OrthancService, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(own_server, *(content for number in range(1, 6) for content in series(number, 1)))
    selection = select(workspace)
    locators = {handle.locator for handles in selection.handles.values() for handle in handles}
    own_server.stop()
    monkeypatch.setattr("tasks.extract.fetch._LONGEST_WAIT", 0.1)
    with pytest.raises(TransientSourceError) as down:
        fetch_all(workspace, selection)
    assert not any(locator in str(down.value) for locator in locators)
    with pytest.raises(ConfigurationError, match="nothing answers"):
        select(workspace)
    configured = flows.services.orthanc._configuration
    monkeypatch.setattr(
        flows.services.orthanc, "_configuration", lambda *given: configured(*given) | {"LimitFindResults": 2}
    )
    with start_orthanc(tmp_path / "orthanc") as limited:
        name_in_environment(limited, monkeypatch)
        assert sum(result.kept for result in fetch_all(workspace, selection)) == 5
        with pytest.raises(ConfigurationError, match="LimitFindResults"):
            select(workspace)


@pytest.mark.parametrize(
    "address", ["", "orthanc.example", "ftp://orthanc.example", "http://u:p@127.0.0.1:1", "http://[::1"]
)
def test_an_address_that_is_none_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("SLUICE_ORTHANC_URL", address)
    with pytest.raises(ConfigurationError, match="SLUICE_ORTHANC_URL"):
        select(workspace)


def test_what_answers_but_is_no_orthanc_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello") as port:
        monkeypatch.setenv("SLUICE_ORTHANC_URL", f"http://127.0.0.1:{port}")
        with pytest.raises(ConfigurationError, match="no Orthanc"):
            select(workspace)
        monkeypatch.setenv("SLUICE_ORTHANC_URL", f"https://127.0.0.1:{port}")
        with pytest.raises(ConfigurationError, match="no TLS"):
            select(workspace)
    monkeypatch.setenv("SLUICE_ORTHANC_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ConfigurationError, match="nothing answers"):
        select(workspace)


def test_a_certificate_that_nobody_vouches_for_is_refused_until_its_authority_is_named(
    server: OrthancService, tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path / "gateway.pem")
    send(server, *series(1))
    with relaying_tls(certificate, int(server.url.rsplit(":", 1)[1])) as port:
        monkeypatch.setenv("SLUICE_ORTHANC_URL", f"https://127.0.0.1:{port}")
        with pytest.raises(ConfigurationError, match="SLUICE_ORTHANC_CA"):
            select(workspace)
        monkeypatch.setenv("SLUICE_ORTHANC_CA", str(certificate))
        assert select(workspace).cohort.expected == 2
        monkeypatch.setenv("SLUICE_ORTHANC_CA", str(tmp_path / "missing.pem"))
        with pytest.raises(ConfigurationError, match="PEM"):
            select(workspace)


def test_orthanc_keeps_its_files_private_and_asks_for_a_password(server: OrthancService) -> None:
    folder = server.process.log.parent
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "orthanc.json").stat().st_mode & 0o777 == 0o600
    assert httpx.get(f"{server.url}/system", trust_env=False).status_code == 401
    assert server.password not in repr(server)


def test_the_whole_hospital_is_listed_and_every_instance_arrives_whole(
    hospital: Hospital, server: OrthancService, workspace: Workspace
) -> None:
    taken = upload(server, hospital.dicom)
    assert taken.refused >= 1, "the hospital has a corrupt file"
    assert wait_until_stable(server)
    with connect(server) as client:
        statistics = client.get("/statistics").json()
    started = time.monotonic()
    selection = select(workspace)
    assert time.monotonic() - started < 5
    assert selection.cohort.expected == statistics["CountInstances"]
    assert len(selection.cohort.units) + len(selection.cohort.refused) >= statistics["CountSeries"]
    results = fetch_all(workspace, selection)
    assert sum(result.kept for result in results) == sum(unit.expected for unit in selection.cohort.units)
    files = {path.stem: path for path in workspace.quarantine.rglob("*.dcm")}
    sizes = {handle.item: handle.size for handles in selection.handles.values() for handle in handles}
    assert {item: path.stat().st_size for item, path in files.items()} == sizes
    assert {digest(path.read_bytes()) for path in files.values()} <= contents(hospital.dicom)
