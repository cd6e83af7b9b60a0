"""The state of a workspace in words: where every instance is, why, and what releases and models came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from tasks.core.cohort import read_cohort
from tasks.core.models import Cohort, State, Tally
from tasks.core.reasons import Reason
from tasks.core.verdicts import read_verdicts
from tasks.core.workspace import Workspace
from tasks.record.attempts import INTERRUPTED
from tasks.record.holder import described
from tasks.record.ledger import Ledger
from tasks.record.outbox import waiting
from tasks.record.register import Release, models_of, patients_of_model, releases


def print_summary(workspace: Workspace, console: Console) -> None:
    """Print the funnel, the reasons, the gates, the releases and what to open."""
    if not workspace.cohort_lock.exists():
        console.print("nothing was selected yet: `sluice run --dry-run` shows what would be taken")
        return
    with Ledger.open(workspace) as ledger:
        cohort = read_cohort(workspace)
        tally = ledger.tally(cohort)
        console.print(_outcomes(tally), soft_wrap=False)
        balance = (
            "the sum is right" if tally.balances else f"{tally.pending} are still on their way: `sluice run` goes on"
        )
        console.print(
            f"{tally.expected} expected = {tally.released} released + {tally.quarantined} quarantined "
            f"+ {tally.skipped} skipped + {tally.withdrawn} withdrawn; {balance}"
        )
        states = Counter(ledger.states(cohort.units).values())
        order = [state for state in State if states[state]]
        console.print("series         " + ", ".join(f"{states[state]} {state}" for state in order))
        for line in _work_lines(ledger, cohort):
            console.print(line, markup=False)
        for line in _gate_lines(workspace):
            console.print(line, markup=False)
        found = releases(ledger, workspace.settings.export.name)
        for release in found[-3:]:
            _print_release(release, ledger, console)
        if found:
            _print_places(workspace, console)


def _outcomes(tally: Tally) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("outcome", "instances", "reason", "meaning", "what to do"):
        table.add_column(heading, overflow="fold")
    table.add_row("released", str(tally.released), "", "", "")
    for code, count in sorted(tally.reasons.items(), key=lambda pair: (Reason.of(pair[0]).disposition, -pair[1])):
        reason = Reason.of(code)
        table.add_row(reason.disposition.value, str(count), code, reason.sentence, reason.remedy)
    return table


def _work_lines(ledger: Ledger, cohort: Cohort) -> Iterator[str]:
    """Who is at work, what failed and how often, and what no sink took."""
    for holder, count in sorted(Counter(holder for holder, _ in ledger.leased(cohort.units).values()).items()):
        yield f"at work        {count} series with {described(holder)}"
    failed: dict[tuple[str, str], list[int]] = {}
    for attempt in ledger.attempts(cohort.units):
        failed.setdefault((attempt.stage, attempt.reason), []).append(attempt.attempts)
    for (stage, reason), counts in sorted(failed.items()):
        if stage == INTERRUPTED:
            yield f"interrupted    {len(counts)} series, at most {max(counts)} times: `sluice run` goes on with them"
        else:
            yield f"failed         {len(counts)} series in {stage} ({reason}), at most {max(counts)} times"
    if left := waiting(ledger.database):
        yield f"events         {left} wait for the sink of run.events: a run hands them on"


def _gate_lines(workspace: Workspace) -> Iterator[str]:
    verdicts = read_verdicts(workspace)
    if verdicts is None:
        return
    failed = [rule for rule in verdicts.rules if not rule.passed]
    critical = len(verdicts.blocking)
    yield f"gates          {len(verdicts.rules)} rules, {len(failed)} fail, {critical} of them critical"
    for rule in failed:
        yield f"  {rule.severity:<9} {rule.suite}/{rule.rule}: {rule.rows} rows; {rule.sentence}"


def _print_release(release: Release, ledger: Ledger, console: Console) -> None:
    console.print(
        f"release        {release.tag}  content {release.content[:12]}  DVC {release.dvc}  commit {release.commit[:12]}"
    )
    for model in models_of(ledger, release.tag):
        patients = len(patients_of_model(ledger, model.name, model.version))
        console.print(
            f"  model        {model.name} v{model.version}, learned from {patients} patients, MLflow run {model.run_id}"
        )


def _print_places(workspace: Workspace, console: Console) -> None:
    console.print(f"dataset        {workspace.dataset}")
    console.print(f"dataset card   {workspace.dataset / 'README.md'}")
    console.print(f"data docs      {workspace.docs / 'index.html'}")
