"""How states follow from outcomes: plain rules, no database.

An item's state is what the last stage said of it. A unit's state is derived from its items: where the least advanced
of those that are still on their way stands, else the best final outcome.
"""

from __future__ import annotations

from collections.abc import Iterable

from tasks.core.models import State

STAGES = ("extract", "extract+deidentify", "deidentify", "transform", "curate", "export")
"""In their order: to record one forgets the later ones, since they stood on what it made before."""

REACHED = {
    "extract": State.EXTRACTED,
    "extract+deidentify": State.DEIDENTIFIED,
    "deidentify": State.DEIDENTIFIED,
    "transform": State.TRANSFORMED,
    "curate": State.TRANSFORMED,
    "export": State.RELEASED,
}
"""The state of an item that passed a stage."""

FINAL_NAMES = ("released", "quarantined", "skipped", "withdrawn")
"""The final states, best first, as `Tally` names them."""

_WAY = (State.DISCOVERED, State.EXTRACTED, State.DEIDENTIFIED, State.TRANSFORMED)


def order(stage: str) -> int:
    """The place of `stage` on the way; a stage that isn't known stands at the end."""
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def later(stage: str) -> tuple[str, ...]:
    """The stages after `stage`."""
    return STAGES[order(stage) + 1 :]


def unit_state(items: Iterable[State], otherwise: State) -> State:
    """The state of a unit whose items have these states; `otherwise` where it has none."""
    states = set(items)
    for state in (*_WAY, *map(State, FINAL_NAMES)):
        if state in states:
            return state
    return otherwise


def is_passed(state: str, passed: bool, refused_by: str | None) -> bool:
    """Whether a release may hold the item: it went through transform, and at most curation left it out before."""
    return passed and refused_by in (None, "curate") and state != State.WITHDRAWN
