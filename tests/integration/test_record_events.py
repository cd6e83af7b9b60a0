"""Events: to a log, and to a real NATS JetStream, at least once, in order, with pseudonyms only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.core.errors import ConfigurationError
from tasks.core.workspace import Workspace
from tasks.record.keeper import Keeper
from tasks.record.ledger import Ledger
from tasks.record.outbox import Event, SinkDown, publish, waiting
from tasks.record.sinks import LogSink, NatsSink, log_of, sink_of
from tests.support.ledger_cases import cohort, unit, walk
from tests.support.nats import PASSWORD, USER, find_nats, run_nats
from tests.support.places import with_params


@pytest.fixture
def ledger(workspace: Workspace) -> Iterator[Ledger]:
    with Ledger.open(workspace) as ledger:
        yield ledger


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    program = find_nats()
    if program is None:
        pytest.skip("NATS is not installed (apt-get install nats-server)")
    monkeypatch.setenv("SLUICE_NATS_USER", USER)
    monkeypatch.setenv("SLUICE_NATS_PASSWORD", PASSWORD)
    with run_nats(program) as address:
        yield address


def _kept(address: str) -> list[tuple[str, dict[str, Any]]]:
    """What the server holds: subject and content."""
    import nats

    async def read() -> list[tuple[str, dict[str, Any]]]:
        client = await nats.connect(address, user=USER, password=PASSWORD)
        stream = client.jetstream()
        count = (await stream.stream_info("SLUICE")).state.messages
        held = await stream.subscribe("sluice.>", ordered_consumer=True)
        found = []
        for _ in range(count):
            message = await held.next_msg(timeout=5)
            found.append((message.subject, json.loads(message.data)))
        await client.close()
        return found

    return asyncio.run(read())


def test_the_log_holds_each_event_as_a_line_in_order(workspace: Workspace, ledger: Ledger) -> None:
    ledger.register(cohort(unit("u0")))
    walk(ledger, unit("u0"))
    publish(ledger, sink_of(workspace), "a")
    lines = [json.loads(line) for line in log_of(workspace).read_text().splitlines()]
    assert [line["kind"] for line in lines] == [
        "unit.discovered",
        "unit.extracted",
        "unit.deidentified",
        "unit.transformed",
    ]
    assert set(lines[0]) == {"id", "uid", "at", "kind", "body"}


def test_a_line_that_a_crash_cut_does_not_spoil_the_next(tmp_path: Path) -> None:
    place = tmp_path / "events.log"
    place.write_bytes(b'{"id": 1, "ki')
    event = Event(id=1, uid="x", at="2026-01-01T00:00:00+00:00", kind="run.started", body={})
    LogSink(place)([event])
    assert json.loads(place.read_text().splitlines()[1])["id"] == 1


def test_a_keeper_hands_on_what_waits_when_it_ends(workspace: Workspace, ledger: Ledger) -> None:
    with Keeper(ledger, "a", 60, sink_of(workspace)):
        ledger.register(cohort(unit("u0")))
    assert waiting(ledger.database) == 0
    assert log_of(workspace).read_text().count("\n") == 1


@pytest.mark.nats
def test_jetstream_holds_each_event_once_even_if_it_was_sent_twice(ledger: Ledger, server: str) -> None:
    ledger.register(cohort(unit("u0")))
    walk(ledger, unit("u0"))
    sink, seen = NatsSink(server, "sluice.heart"), list[Event]()

    def sent_but_not_marked(events: Any) -> None:
        sink(events)
        seen.extend(events)
        raise SinkDown("the process dies here")

    with pytest.raises(SinkDown):
        publish(ledger, sent_but_not_marked, "a")
    assert publish(ledger, sink, "a") == 4
    kept = _kept(server)
    assert [subject for subject, _ in kept] == [f"sluice.heart.{event.kind}" for event in seen]
    assert [content["uid"] for _, content in kept] == [event.uid for event in seen]


@pytest.mark.nats
def test_events_wait_while_the_server_is_away(ledger: Ledger, tmp_path: Path, server: str) -> None:
    ledger.register(cohort(unit("u0")))
    with pytest.raises(SinkDown, match="took no events") as caught:
        publish(ledger, NatsSink("nats://127.0.0.1:9", "sluice.heart"), "a")
    assert "\n" not in str(caught.value)
    assert waiting(ledger.database) == 1
    assert publish(ledger, NatsSink(server, "sluice.heart"), "a") == 1


@pytest.mark.nats
def test_a_wrong_password_is_one_line_without_it(ledger: Ledger, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_NATS_PASSWORD", "letmein")
    ledger.register(cohort(unit("u0")))
    with pytest.raises(SinkDown) as caught:
        publish(ledger, NatsSink(server, "sluice.heart"), "a")
    assert "letmein" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("events", ["kafka://host", "nats://me:secret@host:4222", "logg"])
def test_an_address_that_cannot_be_meant_is_refused(workspace: Workspace, events: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = with_params(workspace, run={"events": events}).settings
    assert "secret" not in str(caught.value)
