"""What is left after everything went wrong: a pull and runs with provoked failures over a hospital's PACS, then every
byte of what the tools keep is searched for every planted identifier. PostgreSQL holds register and Prefect's database.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from flows.commands.initialise import make_workspace
from flows.params_file import set_params
from flows.services.orthanc import find_orthanc, start_orthanc, upload, wait_until_stable
from flows.services.ports import free_port
from flows.services.prefect_server import PrefectServer
from tasks.core.workspace import VARIABLE, Workspace
from tasks.simulate.hospital import simulate
from tasks.simulate.model import AnswerKey, Kind
from tests.support.faults import quoting_library
from tests.support.leaks import Leak, Needles, git_objects, search, search_bytes
from tests.support.pacs import NAME, Pair, two_orthancs
from tests.support.places import ROOT
from tests.support.postgres import find_postgres
from tests.support.runs import SETTINGS, command
from tests.support.sockets import command_lines, descendants

pytestmark = [
    pytest.mark.services,
    pytest.mark.orthanc,
    pytest.mark.postgres,
    pytest.mark.skipif(find_orthanc() is None, reason="Orthanc is not installed: run `make services`"),
]
ALWAYS = set(Kind) - {Kind.DATE, Kind.DEVICE}


@dataclass
class Scene:
    """The folder `kept` holds what the tools keep and print; `said` what each command ended with, by its label."""

    root: Path
    workspace: Workspace
    pair: Pair
    environment: dict[str, str]
    key: AnswerKey
    codes: dict[str, int] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    lines: bytes = b""

    @property
    def kept(self) -> Path:
        return self.root / "kept"

    def run(self, label: str, *arguments: str, **environment: str) -> int:
        """`sluice` to its end, with what it printed kept as a file too."""
        return self.end(label, self.start(*arguments, **environment))

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return command(*arguments, **{**self.environment, **environment})

    def end(self, label: str, child: subprocess.Popen[str]) -> int:
        watching = threading.Thread(target=self._watch, args=(child,), daemon=True)
        watching.start()
        out, err = child.communicate(timeout=240)
        watching.join()
        (self.kept / "printed").mkdir(exist_ok=True)
        (self.kept / "printed" / f"{label}.txt").write_text(out + err, encoding="utf-8")
        self.codes[label], self.said[label] = child.returncode, out + err
        return child.returncode

    def _watch(self, child: subprocess.Popen[str]) -> None:
        while child.poll() is None:
            self.lines += command_lines(descendants(child.pid))
            time.sleep(0.2)

    def identified(self) -> bool:
        """Whether identified bytes lie in quarantine just now."""
        return any(self.workspace.quarantine.rglob("*.dcm"))


@pytest.fixture(scope="module")
def scene(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Everything that happens, once: what the tests look at is what is left."""
    root = tmp_path_factory.mktemp("leftovers")
    (root / "kept").mkdir()
    simulate(root / "hospital", seed=5, patients=8)
    register, prefect_database = (_database(postgres, name) for name in ("kept_register", "kept_prefect"))
    password = secrets.token_urlsafe(18)
    with pytest.MonkeyPatch.context() as patch, two_orthancs(root / "pacs") as pair:
        patch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", prefect_database.replace("+psycopg", "+asyncpg"))
        server = PrefectServer(root / "kept" / "prefect", password, free_port())
        try:
            scene = _scene(root, pair, server, register)
            server.wait()
            _happen(scene)
        finally:
            server.stop()
        for name, url in (("register", register), ("prefect", prefect_database)):
            (root / "kept" / f"{name}.sql").write_bytes(_dump(url))
        yield scene


