"""OpenLineage: each stage tells what it reads and writes and how it ends; who listens may be away."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tasks.core.errors import ContractViolation
from tasks.core.workspace import Workspace
from tasks.record.models.openlineage import FLOWS, running
from tests.support.places import make_workspace, with_params
from tests.support.register_cases import release

PARENT = "0190b1a2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")


class Listener(HTTPServer):
    """Takes events at /api/v1/lineage, and answers as `status` says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: list[dict[str, Any]] = []
        self.tokens: list[str | None] = []
        self.status = 201

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/v1/lineage"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.events.append(json.loads(body))
        self.server.tokens.append(self.headers["Authorization"])
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def over(tmp_path: Path, target: str) -> Workspace:
    return with_params(make_workspace(tmp_path / "w"), record={"openlineage": target}, export={"name": "heart"})


def assert_shape(event: dict[str, Any]) -> None:
    """What OpenLineage.json 2-0-2 requires of a RunEvent, and of every facet."""
    assert set(event) == {"eventType", "eventTime", "run", "job", "inputs", "outputs", "producer", "schemaURL"}
    assert event["eventType"] in ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")
    assert TIME.fullmatch(event["eventTime"])
    assert UUID(event["run"]["runId"])
    assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    named = [event["job"], *event["inputs"], *event["outputs"]]
    assert all(one["namespace"] and one["name"] for one in named)
    for facet in (facet for one in (event["run"], *named) for facet in one["facets"].values()):
        assert facet["_producer"] == event["producer"]
        assert re.fullmatch(r"https://openlineage\.io/spec/facets/[\d-]+/(\w+)\.json#/\$defs/\1", facet["_schemaURL"])


def test_a_stage_that_ends_well_tells_start_and_complete_with_its_release(tmp_path: Path, listener: Listener) -> None:
    workspace = over(tmp_path, listener.address)
    with running(workspace, "record", PARENT) as told:
        told.result = release(3)
    first, last = listener.events
    for event in (first, last):
        assert_shape(event)
    assert (first["eventType"], last["eventType"]) == ("START", "COMPLETE")
    assert first["run"]["runId"] == last["run"]["runId"]
    assert last["run"]["facets"]["parent"]["run"]["runId"] == PARENT
    assert last["job"]["name"] == "heart.record"
    assert [one["name"] for one in last["inputs"]] == ["data/dataset"]
    facets = last["outputs"][0]["facets"]
    assert facets["version"]["datasetVersion"] == "release/heart/v3"
    assert facets["storage"]["storageLayer"] == "dvc:d.dir"


def test_a_stage_that_fails_tells_fail_with_our_words_and_raises_what_it_raised(
    tmp_path: Path, listener: Listener
) -> None:
    workspace = over(tmp_path, listener.address)
    with pytest.raises(ContractViolation), running(workspace, "curate"):
        raise ContractViolation("the gates block this")
    with pytest.raises(ValueError, match="Meier"), running(workspace, "curate"):
        raise ValueError("Meier, Anna")
    fails = [event for event in listener.events if event["eventType"] == "FAIL"]
    assert [event["run"]["facets"]["errorMessage"]["message"] for event in fails] == [
        "the gates block this", "ValueError",
    ]  # fmt: skip
    for event in fails:
        assert_shape(event)


def test_events_go_to_a_file_one_a_line(tmp_path: Path) -> None:
    workspace = over(tmp_path, "data/lineage.jsonl")
    for stage in FLOWS:
        with running(workspace, stage):
            pass
    lines = (workspace.data / "lineage.jsonl").read_text().splitlines()
    assert len(lines) == 2 * len(FLOWS)
    for line in lines:
        assert_shape(json.loads(line))


def test_a_token_is_sent_and_never_written(tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_OPENLINEAGE_TOKEN", "sesame")
    with running(over(tmp_path, listener.address), "export"):
        pass
    assert listener.tokens == ["Bearer sesame"] * 2
    assert "sesame" not in json.dumps(listener.events)


@pytest.mark.parametrize("status", [None, 500])
def test_a_listener_that_is_away_or_refuses_warns_once_and_the_work_goes_on(
    tmp_path: Path, listener: Listener, caplog: pytest.LogCaptureFixture, status: int | None
) -> None:
    listener.status = status or 500
    address = listener.address if status else "http://127.0.0.1:9/none"
    workspace, done = over(tmp_path, address), []
    for stage in ("curate", "export"):
        with running(workspace, stage):
            done.append(stage)
    assert done == ["curate", "export"]
    assert [record.getMessage().count("takes no events") for record in caplog.records] == [1]
    assert len(listener.events) == (1 if status else 0)


def test_without_the_setting_or_for_other_tasks_nothing_is_sent(tmp_path: Path, listener: Listener) -> None:
    with running(make_workspace(tmp_path / "plain"), "curate"):
        pass
    with running(over(tmp_path, listener.address), "search the PACS"):
        pass
    assert listener.events == []
