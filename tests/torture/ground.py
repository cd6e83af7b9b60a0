"""What all scenarios stand on: a small hospital, its Orthanc, PostgreSQL and Prefect, and the undisturbed release.

One scenario's workspace and processes are in `play`; what is compared at the end is in `compare`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from flows.commands.initialise import make_workspace
from flows.services.orthanc import OrthancService, start_orthanc, upload, wait_until_stable
from flows.services.ports import free_port
from flows.services.prefect_server import PrefectServer
from tasks.core.workspace import Workspace
from tests.support.places import with_params
from tests.support.postgres import find_postgres, run_postgres

A_SERIES = 2
"""Instances of a series that are kept: a run is to take seconds."""

SETTINGS = {
    "deidentify": {"pixels": {"look": False}},  # what might hold text is refused, so quarantine is in the books too
    "transform": {"size": 32},
    "curate": {"splits": {"train": 0.5, "test": 0.5}},
    "export": {"name": "heart"},
    "run": {"processes": 1, "batch_instances": 8, "batches_in_flight": 2, "lease_seconds": 8},
}


@dataclass
class Ground:
    """Where everything is. `template` is a workspace in which nothing ran, `reference` one that ran undisturbed."""

    folder: Path
    hospital: Path
    orthanc: OrthancService
    prefect: PrefectServer
    postgres: str
    template: Workspace
    reference: Workspace
    seconds: float = 0.0
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def number(self) -> int:
        """Another one each time."""
        return next(self._numbers)

    def new_database(self, name: str) -> str:
        """The URL of an empty database on the shared PostgreSQL."""
        return new_database(self.postgres, name)

    @property
    def environment(self) -> dict[str, str]:
        """What a run needs in order to use the shared Orthanc and Prefect."""
        return {**self.orthanc.environment, **self.prefect.client_environment}


@contextmanager
def laid(folder: Path, say: Callable[[str], None]) -> Iterator[Ground]:
    """Start the services, fill Orthanc, make the template; the reference is still to be made (`play`)."""
    binaries = find_postgres()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed: run `make services`")
    with ExitStack() as held:
        say("starting Orthanc, PostgreSQL and Prefect")
        prefect = prefect_server(folder / "prefect")
        held.callback(prefect.stop)
        orthanc = held.enter_context(start_orthanc(folder / "orthanc"))
        postgres = held.enter_context(run_postgres(binaries))
        hospital = small_hospital(folder / "hospital")
        upload(orthanc, hospital / "dicom")
        wait_until_stable(orthanc)
        template = _template(folder / "template", hospital)
        prefect.wait()
        yield Ground(folder, hospital, orthanc, prefect, postgres, template, Workspace(folder / "reference"))


def prefect_server(folder: Path) -> PrefectServer:
    """A Prefect server of one's own; `wait` until it answers."""
    return PrefectServer(folder, "torture", free_port())


def second_orthanc(ground: Ground, folder: Path, port: int | None = None) -> OrthancService:
    """An Orthanc with the same content that may be killed; in the same folder it comes back with what it had."""
    if not folder.exists():
        shutil.copytree(ground.orthanc.process.log.parent, folder, ignore=shutil.ignore_patterns("tmp", "*.log"))
    return start_orthanc(folder, port=port, password=ground.orthanc.password)


def small_hospital(folder: Path) -> Path:
    """The smallest synthetic hospital, with the first instances of each series only."""
    from tasks.simulate.hospital import simulate

    simulate(folder, patients=8)
    for place in sorted(path for path in (folder / "dicom").rglob("*") if path.is_dir()):
        for path in sorted(path for path in place.iterdir() if path.is_file())[A_SERIES:]:
            path.unlink()
    return folder


def new_database(server: str, name: str) -> str:
    """The URL of an empty database on `server`."""
    url = make_url(server)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
    finally:
        engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


def fresh(ground: Ground, place: Path) -> Workspace:
    """A workspace with the reference's key, parameters and repository, in which nothing ran."""
    shutil.copytree(ground.template.root, place, symlinks=True)
    return Workspace(place)


def _template(place: Path, hospital: Path) -> Workspace:
    tables = {"labels_csv": str(hospital / "labels.csv"), "ehr_csv": str(hospital / "ehr.csv")}
    return with_params(make_workspace(place), extract={"source": "orthanc", **tables}, **SETTINGS)


def quiet() -> None:
    """Nothing of the developer's own settings reaches the runs."""
    for name in list(os.environ):
        if name.startswith(("SLUICE_", "PREFECT_", "MLFLOW_")):
            del os.environ[name]


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for `true`; `TimeoutError` that says `what` did not happen."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.02)
