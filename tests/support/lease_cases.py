"""What must hold of leases, attempts, runs and the outbox on every database. Subclasses say which one it is."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

import tasks.record.database as database_module
from tasks.core.errors import LeaseLost
from tasks.core.models import Item, State, UnitResult
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.record.holder import is_gone, new_holder
from tasks.record.ledger import Ledger
from tasks.record.outbox import Event, SinkDown, publish, waiting
from tests.support.ledger_cases import cohort, deidentified, extracted, unit, walk

UNITS = [unit(f"u{number}") for number in range(4)]
NAMES = {one.unit for one in UNITS}


def lease_and_die(root: Path, seconds: float) -> None:
    """In another process: take all units, open a run, and end without a word."""
    ledger, holder = Ledger.open(Workspace(root)), new_holder()
    ledger.open_run("11111111-1111-1111-1111-111111111111", holder, seconds)
    ledger.lease(UNITS, holder, seconds)
    os._exit(1)


def die_with_leases(root: Path, seconds: float) -> None:
    child = multiprocessing.get_context("spawn").Process(target=lease_and_die, args=(root, seconds))
    child.start()
    child.join()
    assert child.exitcode == 1


class LeaseCases:
    """Each test gets `ledger`, freshly migrated and empty, in `workspace`."""

    def test_a_unit_has_one_holder_until_it_is_released(self, ledger: Ledger) -> None:
        assert ledger.lease(UNITS[:2], "a", 60) == {"u0", "u1"}
        assert ledger.lease(UNITS, "b", 60) == {"u2", "u3"}
        assert ledger.lease(UNITS, "a", 60) == {"u0", "u1"}
        ledger.release(UNITS, "b")
        assert ledger.lease(UNITS, "a", 60) == NAMES
        assert {holder for holder, _ in ledger.leased(UNITS).values()} == {"a"}

    def test_what_is_on_lease_stays_within_a_number_of_bytes(self, ledger: Ledger) -> None:
        units = [one.model_copy(update={"bytes": 10}) for one in UNITS]
        ledger.register(cohort(*units))
        assert ledger.lease_within(5, units[:1], "a", 60) == {"u0"}  # one alone may be above it
        assert ledger.lease_within(19, units[1:2], "b", 60) is None
        assert ledger.lease_within(20, units[1:2], "b", 60) == {"u1"}
        ledger.release(units, "a")
        assert ledger.lease_within(20, units[2:3], "a", 60) == {"u2"}
        assert ledger.lease_within(20, units[3:], "a", 60) is None

    def test_a_place_is_for_one_at_a_time_and_free_again_after_a_death(self, ledger: Ledger) -> None:
        in_place: list[str] = []

        def work(holder: str) -> None:
            with ledger.held_by(holder).place("source", 1, 60):
                in_place.append(holder)
                assert len(in_place) == 1
                time.sleep(0.05)
                in_place.remove(holder)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, ["a", "a", "b", "c"]))
        dead = ledger.held_by("dead").place("source", 1, 0.3)
        dead.__enter__()
        started = time.monotonic()
        work("d")
        assert time.monotonic() - started > 0.2

    def test_a_lease_that_is_not_renewed_ends_and_one_that_is_does_not(self, ledger: Ledger) -> None:
        ledger.lease(UNITS[:2], "dead", 0.2)
        ledger.lease(UNITS[2:], "alive", 0.2)
        assert ledger.renew("alive", 60) == 2
        time.sleep(0.25)
        assert set(ledger.leased(UNITS)) == {"u2", "u3"}
        assert ledger.lease(UNITS, "next", 60) == {"u0", "u1"}
        assert ledger.renew("dead", 60) == 0
        assert [(one.unit, one.stage, one.attempts) for one in ledger.attempts(UNITS)] == [
            ("u0", "interrupted", 1),
            ("u1", "interrupted", 1),
        ]

    def test_many_who_take_at_once_share_without_overlap(self, ledger: Ledger) -> None:
        many = [unit(f"m{number}") for number in range(60)]

        def take(holder: str) -> list[str]:
            return [name for start in range(0, 60, 7) for name in ledger.lease(many[start : start + 7], holder, 60)]

        with ThreadPoolExecutor(4) as pool:
            got = list(pool.map(take, ["a", "b", "c", "d"]))
        assert sorted(name for names in got for name in names) == sorted(one.unit for one in many)

    def test_who_lost_a_unit_enters_nothing_of_it(self, ledger: Ledger) -> None:
        one = unit("u0")
        ledger.register(cohort(one))
        mine = ledger.held_by("slow")
        with pytest.raises(LeaseLost, match="u0 was taken over"):
            mine.record(one, "extract", "k", extracted("u0"))
        ledger.lease([one], "slow", 0.05)
        mine.record(one, "extract", "k", extracted("u0"))
        time.sleep(0.1)
        assert ledger.lease([one], "quick", 60) == {"u0"}
        with pytest.raises(LeaseLost):
            mine.record(one, "deidentify", "k", deidentified("u0"))
        assert ledger.states([one]) == {"u0": State.EXTRACTED}
        ledger.held_by("quick").record(one, "deidentify", "k", deidentified("u0"))
        assert ledger.states([one]) == {"u0": State.DEIDENTIFIED}

    def test_a_dead_process_is_closed_at_once_and_its_units_come_back(
        self, ledger: Ledger, workspace: Workspace
    ) -> None:
        living = new_holder()
        run = ledger.open_run("22222222-2222-2222-2222-222222222222", living, 3600)
        die_with_leases(workspace.root, 3600)
        assert ledger.lease(UNITS, living, 60) == set()
        (lost,) = ledger.close_lost_runs(is_gone)
        assert (lost.flow_run, lost.certain, lost.series) == ("11111111-1111-1111-1111-111111111111", True, 4)
        assert ledger.lease(UNITS, living, 60) == NAMES
        assert ledger.close_lost_runs(is_gone) == ()
        ledger.close_run(run, "failed")
        assert ledger.leased(UNITS) == {}

    def test_a_silent_run_of_another_machine_is_lost_but_not_for_certain(self, ledger: Ledger) -> None:
        ledger.open_run(None, "mffffffffffff/1/1/00000000", 0.05)
        ledger.lease(UNITS, "mffffffffffff/1/1/00000000", 3600)
        time.sleep(0.1)
        (lost,) = ledger.close_lost_runs(is_gone)
        assert (lost.certain, lost.series) == (False, 4)

    def test_leases_of_the_gone_are_returned_and_others_stay(self, ledger: Ledger, workspace: Workspace) -> None:
        die_with_leases(workspace.root, 3600)
        ledger.lease([unit("other")], "mffffffffffff/1/1/00000000", 3600)
        assert ledger.return_leases(is_gone) == 4
        assert set(ledger.leased([*UNITS, unit("other")])) == {"other"}

    def test_failures_are_counted_by_stage_until_it_passes(self, ledger: Ledger) -> None:
        one = unit("u0")
        ledger.register(cohort(one))
        assert [ledger.fail(one, "deidentify", "unexpected-error") for _ in range(2)] == [1, 2]
        assert ledger.fail(one, "extract", "source-failed") == 1
        assert [(a.stage, a.attempts, a.reason) for a in ledger.attempts([one])] == [
            ("deidentify", 2, "unexpected-error"),
            ("extract", 1, "source-failed"),
        ]
        ledger.record(one, "extract", "k", extracted("u0"))
        assert ledger.attempts([one]) == ()  # the stages that passed, and those that stood on them

    def test_a_unit_set_aside_keeps_its_count_and_is_opened_again(self, ledger: Ledger) -> None:
        one, other = unit("u0"), unit("u1")
        ledger.register(cohort(one, other))
        walk(ledger, other)
        ledger.fail(one, "deidentify", "unexpected-error")
        aside = UnitResult(unit="u0", items=tuple(Item.refused(f"u0.i{n}", Reason.SET_ASIDE) for n in range(2)))
        ledger.record(one, "extract", "k", aside)
        ledger.record(one, "deidentify", "k", aside)
        assert ledger.done([one], "deidentify", "k") == {"u0"}
        assert ledger.attempts([one])[0].attempts == 1
        assert ledger.tally(cohort(one)).balances
        assert ledger.reopen(Reason.DECODE_FAILED) == 0
        assert ledger.reopen(Reason.SET_ASIDE) == 1
        assert ledger.done([one], "deidentify", "k") == set()
        assert ledger.states([one, other]) == {"u0": State.DISCOVERED, "u1": State.TRANSFORMED}
        assert ledger.attempts([one]) == ()
        assert ledger.tally(cohort(one)).pending == 2
        ledger.record(one, "extract", "k", extracted("u0"))
        assert ledger.results([one], "extract")["u0"].kept == 2

    def test_events_reach_the_sink_once_and_in_order(self, ledger: Ledger) -> None:
        got: list[Event] = []
        ledger.register(cohort(unit("u0")))
        walk(ledger, unit("u0"))
        assert publish(ledger, got.extend, "a") == 4
        assert publish(ledger, got.extend, "a") == 0
        assert [event.kind for event in got] == [
            "unit.discovered",
            "unit.extracted",
            "unit.deidentified",
            "unit.transformed",
        ]
        assert [event.id for event in got] == sorted(event.id for event in got)
        assert got[-1].body == {"unit": "u0", "stage": "transform", "before": "deidentified", "after": "transformed"}
        assert len({event.uid for event in got}) == 4

    def test_what_a_sink_did_not_take_comes_again(self, ledger: Ledger) -> None:
        ledger.register(cohort(*UNITS))

        def broken(_events: Sequence[Event]) -> None:
            raise SinkDown("no")

        with pytest.raises(SinkDown):
            publish(ledger, broken, "a")
        assert waiting(ledger.database) == 4
        assert publish(ledger, lambda _events: None, "b") == 4

    def test_an_event_is_entered_with_what_it_tells_or_not_at_all(self, ledger: Ledger) -> None:
        ledger.register(cohort(unit("u0")))
        before = waiting(ledger.database)
        with pytest.raises(LeaseLost):
            ledger.held_by("nobody").record(unit("u0"), "extract", "k", extracted("u0"))
        assert waiting(ledger.database) == before

    def test_one_process_publishes_at_a_time(self, ledger: Ledger) -> None:
        ledger.register(cohort(*UNITS))
        inner: list[int] = []
        publish(ledger, lambda _events: inner.append(publish(ledger, lambda _again: None, "b")), "a")
        assert inner == [0]

    def test_runs_are_told_with_their_sums(self, ledger: Ledger) -> None:
        got: list[Event] = []
        run = ledger.open_run("flow", new_holder(), 60)
        ledger.close_run(run, "completed", ledger.tally(cohort()))
        publish(ledger, got.extend, "a")
        assert [event.kind for event in got] == ["run.started", "run.ended"]
        assert got[1].body["tally"]["expected"] == 0

    def test_a_register_of_the_first_schema_is_migrated_with_what_is_in_it(
        self, ledger: Ledger, workspace: Workspace
    ) -> None:
        run = ledger.open_run("flow")
        ledger.register(cohort(*UNITS))
        with ledger.database.write() as connection:
            config = Config()
            config.set_main_option("script_location", str(database_module._MIGRATIONS))
            config.set_main_option("path_separator", "os")
            config.attributes["connection"] = connection
            command.downgrade(config, "0001")
        with Ledger.open(workspace) as again:
            assert set(again.states(UNITS)) == NAMES
            (lost,) = again.close_lost_runs(is_gone)
            assert (lost.run, lost.certain) == (run, True)  # an older Sluice held the workspace alone
