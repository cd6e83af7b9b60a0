"""The ledger: where each unit and item stands, what was done for it, and the sums. One transaction a call.

Releases and models are in `register`; how a database is opened and fails is in `database`; how a state follows from
outcomes is in `transitions`; who works on what is in `leases`, what failed in `attempts`, runs are in `runs`. Safe to
share between threads, and between processes that each open their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Self

from sqlalchemy import Connection, delete, func, insert, select, update

from tasks.core.errors import ContractViolation
from tasks.core.models import Cohort, Item, State, Tally, Unit, UnitResult
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.record.attempts import Attempts, clear
from tasks.record.database import Database
from tasks.record.items import REASONS, Held, chunks, event, outcomes_of, put_events, put_items, put_rows, read_items
from tasks.record.leases import Leases, check_lease
from tasks.record.runs import Runs
from tasks.record.schema import AttemptRow, CursorRow, ItemRow, StepRow, UnitRow
from tasks.record.transitions import FINAL_NAMES, REACHED, is_passed, later, order, unit_state

UNITLESS = ""
"""The unit of items that never became part of one."""


class Ledger(Leases, Attempts, Runs):
    """One workspace's ledger. `database` is for `register`, which keeps its tables in the same place.

    With a `holder` it enters only what was made of units that the holder has on lease.
    """

    def __init__(self, database: Database, holder: str | None = None) -> None:
        self.database = database
        self.holder = holder

    @classmethod
    def open(cls, workspace: Workspace) -> Self:
        """The ledger of `workspace`, brought to the newest schema; `ConfigurationError` where it cannot be reached."""
        return cls(Database.open(workspace))

    def held_by(self, holder: str) -> Ledger:
        """The same ledger for the work of `holder`; closing this one closes both."""
        return Ledger(self.database, holder)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def register(self, cohort: Cohort) -> None:
        """Enter the cohort's units and refused items. A unit whose fingerprint changed starts anew."""
        with self.database.write() as connection:
            known = _known(connection, cohort.units)
            new = [unit for unit in cohort.units if unit.unit not in known]
            changed = [unit for unit in cohort.units if unit.unit in known and known[unit.unit][0] != unit.fingerprint]
            for part in chunks(unit.unit for unit in changed):
                for table in (StepRow, AttemptRow, ItemRow, UnitRow):
                    connection.execute(delete(table).where(table.unit.in_(part)))
            state = State.DISCOVERED
            put_rows(connection, UnitRow, [unit.model_dump() | {"state": state.value} for unit in (*new, *changed)])
            put_events(connection, [event("register", unit.unit, None, None, state) for unit in new])
            put_events(connection, [event("register", unit.unit, None, known[unit.unit][1], state) for unit in changed])
            held = {row.item: row for row in read_items(connection, [UNITLESS])}
            put_items(connection, "extract", held, _said(UNITLESS, "extract", cohort.refused, held))

    def done(self, units: Iterable[Unit], stage: str, key: str | Mapping[str, str]) -> set[str]:
        """The units whose `stage` finished with `key` (one for all, or by unit) for their present fingerprint.

        Check that the output is still there too: the ledger does not look at files.
        """
        prints = {unit.unit: unit.fingerprint for unit in units}
        keys = dict.fromkeys(prints, key) if isinstance(key, str) else key
        with self.database.read() as connection:
            return {
                name
                for part in chunks(prints)
                for name, fingerprint, had in connection.execute(
                    select(StepRow.unit, StepRow.fingerprint, StepRow.key).where(
                        StepRow.unit.in_(part), StepRow.stage == stage
                    )
                )
                if fingerprint == prints[name] and had == keys.get(name)
            }

    def record(self, unit: Unit, stage: str, key: str, result: UnitResult) -> None:
        """Enter what `stage` made of `unit`: the step, its items' states, the unit's state, and the events.

        "extract" says anew which items the unit has; "deidentify" names them by item and gives each its sop; later
        stages name them by sop. Steps of later stages are forgotten, since they stood on what this one made before.
        Raises `ContractViolation` when the unit is unknown, or a later stage names an instance that isn't there, and
        `LeaseLost` when this ledger's holder no longer has the unit.
        """
        with self.database.write() as connection:
            if self.holder:
                check_lease(connection, unit.unit, self.holder)
            former = connection.execute(select(UnitRow.state).where(UnitRow.unit == unit.unit)).scalar()
            if former is None:
                raise ContractViolation(f"unit {unit.unit} was never registered: register the cohort before {stage}")
            held = {row.item: row for row in read_items(connection, [unit.unit])}
            if stage.startswith("extract"):
                gone = sorted(set(held) - {item.item for item in result.items})
                for part in chunks(gone):
                    connection.execute(delete(ItemRow).where(ItemRow.unit == unit.unit, ItemRow.item.in_(part)))
                held = {name: row for name, row in held.items() if name not in set(gone)}
            if order(stage) <= order("deidentify"):
                after = _said(unit.unit, stage, result.items, held)
            else:
                after = _said_by_sop(unit.unit, stage, result.items, held)
            put_items(connection, stage, held, after)
            states = {name: row.state for name, row in held.items()} | {row.item: row.state for row in after}
            state = unit_state(map(State, states.values()), REACHED.get(stage, State.RELEASED))
            if state != former:
                connection.execute(update(UnitRow).where(UnitRow.unit == unit.unit).values(state=state.value))
                put_events(connection, [event(stage, unit.unit, None, former, state)])
            forgotten = (stage, *later(stage))
            connection.execute(delete(StepRow).where(StepRow.unit == unit.unit, StepRow.stage.in_(forgotten)))
            step = {"unit": unit.unit, "stage": stage, "key": key, "digest": result.digest}
            connection.execute(insert(StepRow), [step | {"fingerprint": unit.fingerprint}])
            if not any(item.reason is Reason.SET_ASIDE for item in result.items):
                clear(connection, unit.unit, forgotten)

    def settle(
        self, cohort: Cohort, released: Collection[tuple[str, str]], dropped: Mapping[tuple[str, str], Reason]
    ) -> None:
        """Enter what a release holds: `released` are (unit, sop), `dropped` says why curation left such a one out.

        Instances that neither names go back to transformed, so that the sum shows them. Doing it again changes
        nothing. Raises `ContractViolation` when the release holds an instance that the ledger refused or never saw.
        """
        wanted, met = set(released), set[tuple[str, str]]()
        with self.database.write() as connection:
            former = _known(connection, cohort.units)
            by_unit: dict[str, dict[str, Held]] = {unit.unit: {} for unit in cohort.units}
            for row in read_items(connection, by_unit):
                by_unit[row.unit][row.item] = row
            for unit, held in by_unit.items():
                refused, kept = [], []
                for row in held.values():
                    if row.sop is None or not is_passed(row.state, row.passed, row.refused_by):
                        continue
                    if (unit, row.sop) in wanted:
                        met.add((unit, row.sop))
                        kept.append(row.told("export", Item(item=row.item, state=State.RELEASED), passed=True))
                    elif (unit, row.sop) in dropped:
                        outcome = Item.refused(row.item, dropped[unit, row.sop])
                        refused.append(row.told("curate", outcome, passed=True))
                    elif row.state == State.RELEASED or row.refused_by == "curate":
                        kept.append(row.told("export", Item(item=row.item, state=State.TRANSFORMED), passed=True))
                put_items(connection, "curate", held, refused)
                put_items(connection, "export", held, kept)
                states = {name: row.state for name, row in held.items()}
                states |= {row.item: row.state for row in (*refused, *kept)}
                state = unit_state(map(State, states.values()), State.RELEASED)
                if held and state != former[unit][1]:
                    connection.execute(update(UnitRow).where(UnitRow.unit == unit).values(state=state.value))
                    put_events(connection, [event("export", unit, None, former[unit][1], state)])
            if wanted - met:
                units = sorted({unit for unit, _ in wanted - met})
                raise ContractViolation(
                    f"the release holds {len(wanted - met)} instances that the ledger refused or never saw, first in "
                    f"unit {units[0]}: run again from extract"
                )

    def results(self, units: Iterable[Unit], stage: str) -> dict[str, UnitResult]:
        """What `stage` made of each unit that it finished: the outcome of the items it was given, and its digest."""
        digests = self.digests(units, stage)
        with self.database.read() as connection:
            items: dict[str, list[Held]] = {name: [] for name in sorted(digests)}
            for held in read_items(connection, items):
                items[held.unit].append(held)
        return {name: outcomes_of(name, stage, digests[name], rows) for name, rows in items.items()}

    def digests(self, units: Iterable[Unit], stage: str) -> dict[str, str | None]:
        """The digest of what `stage` made of each unit that it finished; None where it kept nothing."""
        digests: dict[str, str | None] = {}
        with self.database.read() as connection:
            for part in chunks(unit.unit for unit in units):
                steps = select(StepRow.unit, StepRow.digest).where(StepRow.unit.in_(part), StepRow.stage == stage)
                digests |= {row.unit: row.digest for row in connection.execute(steps)}
        return digests

    def states(self, units: Iterable[Unit]) -> dict[str, State]:
        """Where each unit stands; one that was never registered is missing."""
        with self.database.read() as connection:
            return {name: State(state) for name, (_, state) in _known(connection, units).items()}

    def tally(self, cohort: Cohort) -> Tally:
        """Counts of the cohort's items by outcome; what was selected and has none yet is pending."""
        counts: Counter[tuple[str, str | None]] = Counter()
        for of_unit in self._counts(cohort).values():
            counts += of_unit
        counts[State.WITHDRAWN.value, None] += cohort.withdrawn
        return _tally(cohort.expected, counts)

    def tallies_by_unit(self, cohort: Cohort) -> dict[str, Tally]:
        """The same by unit; items that never became part of a unit are under the empty name."""
        counts = self._counts(cohort)
        tallies = {unit.unit: _tally(unit.expected, counts.get(unit.unit, Counter())) for unit in cohort.units}
        if cohort.refused:
            tallies[UNITLESS] = _tally(len(cohort.refused), counts.get(UNITLESS, Counter()))
        return tallies

    def by_reason(self, cohort: Cohort) -> dict[Reason, int]:
        """How many items were refused for each reason, most frequent first."""
        reasons = self.tally(cohort).reasons
        return {REASONS[code]: count for code, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))}

    def cursor(self, name: str) -> int | None:
        """How far the change feed `name` was read, or None."""
        with self.database.read() as connection:
            value = connection.execute(select(CursorRow.value).where(CursorRow.name == name)).scalar()
            return None if value is None else int(value)

    def set_cursor(self, name: str, value: int) -> None:
        """Remember how far the change feed `name` was read; call it when what it listed is registered."""
        with self.database.write() as connection:
            connection.execute(delete(CursorRow).where(CursorRow.name == name))
            connection.execute(insert(CursorRow).values(name=name, value=value))

    def _counts(self, cohort: Cohort) -> dict[str, Counter[tuple[str, str | None]]]:
        counts: dict[str, Counter[tuple[str, str | None]]] = {}
        columns = (ItemRow.unit, ItemRow.state, ItemRow.reason)
        query = select(*columns, func.count()).group_by(*columns)
        with self.database.read() as connection:
            for part in chunks(unit.unit for unit in cohort.units):
                for unit, state, reason, count in connection.execute(query.where(ItemRow.unit.in_(part))):
                    counts.setdefault(unit, Counter())[state, reason] += count
            for part in chunks(item.item for item in cohort.refused):
                for unit, state, reason, count in connection.execute(
                    query.where(ItemRow.unit == UNITLESS, ItemRow.item.in_(part))
                ):
                    counts.setdefault(unit, Counter())[state, reason] += count
        return counts


