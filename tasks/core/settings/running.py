"""How a run works, and where its records and releases go. Changes no byte of a release."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from tasks.core.models import Frozen


class RunSettings(Frozen):
    """How the work is cut and spread. Changes no byte of the result."""

    batch_instances: int = Field(500, ge=1, description="instances that one task carries at most")
    batch_bytes: int = Field(256 * 2**20, ge=1, description="bytes that one task carries at most")
    processes: int = Field(2, ge=1, le=256, description="processes that de-identify and transform")
    batches_in_flight: int = Field(3, ge=1, le=64, description="batches that a run has under way at a time")
    quarantine_bytes: int = Field(
        2 * 2**30,
        ge=1,
        description="bytes of the series that all runs of this workspace have under way at a time, which caps what is "
        "in quarantine; a single series above it goes alone",
    )
    fetching: int = Field(
        2, ge=1, le=64, description="batches that all runs of this workspace fetch at a time, to spare Orthanc"
    )
    lease_seconds: float = Field(
        120.0, ge=1, description="how long a series stays with a run that no longer says that it lives"
    )
    max_attempts: int = Field(
        3, ge=1, description="attempts at a series after which it is set aside and the rest goes on"
    )
    events: str = Field(
        "log",
        description="where events go: log (data/register/events.log), or nats://host:4222 (tls://) for NATS JetStream; "
        "its user and password are in SLUICE_NATS_USER and SLUICE_NATS_PASSWORD, or SLUICE_NATS_CREDS names a file",
    )

    @field_validator("events")
    @classmethod
    def _address(cls, events: str) -> str:
        if events == "log":
            return events
        parts = urlsplit(events)
        if parts.scheme not in ("nats", "tls") or not parts.hostname:
            raise ValueError("events must be log, nats://host:4222 or tls://host:4222")
        if parts.username or parts.password:
            raise ValueError("events must name no user or password: set SLUICE_NATS_USER and SLUICE_NATS_PASSWORD")
        return events


class RecordSettings(Frozen):
    """Versions and where their bytes go. Changes no byte of the result."""

    remote: str = Field(
        "",
        description="where DVC's bytes are copied after a release: a directory, ssh://host/path or s3://bucket/path; "
        "empty keeps them here. Credentials are in the SSH agent, or in AWS_* variables",
    )
    move_splits: bool = Field(
        False, description="let a new release put a patient into another split than the last one did"
    )
    openlineage: str = Field(
        "",
        description="where OpenLineage's events go: a file, relative to the workspace, or an http(s) URL; empty sends "
        "none. A token is in SLUICE_OPENLINEAGE_TOKEN",
    )

    @field_validator("openlineage")
    @classmethod
    def _listener(cls, openlineage: str) -> str:
        parts = urlsplit(openlineage)
        if "://" in openlineage and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("openlineage must be a file, or an http:// or https:// address")
        if parts.username or parts.password:
            raise ValueError("openlineage must name no user or password: set SLUICE_OPENLINEAGE_TOKEN")
        return openlineage

    @field_validator("remote")
    @classmethod
    def _known(cls, remote: str) -> str:
        parts = urlsplit(remote)
        if "://" in remote and (parts.scheme not in ("ssh", "s3") or not parts.hostname):
            raise ValueError("remote must be a directory, ssh://host/path or s3://bucket/path")
        if parts.password:
            raise ValueError("remote must name no password: use an SSH key or AWS_* variables")
        return remote
