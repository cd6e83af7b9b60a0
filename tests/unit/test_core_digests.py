"""Digests of files are remembered while the file stays, and read again when it changes."""

from __future__ import annotations

import hashlib
import json
import os

from tasks.core.digests import file_digests
from tasks.core.workspace import Workspace


def test_a_file_that_stays_is_read_once(workspace: Workspace) -> None:
    place = workspace.deidentified / "a.zip"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"first")
    with file_digests(workspace) as digests:
        assert digests.of(place) == hashlib.sha256(b"first").hexdigest()
    note = workspace.scratch / "digests.json"
    known = json.loads(note.read_text())
    known["deidentified/a.zip"][0] = "remembered"
    note.write_text(json.dumps(known))
    with file_digests(workspace) as digests:
        assert digests.of(place) == "remembered"


def test_a_file_that_changed_is_read_again(workspace: Workspace) -> None:
    place = workspace.deidentified / "a.zip"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"first")
    with file_digests(workspace) as digests:
        digests.of(place)
        place.write_bytes(b"other")
        os.utime(place, ns=(1, 1))
        assert digests.of(place) == hashlib.sha256(b"other").hexdigest()


def test_files_that_are_gone_are_forgotten_and_a_damaged_note_costs_only_time(workspace: Workspace) -> None:
    place = workspace.deidentified / "a.zip"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"first")
    note = workspace.scratch / "digests.json"
    note.write_text("{ damaged")
    with file_digests(workspace) as digests:
        digests.of(place)
        place.unlink()
    assert json.loads(note.read_text()) == {}
