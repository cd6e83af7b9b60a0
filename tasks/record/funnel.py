"""How far the instances of a cohort came: a few statements whatever its size."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import ColumnElement, func, select

from tasks.core.models import Cohort, Frozen, State
from tasks.record.items import chunks
from tasks.record.ledger import UNITLESS, Ledger
from tasks.record.schema import ItemRow
from tasks.record.transitions import REACHED, order

_STAGES = ("extract", "deidentify", "transform", "export")


class Funnel(Frozen):
    """Instances that came at least so far, and those that left the way, by reason code."""

    expected: int
    extracted: int
    deidentified: int
    transformed: int
    released: int
    refused: dict[str, int]
    series: dict[str, int]


def funnel(ledger: Ledger, cohort: Cohort) -> Funnel:
    """The funnel of `cohort`; `series` counts, by reason, the series with such instances, where they have one."""
    reached: Counter[State] = Counter()
    refused: Counter[str] = Counter()
    series: Counter[str] = Counter()
    columns = (ItemRow.state, ItemRow.reason, ItemRow.refused_by)
    query = select(*columns, func.count(), func.count(func.nullif(ItemRow.unit, UNITLESS).distinct())).group_by(
        *columns
    )
    wheres: list[ColumnElement[bool]] = [ItemRow.unit.in_(part) for part in chunks(unit.unit for unit in cohort.units)]
    wheres += [
        (ItemRow.unit == UNITLESS) & ItemRow.item.in_(part) for part in chunks(item.item for item in cohort.refused)
    ]
    with ledger.database.read() as connection:
        for where in wheres:
            for state, reason, refused_by, count, units in connection.execute(query.where(where)):
                for name in _passed(State(state), refused_by):
                    reached[name] += count
                if reason is not None:
                    refused[reason] += count
                    series[reason] += units
    return Funnel(
        expected=cohort.expected,
        extracted=reached[State.EXTRACTED],
        deidentified=reached[State.DEIDENTIFIED],
        transformed=reached[State.TRANSFORMED],
        released=reached[State.RELEASED],
        refused=dict(sorted(refused.items())),
        series=dict(sorted(series.items())),
    )


def _passed(state: State, refused_by: str | None) -> list[State]:
    """The states that an item in `state` has been in, or passed over."""
    way = [REACHED[stage] for stage in _STAGES]
    if refused_by is not None:
        return [REACHED[stage] for stage in _STAGES if order(stage) < order(refused_by)]
    return way[: way.index(state) + 1] if state in way else []
