"""The typed values: sums that balance only when they should, and refusals that end where their reason says."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.core.errors import QuarantineUnit
from tasks.core.models import FINAL, Cohort, Item, State, Tally, Unit, UnitResult, Verdict, Verdicts
from tasks.core.reasons import Disposition, Reason

OUTCOMES = st.lists(st.tuples(st.sampled_from(State), st.none() | st.sampled_from(list(Reason))), max_size=30)


@given(OUTCOMES, st.integers(-2, 2))
def test_a_tally_counts_each_item_once_and_balances_only_when_all_are_final(
    outcomes: list[tuple[State, Reason | None]], more: int
) -> None:
    tally = Tally.of(len(outcomes) + more, outcomes)
    final = tally.released + tally.quarantined + tally.skipped + tally.withdrawn
    assert final + tally.pending == len(outcomes)
    assert tally.pending == sum(state not in FINAL for state, _ in outcomes)
    assert sum(tally.reasons.values()) == sum(reason is not None for _, reason in outcomes)
    assert tally.balances == (more == 0 and all(state in FINAL for state, _ in outcomes))


@pytest.mark.parametrize("reason", list(Reason))
def test_a_refused_item_ends_where_its_reason_says(reason: Reason) -> None:
    item = Item.refused("i", reason)
    quarantined = reason.disposition is Disposition.QUARANTINED
    assert item.state is (State.QUARANTINED if quarantined else State.SKIPPED)
    assert Reason.of(reason.code) is reason
    assert Item.model_validate_json(item.model_dump_json()) == item
    assert UnitResult(unit="u", items=(item, Item(item="j", state=State.EXTRACTED))).kept == 1


def test_a_reason_passes_between_processes() -> None:
    error = pickle.loads(pickle.dumps(QuarantineUnit(Reason.DECODE_FAILED)))
    assert isinstance(error, QuarantineUnit)
    assert error.reason is Reason.DECODE_FAILED
    assert Reason.DECODE_FAILED.sentence in str(error)


def test_a_cohort_expects_what_lies_in_series_and_what_never_came_into_one() -> None:
    unit = Unit(unit="u", patient="p", study="s", modality="CT", expected=5, bytes=1, fingerprint="f")
    refused = Item.refused("i", Reason.NOT_DICOM)
    assert Cohort(key_id="k", criteria="c", units=(unit, unit), refused=(refused,)).expected == 11


def test_only_a_critical_rule_that_failed_blocks() -> None:
    rules = tuple(
        Verdict(suite="s", rule=f"{severity}-{passed}", severity=severity, passed=passed, rows=1, sentence="")
        for severity in ("critical", "warning", "info")
        for passed in (True, False)
    )
    assert [rule.rule for rule in Verdicts(rules=rules).blocking] == ["critical-False"]


def test_values_are_frozen_and_refuse_what_they_do_not_know() -> None:
    item = Item(item="i", state=State.EXTRACTED)
    with pytest.raises(ValidationError):
        item.state = State.RELEASED  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Item.model_validate({"item": "i", "state": "extracted", "patient_name": "x"})
