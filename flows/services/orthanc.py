"""A small Orthanc of our own: for the demo, for tests and for `sluice up`. Start it, fill it, stop it.

Talking to an Orthanc as a source of images belongs in tasks/extract/orthanc.py.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx
from pyorthanc import Orthanc

from flows.services.ports import free_port
from flows.services.process import Process
from tasks.core.errors import ConfigurationError

USER = "sluice"
START_SECONDS = 15.0
UPLOAD_THREADS = 4
_BINARIES = ("/usr/sbin/Orthanc", "/usr/local/sbin/Orthanc")
_BINDS_LOOPBACK = (1, 12, 10)
_DICOMWEB = (
    "/usr/share/orthanc/plugins/libOrthancDicomWeb.so",
    "/usr/local/share/orthanc/plugins/libOrthancDicomWeb.so",
)


@dataclass
class OrthancService:
    """A running Orthanc. Stops with its `with` block, with `stop()`, or with the process that started it."""

    url: str
    user: str
    password: str = field(repr=False)
    process: Process = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What `tasks.extract` reads in order to use this server as its source."""
        return {
            "SLUICE_ORTHANC_URL": self.url,
            "SLUICE_ORTHANC_USER": self.user,
            "SLUICE_ORTHANC_PASSWORD": self.password,
        }

    def stop(self) -> None:
        """End the server; once it has ended this does nothing."""
        self.process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class UploadCount(NamedTuple):
    """How many files the server took, took before (`already`), and would not take."""

    accepted: int
    already: int
    refused: int


def find_orthanc() -> Path | None:
    """Orthanc's binary, on PATH or where Debian puts it."""
    found = shutil.which("Orthanc")
    places = [Path(found)] if found else [Path(place) for place in _BINARIES]
    return next((place for place in places if place.is_file()), None)


def start_orthanc(
    folder: Path, *, port: int | None = None, password: str | None = None, more: Mapping[str, Any] | None = None
) -> OrthancService:
    """Start Orthanc with its configuration (`more` laid over it), index and storage in `folder` (made, mode 0700).

    Call it from the main thread. An Orthanc stopped earlier goes on with what the folder holds. Raises
    `ConfigurationError` if Orthanc isn't installed, stops at once, or doesn't answer within 15 seconds.
    """
    binary = find_orthanc()
    if binary is None:
        raise ConfigurationError("Orthanc is not installed: run `sudo apt-get install orthanc orthanc-dicomweb`")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = password or secrets.token_urlsafe(24)
    if port:
        return _start(binary, folder, port, secret, more or {})
    try:
        return _start(binary, folder, free_port(), secret, more or {})
    except ConfigurationError:  # somebody else took the free port in between
        return _start(binary, folder, free_port(), secret, more or {})


def _start(binary: Path, folder: Path, port: int, password: str, more: Mapping[str, Any]) -> OrthancService:
    config = _write_config(folder, {**_configuration(folder, port, password), **more})
    process = Process.start("orthanc", [str(binary), str(config)], folder)
    service = OrthancService(f"http://127.0.0.1:{port}", USER, password, process)
    try:
        process.wait_until(lambda: _answers(service), START_SECONDS)
    except BaseException:
        process.stop()
        raise
    return service


def upload(service: OrthancService, folder: Path, progress: Callable[[int, int], None] | None = None) -> UploadCount:
    """POST every file under `folder` to the server over 4 connections; `progress(done, total)` after each.

    A file that the server refuses (not DICOM, damaged, without identity) is counted, not raised.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    outcomes: list[str] = []
    with connect(service) as client, ThreadPoolExecutor(UPLOAD_THREADS) as pool:
        for outcome in pool.map(lambda path: _send(client, path), paths):
            outcomes.append(outcome)
            if progress:
                progress(len(outcomes), len(paths))
    return UploadCount(outcomes.count("Success"), outcomes.count("AlreadyStored"), outcomes.count("refused"))


def wait_until_stable(service: OrthancService, seconds: float = 30.0) -> bool:
    """Wait until no series of the server still counts as arriving; False if that takes longer."""
    deadline = time.monotonic() + seconds
    with connect(service) as client:
        while any(not series["IsStable"] for series in client.get("/series", params={"expand": ""}).json()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
    return True


@contextmanager
def connect(service: OrthancService) -> Iterator[httpx.Client]:
    """An HTTP client of the server that returns raw responses and sends `Accept-Encoding: identity`."""
    with Orthanc(
        service.url,
        service.user,
        service.password,
        return_raw_response=True,
        base_url=service.url,
        headers={"Accept-Encoding": "identity"},
        timeout=60.0,
        trust_env=False,
    ) as client:
        yield client


def binds_every_interface(service: OrthancService) -> bool:
    """Whether this Orthanc is too old to bind loopback alone (before 1.12.10): it refuses who isn't local instead."""
    with connect(service) as client:
        version = str(client.get("/system").raise_for_status().json()["Version"])
    numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
    return bool(numbers) and numbers < _BINDS_LOOPBACK


def _send(client: httpx.Client, path: Path) -> str:
    content = path.read_bytes()
    if not content:
        return "refused"
    response = client.post("/instances", content=content)
    if not response.is_success:
        return "refused"
    reply: Any = response.json()
    if isinstance(reply, dict):
        return str(reply["Status"])
    states = {str(part["Status"]) for part in reply}  # a zip counts as one file, by its best part
    return "Success" if "Success" in states else "AlreadyStored" if states else "refused"


def _answers(service: OrthancService) -> bool:
    try:
        with connect(service) as client:
            return client.get("/system", timeout=2.0).is_success
    except httpx.HTTPError:
        return False


def _configuration(folder: Path, port: int, password: str) -> dict[str, Any]:
    return {
        "Name": "Sluice",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "TemporaryDirectory": str(_made(folder / "temporary")),
        "Plugins": [plugin for plugin in _DICOMWEB if Path(plugin).is_file()],
        "HttpPort": port,
        # Known from Orthanc 1.12.10 on. Older ones bind every interface, and then refuse who isn't local.
        "HttpBindAddresses": ["127.0.0.1"],
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: password},
        "HttpCompressionEnabled": False,  # gzip makes a download thirty times slower
        "WebDavEnabled": False,
        "DicomServerEnabled": False,
        "OverwriteInstances": False,
        "StableAge": 1,
        "SaveJobs": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def _write_config(folder: Path, configuration: dict[str, Any]) -> Path:
    path = folder / "orthanc.json"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as handle:
        json.dump(configuration, handle, indent=2)
    return path
