"""A release can be made again from its clone with the key and the source, and from the shell with `dvc repro`."""

from __future__ import annotations

import pytest

from tasks.core.workspace import Workspace
from tasks.record.releases.records import read_records
from tasks.record.releases.release import STAGES
from tasks.record.releases.reproduction import reproduce
from tests.support.runs import dvc

pytestmark = pytest.mark.services


def test_forcing_every_stage_changes_no_byte(study: Workspace) -> None:
    before = (study.root / "dvc.lock").read_bytes()
    assert "Running stage 'export'" in dvc(study.root, "repro", "--force")
    assert (study.root / "dvc.lock").read_bytes() == before


def test_reproduce_makes_the_release_again_and_leaves_nothing(released: Workspace) -> None:
    (record,) = read_records(released, released.settings.export.name)
    stages: list[str] = []
    found = reproduce(released, record, progress=stages.append)
    assert found.same
    assert found.first is None
    assert stages == [*STAGES, "compare"]
    assert list(released.scratch.glob("reproduce-*")) == []
