"""`make torture` in small: the harness disturbs what it says, and sees what is wrong."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from flows.services.orthanc import find_orthanc
from tests.support.postgres import find_postgres
from tests.torture import kills, outages
from tests.torture.__main__ import torture
from tests.torture.boundaries import LEDGER, Point, points
from tests.torture.play import Play
from tests.torture.row import table
from tests.torture.scenarios import Scenario
from tests.torture.victim import find

pytestmark = [pytest.mark.services, pytest.mark.orthanc, pytest.mark.postgres]

BOUNDARY = Point("record deidentify", f"{LEDGER}.record", "after", 3, "^deidentify$", whom="group")


def test_every_boundary_is_a_function_that_there_is() -> None:
    for point in points():
        owner, name = find(point.target)
        assert callable(getattr(owner, name, None)), point.title


def _spoilt(play: Play) -> None:
    """The undisturbed release, changed by somebody, without its books: the comparison must say so."""
    shutil.copytree(play.ground.reference.root, play.workspace.root, dirs_exist_ok=True, symlinks=True)
    with (play.workspace.dataset / "README.md").open("a") as card:
        card.write("changed\n")


def test_disturbed_runs_end_as_an_undisturbed_one_and_a_spoilt_one_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_orthanc() is None or find_postgres() is None:
        pytest.skip("Orthanc or PostgreSQL is not installed: make services")
    monkeypatch.setattr("tests.torture.__main__.WARM_UP", ())
    chosen = [
        Scenario("boundary", kills.at(BOUNDARY)),
        Scenario("network", outages.network("drops", seed=1)),
        Scenario("spoilt", _spoilt, postgres=False),
    ]
    boundary, network, spoilt = torture(tmp_path, chosen, jobs=2)
    assert boundary.good, boundary
    assert (boundary.disturbed, boundary.restarts) == (1, 1)
    assert network.good, network
    assert network.disturbed > 0
    assert not spoilt.good
    assert spoilt.bytes == ("1 files of the dataset differ, first README.md",)
    assert spoilt.books
    text = table([boundary, network, dataclasses.replace(spoilt, faults=("a | b",))], 1.0)
    assert "2 of 3 scenarios" in text
    assert "a / b" in text
