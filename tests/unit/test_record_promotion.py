"""The gate of promotion: each check by itself, what was not measured, and waivers."""

from __future__ import annotations

import pytest

from tasks.record.models.promotion import Check, ModelWaiver, Standing, judge
from tasks.record.withdrawals import Held

GOOD = Standing(
    name="m", version="2", run_id="r2", release="release/heart/v2", state="candidate", auc=0.9, low=0.8, leaks="none",
    shortcuts="none",
)  # fmt: skip
CHAMPION = GOOD.model_copy(update={"version": "1", "state": "champion", "low": 0.75})


def failed(checks: tuple[Check, ...]) -> dict[str, str]:
    return {check.name: check.sentence for check in checks if not check.lets_pass}


def test_a_sound_version_passes_with_and_without_a_champion() -> None:
    assert failed(judge(GOOD, CHAMPION, {})) == failed(judge(GOOD, None, {})) == {}
    assert [check.name for check in judge(GOOD, None, {})] == ["auc", "leaks", "shortcuts", "release"]


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        ({"low": 0.74}, "auc", "0.740, is under that of the champion v1, 0.750"),
        ({"low": None}, "auc", "has no interval"),
        ({"leaks": "shuffled-labels"}, "leaks", "leaks were found: shuffled-labels"),
        ({"leaks": "not looked for"}, "leaks", "were not looked for"),
        ({"leaks": None}, "leaks", "were not looked for"),
        ({"shortcuts": "manufacturer"}, "shortcuts", "found: manufacturer"),
    ],
)
def test_each_flaw_is_refused_and_named(change: dict[str, object], check: str, said: str) -> None:
    found = failed(judge(GOOD.model_copy(update=change), CHAMPION, {}))
    assert set(found) == {check}
    assert said in found[check]


def test_without_a_champion_chance_has_to_be_beaten() -> None:
    assert "under chance" in failed(judge(GOOD.model_copy(update={"low": 0.5}), None, {}))["auc"]
    assert failed(judge(GOOD.model_copy(update={"low": 0.75}), CHAMPION, {})) == {}


def test_a_release_that_somebody_left_is_refused() -> None:
    gone = {"release/heart/v2": Held(series=2, instances=9)}
    assert "9 instances of release/heart/v2" in failed(judge(GOOD, None, gone))["release"]
    assert failed(judge(GOOD, None, {"release/heart/v1": Held(series=2, instances=9)})) == {}


def test_a_waiver_lets_its_own_check_pass_and_no_other() -> None:
    waiver = ModelWaiver(check="shortcuts", reason="both scanners are used everywhere", by="study office")
    flawed = GOOD.model_copy(update={"shortcuts": "model", "leaks": "shuffled-labels"})
    checks = judge(flawed, None, {}, [waiver])
    assert set(failed(checks)) == {"leaks"}
    assert next(check for check in checks if check.name == "shortcuts").waiver == waiver
    assert all(check.waiver is None for check in judge(GOOD, None, {}, [waiver]))
