"""A sample of `python -m tests.fuzz`: damaged and made-up files end with an outcome, in time, without a leak."""

from __future__ import annotations

import os
from pathlib import Path

from tests.canary.tokens import Mint
from tests.fuzz.batches import SIZE, kind_of, run
from tests.fuzz.crew import run as run_all
from tests.fuzz.judge import judge

CASES = 1500


def test_damaged_and_made_up_files_have_an_outcome_and_do_not_sing(tmp_path: Path) -> None:
    result = run_all(CASES, start=7, workers=min(4, os.cpu_count() or 1))
    for number, fault in enumerate(result.faults):
        (tmp_path / f"{number}.dcm").write_bytes(fault.content)
    assert [f"{fault.what} ({fault.name}, {fault.preset})" for fault in result.faults] == [], f"files in {tmp_path}"
    assert result.cases == CASES
    # A fuzz run in which nothing is released, or nothing refused, proves nothing.
    released = sum(count for (_, outcome), count in result.counts.items() if outcome == "released")
    assert 0.1 * CASES < released < 0.9 * CASES


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
