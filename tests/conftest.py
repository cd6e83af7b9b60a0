"""Fixtures that any test may ask for. What they do is in tests/support; a missing service skips with its reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from tasks.core.workspace import Workspace
from tests.support.places import SHARED_DATA, make_workspace

if TYPE_CHECKING:
    from flows.services.orthanc import OrthancService


@dataclass(frozen=True)
class Hospital:
    """A synthetic hospital on disk: `folder`/dicom, labels.csv, ehr.csv, and what was planted in it (`key`)."""

    folder: Path
    key: Any

    @property
    def dicom(self) -> Path:
        """Its DICOM files."""
        return self.folder / "dicom"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first: two processes that take files in turn then end at about the same time."""
    rooms = ("system", "integration", "unit")
    items.sort(key=lambda item: next((n for n, room in enumerate(rooms) if room in item.path.parts), len(rooms)))


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test never sees the developer's own Orthanc, key, register or workspace."""
    for name in ("URL", "USER", "PASSWORD", "CA"):
        monkeypatch.delenv(f"SLUICE_ORTHANC_{name}", raising=False)
    for name in ("SLUICE_KEY_FILE", "SLUICE_REGISTER_URL", "SLUICE_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancService]:
    """A real Orthanc, shared by the session: a test brings its own patients and counts only those."""
    from tests.support.orthanc import running_orthanc

    with running_orthanc(tmp_path_factory.mktemp("orthanc") / "server") as service:
        yield service


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The SQLAlchemy URL of a real PostgreSQL, shared by the session: clean up, or use a schema of your own."""
    from tests.support.postgres import find_postgres, run_postgres

    binaries = find_postgres()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with run_postgres(binaries) as url:
        yield url


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    """The synthetic hospital, made once a session: read it, never change it."""
    from tasks.simulate.hospital import simulate

    folder = tmp_path_factory.mktemp("hospital")
    return Hospital(folder, simulate(folder, seed=0, patients=24))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The third-party corpus beside the checkout."""
    if not (SHARED_DATA / "dicom").is_dir():
        pytest.skip(f"the third-party corpus is not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A fresh workspace with the repository's params.yaml, its own key, and its zones."""
    return make_workspace(tmp_path / "workspace")


@pytest.fixture
def key_file(workspace: Workspace) -> Path:
    """The key of `workspace`."""
    return workspace.key_file


@pytest.fixture
def orthanc_alone(tmp_path: Path) -> Iterator[OrthancService]:
    """A real, empty Orthanc for one test."""
    from tests.support.orthanc import running_orthanc

    with running_orthanc(tmp_path / "orthanc") as service:
        yield service


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """One temporary Prefect server for all flows that tests call in this process."""
    quiet = {
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    with patch.dict(os.environ, quiet):
        from prefect.testing.utilities import prefect_test_harness

        with prefect_test_harness(server_startup_timeout=120):
            yield
