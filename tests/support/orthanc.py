"""A real Orthanc for tests; where it is not installed the test is skipped with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.services.orthanc import OrthancService, connect, find_orthanc, start_orthanc


@contextmanager
def running_orthanc(place: Path) -> Iterator[OrthancService]:
    """An empty Orthanc that keeps its files in `place` and ends with the block."""
    if find_orthanc() is None:
        pytest.skip("Orthanc is not installed (apt-get install orthanc orthanc-dicomweb)")
    with start_orthanc(place) as service:
        yield service


def name_in_environment(service: OrthancService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Sluice find `service` for the time of a test."""
    for variable, value in service.environment.items():
        monkeypatch.setenv(variable, value)


def send(service: OrthancService, *contents: bytes) -> None:
    """Put instances into `service`."""
    with connect(service) as client:
        for content in contents:
            client.post("/instances", content=content).raise_for_status()
