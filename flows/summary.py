"""The state of a workspace in words: where every instance is, why, and what releases and models came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console

from flows.remedies import Stuck
from flows.standing import Standing, standing_of
from tasks.core.verdicts import read_verdicts
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.register import Release, models_of, patients_of_model, releases


def print_summary(workspace: Workspace, console: Console) -> None:
    """Print the funnel, the reasons, the gates, the releases and what to open."""
    if not workspace.cohort_lock.exists():
        console.print("nothing was selected yet: `sluice run --dry-run` shows what would be taken")
        return
    with Ledger.open(workspace) as ledger:
        standing = standing_of(workspace, ledger)
        way, tally = standing.funnel, standing.tally
        console.print(
            f"instances      {way.expected} expected > {way.extracted} extracted > {way.deidentified} deidentified "
            f"> {way.transformed} transformed > {way.released} released"
        )
        balance = (
            "the sum is right" if tally.balances else f"{tally.pending} are still on their way: `sluice run` goes on"
        )
        console.print(
            f"{tally.expected} expected = {tally.released} released + {tally.quarantined} quarantined "
            f"+ {tally.skipped} skipped + {tally.withdrawn} withdrawn; {balance}"
        )
        console.print("series         " + ", ".join(f"{count} {state}" for state, count in standing.series.items()))
        for line in _source_lines(standing):
            console.print(line, markup=False)
        for line in _stuck_lines(standing.stuck):
            console.print(line, markup=False)
        for line in _gate_lines(workspace):
            console.print(line, markup=False)
        found = releases(ledger, workspace.settings.export.name)
        for release in found[-3:]:
            _print_release(release, ledger, console)
        if found:
            _print_places(workspace, console)


def _stuck_lines(rows: Iterable[Stuck]) -> Iterator[str]:
    """Two lines each: what and why, and what moves it. No table, since words that are cut can't be searched for."""
    for row in rows:
        counted = {"instances": row.instances, "series": row.series}
        counts = " in ".join(f"{count} {name}" for name, count in counted.items() if count is not None)
        between = " " if row.why.startswith("in ") else ": "
        yield f"{row.what:<14} {counts}{between if counts else ''}{row.why}"
        yield f"  to move it   {row.command}: {row.remedy}" if row.command else f"  to do        {row.remedy}"


def _source_lines(standing: Standing) -> Iterator[str]:
    """What the source and the PACS have against what was taken, where that is anything to say."""
    source = standing.source
    when = f"listed in full {standing.listed}" if standing.listed else "never listed in full"
    yield f"source         {when}, {source.arriving} series still arriving"
    for (series, instances), words in (
        (source.late, "came after their series was taken; it was done again with them"),
        (source.deleted_kept, "were deleted at the source after they were taken; the dataset has them still"),
        (source.deleted_lost, "were deleted at the source and are not in the dataset"),
        (source.changed, "were replaced at the source by other bytes under the same UID; none of both is taken"),
        (source.short_of_pacs, "are missing of what the PACS said it has"),
    ):
        if instances:
            yield f"source         {instances} instances in {series} series {words}"


def _gate_lines(workspace: Workspace) -> Iterator[str]:
    verdicts = read_verdicts(workspace)
    if verdicts is None:
        return
    failed = [rule for rule in verdicts.rules if not rule.passed]
    critical = len(verdicts.blocking)
    yield f"gates          {len(verdicts.rules)} rules, {len(failed)} fail, {critical} of them critical and not waived"
    for rule in failed:
        waiver = verdicts.waiver_of(rule)
        yield f"  {'waived' if waiver else rule.severity:<9} {rule.name}: {rule.rows} rows; {rule.sentence}"
        yield f"    to do   {rule.fix}" if waiver is None else f"    waived  by {waiver.by}: {waiver.reason}"


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