def _scene(root: Path, pair: Pair, server: PrefectServer, register: str) -> Scene:
    upload(pair.theirs, root / "hospital" / "dicom")
    tables = {name: str(root / "hospital" / f"{name.split('_')[0]}.csv") for name in ("labels_csv", "ehr_csv")}
    settings = {f"{section}.{name}": value for section, values in SETTINGS.items() for name, value in values.items()}
    ours = {
        "extract.source": "orthanc",
        "extract.folder": None,
        "pull.backoff_seconds": 0.1,
        "run.processes": 2,
        "run.batch_instances": 20,
    }
    values: dict[str, object] = {**settings, **{f"extract.{name}": place for name, place in tables.items()}, **ours}
    workspace = set_params(make_workspace(root / "kept" / "workspace"), values)
    environment = {
        **server.client_environment,
        **pair.ours.environment,
        VARIABLE: str(workspace.root),
        "SLUICE_REGISTER_URL": register,
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_API_DATABASE_CONNECTION_URL": "",
        "MLFLOW_TRACKING_URI": f"sqlite:///{root}/kept/mlflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    return Scene(root, workspace, pair, environment, AnswerKey.read(root / "hospital"))


def _happen(scene: Scene) -> None:
    workspace = scene.workspace
    with (scene.root / "cohort.csv").open("w", newline="", encoding="utf-8") as handle:
        ids = [(name,) for name in sorted(scene.key.patients.values()) if name.strip()]
        csv.writer(handle).writerows([("PatientID",), *ids, ("NOBODY",)])
    scene.run("pull", "pull", "--from", NAME, "--cohort", str(scene.root / "cohort.csv"), "--verbose")
    wait_until_stable(scene.pair.ours)

    workspace.key_file.chmod(0o640)
    scene.run("open-vault", "run", "--verbose")
    workspace.key_file.chmod(0o600)

    _interrupted(scene)
    name = next(item.value for item in scene.key.planted if item.kind is Kind.NAME)
    faulty = quoting_library(scene.root / "faults", name)
    scene.run("library", "run", "--verbose", **faulty, PREFECT_LOGGING_LEVEL="DEBUG")

    suite = workspace.expectations / "patients.json"
    former = suite.read_bytes()
    demand = json.loads(former)
    demand["expectations"].append(
        {
            "type": "expect_table_row_count_to_be_between",
            "kwargs": {"min_value": 1000},
            "severity": "critical",
            "meta": {"rule": "many-patients", "sentence": "There are many patients.", "fix": "take more"},
        }
    )
    suite.write_text(json.dumps(demand), encoding="utf-8")
    scene.run("blocked", "run", "--verbose")
    suite.write_bytes(former)
    scene.run("retry", "retry", "transfer-failed")
    scene.run("release", "run", "--verbose")
    scene.run("train", "train", "--verbose")
    scene.run("status", "status")


def _interrupted(scene: Scene) -> None:
    """A worker gets SIGABRT while identified bytes lie in quarantine, and then Orthanc SIGKILL."""
    ours = scene.pair.ours
    child = scene.start("run", "--verbose")
    deadline = time.monotonic() + 90
    workers: list[int] = []
    while not (workers and scene.identified()) and child.poll() is None and time.monotonic() < deadline:
        workers = [pid for pid in descendants(child.pid) if b"spawn_main" in command_lines([pid])]
        time.sleep(0.01)
    for pid in workers[:1]:
        os.kill(pid, signal.SIGABRT)
    scene.codes["aborted"] = len(workers)
    os.killpg(ours.process.child.pid, signal.SIGKILL)
    ours.process.child.wait()
    scene.end("interrupted", child)
    place = scene.root / "pacs" / "ours"
    settings = json.loads((place / "orthanc.json").read_text(encoding="utf-8"))
    scene.pair.ours = start_orthanc(place, port=settings["HttpPort"], password=ours.password, more=settings)


def _database(postgres: str, name: str) -> str:
    admin = create_engine(make_url(postgres), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return make_url(postgres).set(database=name).render_as_string(hide_password=False)


def _dump(url: str) -> bytes:
    binaries, place = find_postgres(), make_url(url).set(drivername="postgresql")
    assert binaries
    done = subprocess.run(
        [str(binaries / "pg_dump"), "--dbname", place.set(password=None).render_as_string(hide_password=False)],
        env={**os.environ, "PGPASSWORD": str(make_url(url).password)},
        capture_output=True,
        check=True,
    )
    return done.stdout


def told(leaks: list[Leak], root: Path) -> list[tuple[str, str]]:
    """Kind and place of each: a failing test must not print what it looks for."""
    return sorted({(leak.kind, str(leak.path.relative_to(root) if leak.path.is_relative_to(root) else leak.path))
                   for leak in leaks})[:20]  # fmt: skip


def test_each_failure_happened_and_the_release_came_all_the_same(scene: Scene) -> None:
    assert scene.codes["open-vault"] == 2
    assert "chmod -R go-rwx" in scene.said["open-vault"]
    assert scene.codes["aborted"] >= 1, "no worker held identified bytes"
    assert scene.codes["interrupted"] == 4, scene.said["interrupted"][-2000:]
    assert scene.codes["blocked"] == 3, scene.said["blocked"][-2000:]
    assert {name: scene.codes[name] for name in ("pull", "release", "train", "status") if scene.codes[name]} == {}
    assert scene.codes["library"] != 2
    assert "ValueError" in scene.said["library"] or "attempt" in scene.said["library"], scene.said["library"][-2000:]
    assert (scene.workspace.dataset / "release.json").exists()
    assert (scene.kept / "mlruns").is_dir()  # and so among what is searched
    assert (scene.kept / "register.sql").stat().st_size > 50_000
    assert (scene.kept / "prefect.sql").stat().st_size > 200_000


def test_nothing_that_was_planted_is_left_in_any_byte_of_what_the_tools_keep(scene: Scene) -> None:
    needles = Needles(item for item in scene.key.planted if item.kind in ALWAYS)
    leaks, searched = search(scene.kept, needles, skip=[scene.workspace.vault])
    leaks += search_bytes(git_objects(scene.workspace.root), needles, scene.kept / "git")
    assert searched > 5_000_000
    assert told(leaks, scene.kept) == []


def test_planted_dates_are_not_in_what_prefect_mlflow_and_the_commands_keep(scene: Scene) -> None:
    needles = Needles(item for item in scene.key.planted if item.kind is Kind.DATE)
    for name in ("prefect.sql", "mlflow.db"):
        leaks = search_bytes((scene.kept / name).read_bytes(), needles, scene.kept / name)
        assert told(leaks, scene.kept) == []
    leaks, _ = search(scene.kept / "printed", needles)
    assert told(leaks, scene.kept) == []


def test_no_command_line_said_who_or_a_password(scene: Scene) -> None:
    needles = Needles(item for item in scene.key.planted if item.kind in ALWAYS)
    assert b"spawn_main" in scene.lines
    assert told(search_bytes(scene.lines, needles, Path("cmdline")), scene.kept) == []
    values = (scene.environment["PREFECT_API_AUTH_STRING"].split(":")[1], scene.pair.ours.password)
    secret = (*values, str(make_url(scene.environment["SLUICE_REGISTER_URL"]).password))
    assert [name for name in secret if name.encode() in scene.lines] == []


def test_no_core_dump_and_no_identified_byte_is_left(scene: Scene) -> None:
    assert list(scene.workspace.quarantine.iterdir()) == []
    dumps = [*scene.root.rglob("core"), *scene.root.rglob("core.*"), *ROOT.glob("core"), *ROOT.glob("core.*")]
    assert [path for path in dumps if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"] == []
    assert scene.workspace.quarantine.stat().st_mode & 0o777 == scene.workspace.vault.stat().st_mode & 0o777 == 0o700
