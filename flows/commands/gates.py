"""`sluice gates` and `sluice waive`: the rules that decide about a release, and letting one fail for one release."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.common import WorkspaceOption, choose, command, console, open_workspace
from tasks.core.errors import ConfigurationError

Words = Annotated[str, typer.Option(prompt=True, help="Why the release may go out all the same. It is published.")]
Person = Annotated[str, typer.Option(prompt=True, help="Who answers for it: a name or a role. It is published.")]


@command
def gates(
    workspace: WorkspaceOption = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Every rule with its fix, as docs/gates.md.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="The rules that passed, too.")] = False,
) -> None:
    """Show what the gates said of the next release: each rule that failed, what it means and what to do.

    `sluice waive SUITE/RULE` lets one fail for this release.
    """
    from tasks.core.verdicts import read_verdicts
    from tasks.validate.catalogue import to_markdown
    from tasks.validate.suites import read_suites

    place = open_workspace(workspace)
    if markdown:
        typer.echo(to_markdown(read_suites(place.expectations)), nl=False)
        return
    verdicts = read_verdicts(place)
    if verdicts is None:
        console.print("the gates said nothing yet: `sluice run`, or `python -m tasks.validate`")
        return
    for verdict in verdicts.rules:
        waiver = verdicts.waiver_of(verdict)
        state = "passed" if verdict.passed else "waived" if waiver else verdict.severity
        if verdict.passed and not everything:
            continue
        console.print(f"{state:<9} {verdict.name}: {verdict.rows} rows; {verdict.sentence}", markup=False)
        if waiver:
            console.print(f"  waived   by {waiver.by}: {waiver.reason}", markup=False)
        elif not verdict.passed:
            console.print(f"  to do    {verdict.fix}", markup=False)
    failed = sum(not verdict.passed for verdict in verdicts.rules)
    console.print(f"{len(verdicts.rules)} rules, {failed} fail, {len(verdicts.blocking)} of them stop the release")
    console.print(f"data docs: {place.docs / 'index.html'}", markup=False)


@command
def waive(
    rule: Annotated[str, typer.Argument(help="SUITE/RULE as `sluice gates` prints it; the suite where it is needed.")],
    reason: Words,
    by: Person,
    workspace: WorkspaceOption = None,
) -> None:
    """Let RULE fail for the next release, and for that one only.

    Reason and person become part of the release: they are in release.json, the dataset card and the data docs, so they
    must name no patient. The gates judge the release after it anew.
    """
    from tasks.core.models import Waiver
    from tasks.core.waivers import SHORTEST, read_waivers, suspicions, write_waivers
    from tasks.record.releases.records import read_records
    from tasks.validate.suites import read_suites

    place = open_workspace(workspace)
    suites = read_suites(place.expectations)
    name = _full_name(rule, [f"{suite.name}/{one.meta.rule}" for suite in suites for one in suite.expectations])
    reason, by = " ".join(reason.split()), " ".join(by.split())
    if len(reason) < SHORTEST or not by:
        raise ConfigurationError("say with --reason, in a sentence, why the rule may fail, and with --by who answers")
    for what in suspicions(f"{reason} {by}"):
        console.print(f"warning: this holds what looks like {what}, and is published: `sluice waive` again without it")
    records = read_records(place, place.settings.export.name)
    after = records[-1].tag if records else None
    waiver = Waiver(rule=name, reason=reason, by=by, after=after)
    with place.lock():
        former = [one for one in read_waivers(place) if (one.rule, one.after) != (name, after)]
        write_waivers(place, [*former, waiver])
    console.print(f"{name} may fail for the release after {after or 'none'}; `sluice run` goes on", markup=False)


def _full_name(asked: str, known: list[str]) -> str:
    """The rule that is asked for, with or without its suite; an error that names the nearest where there is none."""
    meant = [name for name in known if name.rpartition("/")[2] == asked]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise ConfigurationError(f"several suites have a rule {asked}: say which of {', '.join(meant)}")
    if "/" not in asked:
        known = [*known, *sorted({name.rpartition("/")[2] for name in known})]
    return choose("rule", asked, known)
