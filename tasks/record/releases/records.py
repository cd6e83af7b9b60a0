"""What is kept of each release in data/releases, in git: the record, its signature, and finding one by its tag.

Publishing is in `release`; the bytes that a record speaks of are in `stored`.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from tasks.core.errors import ConfigurationError
from tasks.core.files import write_json
from tasks.core.models import Frozen, Tally
from tasks.core.workspace import Workspace


class Statement(Frozen):
    """What is signed. `checksums` and `record` are the SHA-256 of checksums.sha256 and of the record's digest form."""

    format: Literal["sluice-release-1"] = "sluice-release-1"
    tag: str
    content: str
    checksums: str
    record: str


class Signature(Frozen):
    """A statement with its Ed25519 signature (RFC 8032); key and signature in hexadecimal."""

    statement: Statement
    public_key: str
    signature: str


class Record(Frozen):
    """What data/releases/<name>-v<N>.json says of a release. `commit` holds the locks and parameters it was made of.

    `manifest` is the dataset's release.json. `environment` is what could change bytes and did run (`environment`),
    `signer` the fingerprint of the key that signed. Records of older versions lack the last four.
    """

    tag: str
    name: str
    number: int
    content: str
    dvc: str
    dvc_outputs: dict[str, str]
    commit: str
    code: str
    key_id: str
    flow_run: str | None
    created: str
    tally: Tally
    manifest: dict[str, Any]
    waivers: tuple[dict[str, Any], ...] = ()
    environment: dict[str, str] = Field({})
    signer: str | None = None
    signed: Signature | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of the record without its signature, as canonical JSON."""
        content = self.model_dump(mode="json", exclude={"signed"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def read_records(workspace: Workspace, name: str) -> list[Record]:
    """The records of the releases of `name`, oldest first."""
    try:
        found = [
            Record.model_validate_json(place.read_text(encoding="utf-8"))
            for place in workspace.releases.glob(f"{name}-v*.json")
        ]
    except ValidationError:
        raise ConfigurationError(f"a record in {workspace.releases} is damaged: take it from git again") from None
    return sorted((record for record in found if record.name == name), key=lambda record: record.number)


def find_record(workspace: Workspace, asked: str) -> Record:
    """The record of the release that is asked for as release/<name>/v2, <name>/v2, v2, 2 or latest.

    Raises `ConfigurationError` that names the releases there are.
    """
    shape = re.fullmatch(r"(?:(?:release/)?([a-z0-9][a-z0-9_-]*)/)?v?(\d+|latest)", asked)
    name = (shape and shape[1]) or workspace.settings.export.name
    records = read_records(workspace, name)
    if shape and records and shape[2] == "latest":
        return records[-1]
    for record in records:
        if shape and shape[2].isdigit() and record.number == int(shape[2]):
            return record
    known = f"there are {records[0].tag} to v{records[-1].number}" if records else "there is none yet: `sluice run`"
    raise ConfigurationError(f"no release {asked} here; {known}")


def place_of(workspace: Workspace, record: Record) -> Path:
    """Where the record lies."""
    return workspace.releases / f"{record.name}-v{record.number}.json"


def write_record(workspace: Workspace, record: Record) -> None:
    """Write the record into data/releases; committing it is up to the caller."""
    write_json(place_of(workspace, record), record.model_dump(mode="json"))
