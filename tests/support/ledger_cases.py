"""What must hold of the ledger and the register on every database. Subclasses say which one `url` is."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, event, func, select

from tasks.core.errors import ContractViolation
from tasks.core.models import Cohort, Item, State, Unit, UnitResult
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.record.funnel import funnel
from tasks.record.ledger import Ledger
from tasks.record.schema import Base, EventRow
from tasks.record.sightings import Seen, Sighting, forget_changed, note_sightings, read_marks, read_sightings


def unit(name: str, expected: int = 2, fingerprint: str = "f") -> Unit:
    return Unit(
        unit=name,
        patient=f"p{name}",
        study=f"s{name}",
        modality="CT",
        expected=expected,
        bytes=1,
        fingerprint=fingerprint,
    )


def cohort(*units: Unit, refused: tuple[Item, ...] = ()) -> Cohort:
    return Cohort(key_id="k", criteria="c", units=units, refused=refused)


def extracted(name: str, count: int = 2) -> UnitResult:
    return UnitResult(unit=name, items=tuple(Item(item=f"{name}.i{n}", state=State.EXTRACTED) for n in range(count)))


def deidentified(name: str, count: int = 2, refused: int = 0) -> UnitResult:
    kept = [Item(item=f"{name}.i{n}", state=State.DEIDENTIFIED, sop=f"{name}.sop{n}") for n in range(count - refused)]
    left = [Item.refused(f"{name}.i{n}", Reason.BURNED_IN_RISK) for n in range(count - refused, count)]
    return UnitResult(unit=name, items=(*kept, *left), digest=f"zip-{name}")


def transformed(name: str, count: int = 2, refused: int = 0) -> UnitResult:
    sops = [f"{name}.sop{n}" for n in range(count)]
    kept = [Item(item=sop, state=State.TRANSFORMED, sop=sop) for sop in sops[: count - refused]]
    left = [Item.refused(sop, Reason.DECODE_FAILED, sop) for sop in sops[count - refused :]]
    return UnitResult(unit=name, items=(*kept, *left), digest=f"png-{name}")


def walk(ledger: Ledger, one: Unit) -> None:
    count = one.expected
    ledger.record(one, "extract", "k", extracted(one.unit, count))
    ledger.record(one, "deidentify", "k", deidentified(one.unit, count))
    ledger.record(one, "transform", "k", transformed(one.unit, count))


def events(ledger: Ledger) -> int:
    with ledger.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(EventRow)).scalar_one())


def open_and_register(root: Path, number: int) -> str:
    """In another process: open the register and enter a unit of its own."""
    with Ledger.open(Workspace(root)) as ledger:
        ledger.register(cohort(unit(f"u{number}")))
        ledger.record(unit(f"u{number}"), "extract", "k", extracted(f"u{number}"))
    return f"u{number}"


class LedgerCases:
    """Each test gets `ledger`, freshly migrated and empty, in `workspace`."""

    def test_the_migrations_make_exactly_the_tables_that_the_schema_declares(self, ledger: Ledger) -> None:
        with ledger.database.write() as connection:
            assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []

    def test_a_unit_goes_through_all_states_and_each_transition_is_an_event(self, ledger: Ledger) -> None:
        one = unit("u1")
        ledger.register(cohort(one))
        seen = [ledger.states([one])["u1"]]
        for stage, result in (
            ("extract", extracted("u1")),
            ("deidentify", deidentified("u1")),
            ("transform", transformed("u1")),
        ):
            ledger.record(one, stage, "k", result)
            seen.append(ledger.states([one])["u1"])
        ledger.settle(cohort(one), {("u1", "u1.sop0"), ("u1", "u1.sop1")}, {})
        seen.append(ledger.states([one])["u1"])
        assert seen == [State.DISCOVERED, State.EXTRACTED, State.DEIDENTIFIED, State.TRANSFORMED, State.RELEASED]
        assert events(ledger) == 5 + 2 * 4  # the unit's states, and each item's

    def test_registering_again_changes_nothing(self, ledger: Ledger) -> None:
        chosen = cohort(unit("u1"), refused=(Item.refused("x", Reason.NOT_DICOM),))
        ledger.register(chosen)
        walk(ledger, unit("u1"))
        before = events(ledger), ledger.tally(chosen)
        ledger.register(chosen)
        assert (events(ledger), ledger.tally(chosen)) == before

    def test_a_changed_fingerprint_sets_the_unit_back_and_forgets_its_steps(self, ledger: Ledger) -> None:
        old, new = unit("u1"), unit("u1", expected=3, fingerprint="g")
        ledger.register(cohort(old))
        walk(ledger, old)
        assert ledger.done([old], "transform", "k") == {"u1"}
        ledger.register(cohort(new))
        assert ledger.states([new]) == {"u1": State.DISCOVERED}
        assert ledger.done([new], "extract", "k") == set()
        assert ledger.tally(cohort(new)).pending == 3

    def test_done_asks_for_key_and_fingerprint(self, ledger: Ledger) -> None:
        one, two = unit("u1"), unit("u2")
        ledger.register(cohort(one, two))
        walk(ledger, one)
        walk(ledger, two)
        assert ledger.done([one, two], "transform", "k") == {"u1", "u2"}
        assert ledger.done([one, two], "transform", "other") == set()
        assert ledger.done([unit("u1", fingerprint="g")], "transform", "k") == set()
        assert ledger.done([one, two], "transform", {"u1": "k", "u2": "other"}) == {"u1"}

    def test_doing_a_stage_again_forgets_the_later_ones(self, ledger: Ledger) -> None:
        one = unit("u1")
        ledger.register(cohort(one))
        walk(ledger, one)
        ledger.record(one, "deidentify", "k2", deidentified("u1"))
        assert ledger.done([one], "transform", "k") == set()
        assert ledger.done([one], "extract", "k") == {"u1"}
        assert ledger.states([one]) == {"u1": State.DEIDENTIFIED}

    def test_extracting_again_replaces_the_items(self, ledger: Ledger) -> None:
        one = unit("u1", expected=3)
        ledger.register(cohort(one))
        ledger.record(one, "extract", "k", extracted("u1", 2))
        ledger.record(one, "extract", "k", UnitResult(unit="u1", items=(Item(item="new", state=State.EXTRACTED),)))
        assert [item.item for item in ledger.results([one], "extract")["u1"].items] == ["new"]

    def test_results_come_back_as_they_were_recorded_also_after_later_stages(self, ledger: Ledger) -> None:
        one = unit("u1", expected=4)
        ledger.register(cohort(one))
        given = {
            "extract": extracted("u1", 4),
            "deidentify": deidentified("u1", 4, refused=1),
            "transform": transformed("u1", 3, refused=1),
        }
        for stage, result in given.items():
            ledger.record(one, stage, "k", result)
        ledger.settle(cohort(one), {("u1", "u1.sop0")}, {("u1", "u1.sop1"): Reason.DUPLICATE_PIXELS})
        for stage, result in given.items():
            assert ledger.results([one], stage)["u1"] == result

    def test_the_tally_counts_each_item_once_and_names_reasons(self, ledger: Ledger) -> None:
        one = unit("u1", expected=4)
        chosen = cohort(one, unit("u2", expected=5), refused=(Item.refused("x", Reason.NOT_DICOM),))
        ledger.register(chosen)
        ledger.record(one, "extract", "k", extracted("u1", 4))
        ledger.record(one, "deidentify", "k", deidentified("u1", 4, refused=1))
        ledger.record(one, "transform", "k", transformed("u1", 3, refused=1))
        ledger.settle(chosen, {("u1", "u1.sop0")}, {("u1", "u1.sop1"): Reason.DUPLICATE_PIXELS})
        tally = ledger.tally(chosen)
        assert (tally.expected, tally.released, tally.quarantined, tally.skipped) == (10, 1, 2, 2)
        assert tally.pending == 5
        assert not tally.balances
        by_unit = ledger.tallies_by_unit(chosen)
        assert by_unit["u1"].balances
        assert not by_unit["u2"].balances
        assert by_unit[""].skipped == 1
        assert ledger.by_reason(chosen) == {
            Reason.BURNED_IN_RISK: 1, Reason.DECODE_FAILED: 1, Reason.DUPLICATE_PIXELS: 1, Reason.NOT_DICOM: 1,
        }  # fmt: skip

    def test_an_item_too_many_breaks_the_balance(self, ledger: Ledger) -> None:
        one = unit("u1", expected=1)
        ledger.register(cohort(one))
        ledger.record(one, "extract", "k", extracted("u1", 2))
        ledger.record(one, "deidentify", "k", deidentified("u1", 2, refused=2))
        assert not ledger.tally(cohort(one)).balances

    def test_units_outside_the_cohort_are_not_counted(self, ledger: Ledger) -> None:
        ledger.register(cohort(unit("u1"), unit("u2"), refused=(Item.refused("x", Reason.NOT_DICOM),)))
        walk(ledger, unit("u1"))
        walk(ledger, unit("u2"))
        assert ledger.tally(cohort(unit("u1"))).expected == 2
        assert ledger.tally(cohort(unit("u1"))).skipped == 0

    def test_settling_again_changes_nothing_and_a_withdrawn_duplicate_comes_back(self, ledger: Ledger) -> None:
        one = unit("u1")
        ledger.register(cohort(one))
        walk(ledger, one)
        both, first = {("u1", "u1.sop0"), ("u1", "u1.sop1")}, {("u1", "u1.sop0")}
        ledger.settle(cohort(one), first, {("u1", "u1.sop1"): Reason.DUPLICATE_PIXELS})
        before = events(ledger)
        ledger.settle(cohort(one), first, {("u1", "u1.sop1"): Reason.DUPLICATE_PIXELS})
        assert events(ledger) == before
        ledger.settle(cohort(one), both, {})
        assert ledger.tally(cohort(one)).released == 2
        ledger.settle(cohort(one), first, {})
        assert ledger.tally(cohort(one)).pending == 1  # nobody says what became of the second

    def test_a_release_cannot_hold_what_the_ledger_refused(self, ledger: Ledger) -> None:
        one = unit("u1")
        ledger.register(cohort(one))
        ledger.record(one, "extract", "k", extracted("u1"))
        ledger.record(one, "deidentify", "k", deidentified("u1"))
        ledger.record(one, "transform", "k", transformed("u1", 2, refused=1))
        with pytest.raises(ContractViolation, match="refused or never saw, first in unit u1"):
            ledger.settle(cohort(one), {("u1", "u1.sop0"), ("u1", "u1.sop1")}, {})
        assert ledger.tally(cohort(one)).released == 0

    def test_the_same_sop_refused_as_a_duplicate_stays_refused(self, ledger: Ledger) -> None:
        one = unit("u1")
        ledger.register(cohort(one))
        ledger.record(one, "extract", "k", extracted("u1"))
        twin = Item.refused("u1.i1", Reason.DUPLICATE_BYTES, "u1.sop0")
        kept = Item(item="u1.i0", state=State.DEIDENTIFIED, sop="u1.sop0")
        ledger.record(one, "deidentify", "k", UnitResult(unit="u1", items=(kept, twin)))
        ledger.record(one, "transform", "k", transformed("u1", 1))
        ledger.settle(cohort(one), {("u1", "u1.sop0")}, {})
        tally = ledger.tally(cohort(one))
        assert (tally.released, tally.skipped) == (1, 1)
        assert tally.balances

    def test_a_stage_cannot_name_what_was_never_passed_to_it(self, ledger: Ledger) -> None:
        one = unit("u1")
        with pytest.raises(ContractViolation, match="never registered"):
            ledger.record(one, "extract", "k", extracted("u1"))
        ledger.register(cohort(one))
        ledger.record(one, "extract", "k", extracted("u1"))
        ledger.record(one, "deidentify", "k", deidentified("u1", refused=1))
        with pytest.raises(ContractViolation, match="names 1 instances"):
            ledger.record(one, "transform", "k", transformed("u1", 2))
        assert ledger.states([one]) == {"u1": State.DEIDENTIFIED}  # nothing of it was entered

    def test_fetching_and_deidentifying_may_be_recorded_as_one_stage(self, ledger: Ledger) -> None:
        one = unit("u1")
        ledger.register(cohort(one))
        ledger.record(one, "extract+deidentify", "k", deidentified("u1", refused=1))
        ledger.record(one, "transform", "k", transformed("u1", 1))
        assert ledger.results([one], "extract+deidentify")["u1"] == deidentified("u1", refused=1)
        assert ledger.tally(cohort(one)).quarantined == 1

    def test_runs_and_cursors_are_kept(self, ledger: Ledger) -> None:
        first, second = ledger.open_run("flow"), ledger.open_run()
        assert second > first
        ledger.close_run(first, "completed", ledger.tally(cohort()))
        assert ledger.cursor("changes") is None
        ledger.set_cursor("changes", 2**40)
        ledger.set_cursor("changes", 2**40 + 1)
        assert ledger.cursor("changes") == 2**40 + 1

    def test_a_thousand_units_are_registered_and_summed_within_a_second(self, ledger: Ledger) -> None:
        many = cohort(*(unit(f"u{number}", expected=1) for number in range(1000)))
        started = time.process_time()
        ledger.register(many)
        assert ledger.tally(many).pending == 1000
        assert len(ledger.tallies_by_unit(many)) == 1000
        assert time.process_time() - started < 1

    def test_five_hundred_items_are_recorded_with_few_statements(self, ledger: Ledger) -> None:
        big = unit("big", expected=500)
        ledger.register(cohort(big))
        statements: list[str] = []

        def count(*args: object) -> None:
            statements.append(str(args[2]))

        event.listen(Engine, "before_cursor_execute", count)
        try:
            walk(ledger, big)
        finally:
            event.remove(Engine, "before_cursor_execute", count)
        assert len(statements) < 40  # three stages
        assert ledger.results([big], "transform")["big"].kept == 500

    def test_the_funnel_counts_how_far_each_instance_came(self, ledger: Ledger) -> None:
        refused = (Item.refused("x", Reason.NOT_DICOM), Item.refused("y", Reason.NOT_DICOM))
        chosen = cohort(unit("u1", 3), unit("u2", 2), unit("u3", 2), refused=refused)
        ledger.register(chosen)
        ledger.record(unit("u1", 3), "extract", "k", extracted("u1", 3))
        ledger.record(unit("u1", 3), "deidentify", "k", deidentified("u1", 3, refused=1))
        ledger.record(unit("u1", 3), "transform", "k", transformed("u1", 2, refused=1))
        ledger.record(unit("u2"), "extract", "k", extracted("u2"))
        way = funnel(ledger, chosen)
        assert (way.expected, way.extracted, way.deidentified, way.transformed, way.released) == (9, 5, 2, 1, 0)
        assert way.refused == {"burned-in-risk": 1, "decode-failed": 1, "not-dicom": 2}
        assert way.series == {"burned-in-risk": 1, "decode-failed": 1, "not-dicom": 0}

    def test_sightings_are_renewed_and_marks_stay_until_they_are_said_anew(self, ledger: Ledger) -> None:
        database = ledger.database
        first = Sighting(unit="u1", state=Seen.THERE, here=2, changed=1)
        note_sightings(database, [first, Sighting(unit="u2", state=Seen.ARRIVING)], {"u1": {"a": 1, "b": 2}})
        note_sightings(database, [first.model_copy(update={"here": 3})], {})
        assert read_sightings(database)["u1"].here == 3
        assert set(read_sightings(database, (Seen.ARRIVING,))) == {"u2"}
        assert read_marks(database, ["u1", "u2"]) == {"u1": {"a": 1, "b": 2}}
        assert forget_changed(database) == 1
        assert read_marks(database, ["u1"]) == {}
        assert read_sightings(database)["u1"].changed == 0

    def test_a_unit_that_is_kept_is_not_opened_again(self, ledger: Ledger) -> None:
        chosen = [unit("u1"), unit("u2")]
        ledger.register(cohort(*chosen))
        for one in chosen:
            ledger.record(one, "extract", "k", extracted(one.unit))
            ledger.record(one, "deidentify", "k", deidentified(one.unit, refused=1))
        assert ledger.reopen(Reason.BURNED_IN_RISK, keep={"u1"}) == 1
        assert ledger.states(chosen) == {"u1": State.DEIDENTIFIED, "u2": State.DISCOVERED}

    def test_threads_share_a_ledger(self, ledger: Ledger) -> None:
        units = [unit(f"u{number}") for number in range(12)]
        ledger.register(cohort(*units))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda one: walk(ledger, one), units))
        assert set(ledger.states(units).values()) == {State.TRANSFORMED}

    def test_processes_open_a_new_register_at_once(self, workspace: Workspace) -> None:
        with multiprocessing.get_context("fork").Pool(4) as pool:
            names = pool.starmap(open_and_register, [(workspace.root, number) for number in range(4)])
        with Ledger.open(workspace) as ledger:
            found = ledger.states([unit(name) for name in names])
        assert found == dict.fromkeys(names, State.EXTRACTED)
