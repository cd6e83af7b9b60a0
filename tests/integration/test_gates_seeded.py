"""Each seeded defect is stopped by the rule that is meant for it and by nothing unrelated; clean variants are not.

`make gates` does the same on a hospital that went through the stages, with all variants, and prints the table.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gates.clean import CLEAN, Clean
from tests.gates.ground import SUITES, Ground, blocking, made_up
from tests.gates.seeded import SEEDED, Seeded

CRITICAL = {
    f"{suite.name}/{rule.meta.rule}" for suite in SUITES for rule in suite.expectations if rule.severity == "critical"
}
CHOSEN = [CLEAN[number] for number in (1, 3, 4, 8)]  # the others are judged by `make gates`


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return made_up(tmp_path_factory.mktemp("gates") / "workspace")


def test_the_ground_is_good(ground: Ground) -> None:
    assert [name for name, verdict in ground.verdicts.items() if not verdict.passed] == []


def test_thirty_defects_and_more_stop_a_release() -> None:
    assert len(SEEDED) >= 30
    assert {seeded.rule for seeded in SEEDED} <= CRITICAL


@pytest.mark.parametrize("seeded", SEEDED, ids=lambda seeded: seeded.what.replace(" ", "-"))
def test_a_defect_is_stopped_by_its_rule_and_by_nothing_unrelated(ground: Ground, seeded: Seeded) -> None:
    fails = ground.fails_of(seeded.plant(ground.curated), seeded.k)
    assert seeded.rule in fails
    assert set(fails) <= {seeded.rule, *seeded.also}


@pytest.mark.parametrize("variant", CHOSEN, ids=lambda variant: variant.what.replace(" ", "-"))
def test_no_gate_stops_a_clean_variant(tmp_path: Path, variant: Clean) -> None:
    assert blocking(variant.verdicts(tmp_path / "clean")) == ()
