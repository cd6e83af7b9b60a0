"""Where events go: a log of JSON lines, or a stream of NATS JetStream. What an event is and when it counts as handed
over is in `outbox`.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tasks.core.errors import ConfigurationError
from tasks.core.workspace import Workspace
from tasks.record.outbox import Event, Sink, SinkDown

if TYPE_CHECKING:
    from nats.aio.client import Client

STREAM = "SLUICE"
"""The stream that is made where no stream takes our subjects; one that is there stays as its owner set it."""

_SECONDS = 5.0


def sink_of(workspace: Workspace) -> Sink:
    """The sink that `run.events` names."""
    address, name = workspace.settings.run.events, workspace.settings.export.name
    if address == "log":
        return LogSink(log_of(workspace))
    return NatsSink(address, f"sluice.{name}")


def log_of(workspace: Workspace) -> Path:
    """The log of events: one JSON object a line, oldest first."""
    return workspace.register.parent / "events.log"


class LogSink:
    """Appends JSON lines to a file, and returns when the disk has them."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __call__(self, events: Sequence[Event]) -> None:
        """Append `events`."""
        lines = "".join(json.dumps(event.model_dump(mode="json"), sort_keys=True) + "\n" for event in events)
        try:
            self._place.parent.mkdir(parents=True, exist_ok=True)
            with self._place.open("a+b") as handle:
                if handle.tell() and not _ends_whole(self._place):
                    handle.write(b"\n")  # a process died within a line: its events come again
                handle.write(lines.encode())
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            raise SinkDown(f"the log of events {self._place} cannot be written ({error.strerror})") from None


class NatsSink:
    """Publishes to JetStream as `<prefix>.<kind>` with Nats-Msg-Id, and returns when the server has acknowledged all.

    The server drops an event that it was sent twice within its window for duplicates (two minutes unless set).
    """

    def __init__(self, address: str, prefix: str) -> None:
        self._address = address
        self._prefix = prefix

    def __call__(self, events: Sequence[Event]) -> None:
        """Publish `events` in order."""
        try:
            import nats  # an extra: most sites need only the log
        except ModuleNotFoundError:
            raise ConfigurationError(
                "run.events names NATS, which needs its client: pip install 'sluice[nats]'"
            ) from None
        try:
            asyncio.run(self._publish(events))
        except (nats.errors.Error, OSError, TimeoutError) as error:
            host = urlsplit(self._address).hostname
            raise SinkDown(
                f"the NATS server on {host} took no events ({type(error).__name__}): start it with JetStream, or check "
                "run.events and SLUICE_NATS_USER, _PASSWORD or _CREDS; events wait and nothing else does"
            ) from None

    async def _publish(self, events: Sequence[Event]) -> None:
        client = await _connect(self._address)
        try:
            stream = client.jetstream(timeout=_SECONDS)
            await self._ensure_stream(stream)
            for event in events:
                await stream.publish(
                    f"{self._prefix}.{event.kind}",
                    json.dumps(event.model_dump(mode="json"), sort_keys=True).encode(),
                    headers={"Nats-Msg-Id": event.uid},
                )
        finally:
            await client.close()

    async def _ensure_stream(self, stream: Any) -> None:
        from nats.js.errors import NotFoundError

        try:
            await stream.find_stream_name_by_subject(f"{self._prefix}.run.started")
        except NotFoundError:
            await stream.add_stream(name=STREAM, subjects=["sluice.>"])


async def _connect(address: str) -> Client:
    import nats

    known = {"user": os.environ.get("SLUICE_NATS_USER"), "password": os.environ.get("SLUICE_NATS_PASSWORD")}
    options: dict[str, Any] = {name: value for name, value in known.items() if value}
    if credentials := os.environ.get("SLUICE_NATS_CREDS"):
        options["user_credentials"] = credentials

    async def silent(_error: Exception) -> None:
        """The library would print what we tell in one line."""

    connecting = nats.connect(
        address,
        connect_timeout=int(_SECONDS),
        allow_reconnect=False,
        max_reconnect_attempts=1,  # of the first connection too; zero would mean for ever
        reconnect_time_wait=0,
        error_cb=silent,
        name="sluice",
        **options,
    )
    return await asyncio.wait_for(connecting, 2 * _SECONDS)


def _ends_whole(place: Path) -> bool:
    with place.open("rb") as handle:
        handle.seek(-1, os.SEEK_END)
        return handle.read(1) == b"\n"