def _known(connection: Connection, units: Iterable[Unit]) -> dict[str, tuple[str, str]]:
    """(fingerprint, state) by unit."""
    columns = (UnitRow.unit, UnitRow.fingerprint, UnitRow.state)
    return {
        name: (fingerprint, state)
        for part in chunks(unit.unit for unit in units)
        for name, fingerprint, state in connection.execute(select(*columns).where(UnitRow.unit.in_(part)))
    }


def _said(unit: str, stage: str, items: Iterable[Item], held: Mapping[str, Held]) -> list[Held]:
    after = []
    for item in items:
        former = held.get(item.item, Held(unit, item.item, "", None, None, None, False))
        after.append(former.told(stage, item, passed=item.reason is None))
    return after


def _said_by_sop(unit: str, stage: str, items: Iterable[Item], held: Mapping[str, Held]) -> list[Held]:
    by_sop: dict[str | None, list[Held]] = {}
    for row in held.values():
        if row.passed:
            by_sop.setdefault(row.sop, []).append(row)
    after, unknown = [], 0
    for item in items:
        rows = by_sop.get(item.sop or item.item, [])
        unknown += not rows
        after += [row.told(stage, item, passed=True) for row in rows]
    if unknown:
        raise ContractViolation(
            f"{stage} of unit {unit} names {unknown} instances that de-identification did not pass: "
            "de-identify the unit again"
        )
    return after


def _tally(expected: int, counts: Counter[tuple[str, str | None]]) -> Tally:
    states: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for (state, reason), count in counts.items():
        states[state] += count
        if reason is not None:
            reasons[reason] += count
    final = {name: states[name] for name in FINAL_NAMES}
    missing = expected - sum(states.values())
    pending = sum(states.values()) - sum(final.values()) + max(0, missing)
    return Tally(expected=expected, pending=pending, reasons=dict(sorted(reasons.items())), **final)
