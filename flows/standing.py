"""How a workspace stands, as values: what `sluice status` prints and `--json` gives to machines. Pseudonyms and counts.

It costs a fixed number of statements and no request to any server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from flows.at_source import AtSource, Pictured
from flows.change_feed import looked_fully
from flows.remedies import GO_ON, Stuck, command_of
from tasks.core.cohort import read_cohort
from tasks.core.models import Cohort, Frozen, State, Tally
from tasks.core.reasons import Reason
from tasks.core.verdicts import read_verdicts
from tasks.core.workspace import Workspace
from tasks.record.attempts import INTERRUPTED
from tasks.record.funnel import Funnel, funnel
from tasks.record.holder import described
from tasks.record.ledger import Ledger
from tasks.record.outbox import waiting
from tasks.record.register import releases
from tasks.record.releases.remote import unpushed


class Standing(Frozen):
    """All of it. `listed` is when the whole source was listed last (ISO 8601, UTC)."""

    funnel: Funnel
    tally: Tally
    series: dict[str, int]
    source: AtSource
    stuck: tuple[Stuck, ...]
    listed: str | None
    releases: tuple[str, ...]


def standing_of(workspace: Workspace, ledger: Ledger, cohort: Cohort | None = None) -> Standing:
    """How `workspace` stands now."""
    cohort = cohort or read_cohort(workspace)
    tally, states = ledger.tally(cohort), ledger.states(cohort.units)
    pictured = Pictured(workspace, ledger)
    listed = looked_fully(workspace, ledger)
    way = funnel(ledger, cohort)
    stuck = [
        *_at_work(ledger, cohort, states),
        *_failed(ledger, cohort, workspace.settings.run.max_attempts),
        *pictured.stuck(),
        *_refused(way),
        *_blocked(workspace, ledger),
        *_not_pushed(workspace, ledger),
    ]
    return Standing(
        funnel=way,
        tally=tally,
        series={state.value: count for state in State if (count := Counter(states.values())[state])},
        source=pictured.counts(),
        stuck=tuple(stuck),
        listed=datetime.fromtimestamp(listed, UTC).isoformat() if listed else None,
        releases=tuple(release.tag for release in releases(ledger, workspace.settings.export.name)),
    )


def _at_work(ledger: Ledger, cohort: Cohort, states: dict[str, State]) -> Iterator[Stuck]:
    leased = ledger.leased(cohort.units)
    for holder, count in sorted(Counter(holder for holder, _ in leased.values()).items()):
        why = f"at work: {described(holder)}"
        yield Stuck(what="at work", series=count, instances=None, why=why, remedy="wait for it", command=None)
    on_the_way = (State.DISCOVERED, State.EXTRACTED, State.DEIDENTIFIED, State.TRANSFORMED)
    for state in on_the_way:
        units = [unit for unit in cohort.units if states.get(unit.unit) is state and unit.unit not in leased]
        if units:
            instances = sum(unit.expected for unit in units)
            why = "nobody works on them: the run ended before they were done, or they were opened again"
            if state is State.TRANSFORMED:
                why = "done, and in no release yet: the run ended before it, or a gate stopped it"
            yield Stuck(
                what=state.value, series=len(units), instances=instances, why=why, remedy="it goes on", command=GO_ON
            )


def _failed(ledger: Ledger, cohort: Cohort, limit: int) -> Iterator[Stuck]:
    failed: dict[tuple[str, str], list[int]] = {}
    for attempt in ledger.attempts(cohort.units):
        failed.setdefault((attempt.stage, attempt.reason), []).append(attempt.attempts)
    for (stage, reason), counts in sorted(failed.items()):
        if stage == INTERRUPTED:
            what, why = "interrupted", f"its process died, at most {max(counts)} times"
        else:
            what, why = "failed", f"in {stage} ({reason}), at most {max(counts)} times"
        aside = stage != INTERRUPTED and min(counts) >= limit
        remedy, going_on = ("see set-aside", None) if aside else ("tried again", GO_ON)
        yield Stuck(what=what, series=len(counts), instances=None, why=why, remedy=remedy, command=going_on)


def _refused(way: Funnel) -> Iterator[Stuck]:
    for code, count in sorted(way.refused.items(), key=lambda pair: (Reason.of(pair[0]).disposition, -pair[1])):
        reason = Reason.of(code)
        yield Stuck(
            what=f"{reason.disposition.value} {code}",
            series=way.series[code] or None,
            instances=count,
            why=reason.sentence,
            remedy=reason.remedy,
            command=command_of(reason),
        )


def _blocked(workspace: Workspace, ledger: Ledger) -> Iterator[Stuck]:
    verdicts = read_verdicts(workspace)
    for rule in verdicts.blocking if verdicts else ():
        why = f"{rule.name} fails in {rule.rows} rows: {rule.sentence}"
        remedy = rule.fix or "correct what data/docs shows"
        yield Stuck(what="blocked", series=None, instances=None, why=why, remedy=remedy, command=GO_ON)
    if left := waiting(ledger.database):
        why = f"{left} events wait for the sink of run.events"
        yield Stuck(what="events", series=None, instances=None, why=why, remedy="a run hands them on", command=GO_ON)


def _not_pushed(workspace: Workspace, ledger: Ledger) -> Iterator[Stuck]:
    waits = unpushed(workspace, ledger)
    if waits:
        tags = ", ".join(record.tag for record in waits[:3]) + (f" and {len(waits) - 3} more" if waits[3:] else "")
        yield Stuck(
            what="not pushed", series=None, instances=None,
            why=f"{tags}: published here, not known to be at the remote of record.remote",
            remedy="it sends what the remote lacks", command="sluice release push",
        )  # fmt: skip
