"""A sample of `python -m tests.fuzz`: damaged and made-up files end with an outcome, in time, without a leak."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

from tasks.deidentify.parts import content as content_of
from tests.canary.check import PRESETS
from tests.canary.tokens import Mint
from tests.fuzz.batches import SIZE, kind_of, run
from tests.fuzz.crew import run as run_all
from tests.fuzz.judge import deidentifier, judge
from tests.fuzz.structures import left_of_the_name, structures

CASES = 250


def test_damaged_and_made_up_files_have_an_outcome_and_do_not_sing(tmp_path: Path) -> None:
    result = run_all(CASES, start=7, workers=1)
    for number, fault in enumerate(result.faults):
        (tmp_path / f"{number}.dcm").write_bytes(fault.content)
    assert [f"{fault.what} ({fault.name}, {fault.preset})" for fault in result.faults] == [], f"files in {tmp_path}"
    assert result.cases == CASES
    # A fuzz run in which nothing is released, or nothing refused, proves nothing.
    released = sum(count for (_, outcome), count in result.counts.items() if outcome == "released")
    assert 0.1 * CASES < released < 0.9 * CASES


@pytest.mark.parametrize("preset", PRESETS)
def test_no_structure_carries_a_name_through(preset: str, tmp_path: Path) -> None:
    outcomes: list[str] = []

    @seed(11)
    @settings(max_examples=80, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(structures())
    def holds(content: bytes) -> None:
        source = tmp_path / "source.dcm"
        source.write_bytes(content)
        outcome = deidentifier(preset).deidentify(source, "item", scratch=tmp_path)
        outcomes.append("released" if outcome.reason is None else outcome.reason.code)
        if outcome.reason is None:
            assert left_of_the_name(content_of(outcome.parts)) == []

    holds()
    # It proves something only where most are released.
    assert outcomes.count("released") > len(outcomes) / 2, sorted(set(outcomes))


def test_the_planted_name_is_found_where_it_stays() -> None:
    assert left_of_the_name(b"..QUENSTEDTOVA..") == ["Quenstedtova as ascii"]
    assert left_of_the_name("zdravomila".encode("utf-16-le")) == ["Zdravomila as utf-16-le"]
    assert left_of_the_name(b"Sluice") == []


def test_a_batch_is_the_same_each_time() -> None:
    for number in (0, 1, 19):
        first: list[bytes] = []
        again: list[bytes] = []
        run(number, 3, lambda case, kept=first: kept.append(case[1]))
        run(number, 3, lambda case, kept=again: kept.append(case[1]))
        assert len(first) == SIZE, kind_of(number)
        assert first == again


def test_a_canary_that_stays_is_a_fault(tmp_path: Path, monkeypatch: object) -> None:
    """The judge itself, with an engine that copies."""
    from tasks.deidentify import file as engine
    from tasks.deidentify.parts import whole
    from tests.canary import cases
    from tests.fuzz import judge as room

    class Copier:
        def deidentify(self, source: Path, item: str, scratch: Path) -> engine.Outcome:
            return engine.Outcome(item, None, "1", "2", "p", whole(source))

    assert hasattr(monkeypatch, "setattr")
    monkeypatch.setattr(room, "deidentifier", lambda preset: Copier())
    file, mint = cases.plain()
    assert judge(file.content(), mint, "basic", tmp_path).fault.startswith("leak")
    assert judge(file.content(), Mint(), "basic", tmp_path).fault == ""
    assert judge(b"no DICOM at all" * 20, Mint(), "basic", tmp_path).fault.startswith("malformed")
