"""Fetching a unit: one outcome for each item, private files, and a source that fails is told from an item that does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tasks.core.closing import Closing
from tasks.core.errors import ContractViolation, TransientSourceError
from tasks.core.models import Cohort, State, Unit
from tasks.core.reasons import Reason
from tasks.extract.criteria import Criteria, Header
from tasks.extract.fetch import ATTEMPTS, fetch_unit
from tasks.extract.select import Selection
from tasks.extract.source import DamagedAtSource, Handle, Listing, MissingAtSource

UNIT = Unit(unit="u1", patient="p1", study="s1", modality="CT", expected=3, bytes=9, fingerprint="f")
SELECTION = Selection(
    Cohort(key_id="k", criteria="c", units=(UNIT,)), {"u1": tuple(Handle(f"i{n}", f"at{n}", 3) for n in range(3))}
)


class ScriptedSource(Closing):
    """Gives abc for each item, except that `script` names what happens on each attempt at a locator."""

    def __init__(self, script: dict[str, list[bytes | Exception]] | None = None, *, alive: bool = True) -> None:
        self.script = script or {}
        self.asked: list[str] = []
        self.is_alive = alive

    def list_series(self, criteria: Criteria, *, since_change: int | None = None) -> Listing:
        return Listing(())

    def list_studies(self, criteria: Criteria) -> Sequence[Header]:
        return []

    def alive(self) -> bool:
        return self.is_alive

    def fetch(self, handle: Handle) -> Iterator[bytes]:
        self.asked.append(handle.locator)
        planned = self.script.get(handle.locator)
        outcome = b"abc" if not planned else planned.pop(0) if len(planned) > 1 else planned[0]
        if isinstance(outcome, Exception):
            yield b"a"
            raise outcome
        yield outcome[:2]
        yield outcome[2:]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def test_every_item_arrives_in_private_files_and_what_was_left_is_gone(tmp_path: Path) -> None:
    (tmp_path / "u1").mkdir()
    (tmp_path / "u1" / "left.dcm").write_bytes(b"of a killed run")
    result = fetch_unit(ScriptedSource(), SELECTION, UNIT, tmp_path)
    assert [(item.item, item.state) for item in result.items] == [(f"i{n}", State.EXTRACTED) for n in range(3)]
    assert sorted(path.name for path in (tmp_path / "u1").iterdir()) == ["i0.dcm", "i1.dcm", "i2.dcm"]
    assert (tmp_path / "u1" / "i0.dcm").read_bytes() == b"abc"
    assert (tmp_path / "u1").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "u1" / "i0.dcm").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("trouble", "reason", "attempts"),
    [
        (MissingAtSource("gone"), Reason.INCOMPLETE, 1),
        (DamagedAtSource("crc"), Reason.BAD_ARCHIVE, 1),
        (b"ab", Reason.INCOMPLETE, ATTEMPTS),
        (b"abcd", Reason.INCOMPLETE, ATTEMPTS),
        (TransientSourceError("500"), Reason.TRANSFER_FAILED, ATTEMPTS),
    ],
)
def test_one_item_that_fails_is_refused_and_leaves_no_bytes(
    tmp_path: Path, trouble: bytes | Exception, reason: Reason, attempts: int
) -> None:
    source = ScriptedSource({"at1": [trouble]})
    result = fetch_unit(source, SELECTION, UNIT, tmp_path)
    assert [item.reason for item in result.items] == [None, reason, None]
    assert len(result.items) == UNIT.expected
    assert source.asked.count("at1") == attempts
    assert sorted(path.name for path in (tmp_path / "u1").iterdir()) == ["i0.dcm", "i2.dcm"]


def test_a_passing_failure_is_tried_again(tmp_path: Path) -> None:
    source = ScriptedSource({"at1": [TransientSourceError("reset"), b"a", b"abc"]})
    assert fetch_unit(source, SELECTION, UNIT, tmp_path).kept == 3
    assert (tmp_path / "u1" / "i1.dcm").read_bytes() == b"abc"


@pytest.mark.parametrize("trouble", [b"ab", TransientSourceError("500")])
def test_what_may_pass_costs_no_instance_while_there_are_attempts_left(
    tmp_path: Path, trouble: bytes | Exception
) -> None:
    with pytest.raises(TransientSourceError):
        fetch_unit(ScriptedSource({"at1": [trouble]}), SELECTION, UNIT, tmp_path, final=False)
    assert not list(tmp_path.iterdir()), "a folder that is there is taken for all that came"
    gone = ScriptedSource({"at1": [MissingAtSource("gone")]})
    assert fetch_unit(gone, SELECTION, UNIT, tmp_path, final=False).kept == 2  # asking again would not bring it


def test_a_source_that_is_down_fails_the_unit_so_that_it_is_tried_later(tmp_path: Path) -> None:
    with pytest.raises(TransientSourceError):
        fetch_unit(ScriptedSource({"at1": [TransientSourceError("refused")]}, alive=False), SELECTION, UNIT, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_unit_that_was_not_selected_is_a_broken_contract(tmp_path: Path) -> None:
    for unit in (UNIT.model_copy(update={"unit": "u2"}), UNIT.model_copy(update={"expected": 4})):
        with pytest.raises(ContractViolation):
            fetch_unit(ScriptedSource(), SELECTION, unit, tmp_path)
