"""The stage: from the curated tables to verdicts, written down for machines and for people."""

from __future__ import annotations

import logging

from tasks.core.models import Verdict, Verdicts, Waiver
from tasks.core.settings import GateSettings
from tasks.core.verdicts import curated_digest, write_verdicts
from tasks.core.waivers import read_waivers, waivers_after, write_waivers
from tasks.core.workspace import Workspace
from tasks.validate.checks import with_checks
from tasks.validate.docs import write_docs
from tasks.validate.suites import Suite, asked_for, read_suites
from tasks.validate.tables import load

K_RULE = "groups-are-of-k-patients"
"""The rule that gates.below_k in params.yaml speaks of."""

logger = logging.getLogger(__name__)


def validate(workspace: Workspace) -> Verdicts:
    """Run every suite of expectations/ over data/curated.

    Writes data/gates/verdicts.json (sorted, without times) and data/docs/index.html, also when a gate fails; never
    raises for a failing gate: ask `verdicts.blocking`. Raises `ConfigurationError` for a suite that is broken,
    unknown or missing, and `ContractViolation` where there is nothing to validate.
    """
    suites = stern(read_suites(workspace.expectations), workspace.settings.gates)
    stamp = curated_digest(workspace.curated)  # taken first: tables that change meanwhile do not pass as judged
    curated = load(workspace, stamp)
    frames = with_checks(curated)
    suites = asked_for(suites, frames)
    write_waivers(workspace, read_waivers(workspace))  # dvc.yaml names the file among what this stage leaves

    from tasks.validate.gx import judge  # Great Expectations takes seconds to import

    parameters = {"k": workspace.settings.gates.k, "last": dict(curated.books.last)}
    judged = judge(suites, frames, workspace.expectations, parameters)
    after = curated.books.after
    verdicts = Verdicts(
        rules=tuple(sorted(judged, key=lambda verdict: (verdict.suite, verdict.rule))),
        curated=stamp,
        after=after,
        waivers=waivers_after(workspace, after),
    )
    write_verdicts(workspace, verdicts)
    write_docs(workspace.docs, verdicts, suites, {name: len(frame) for name, frame in frames.items()})
    for verdict in verdicts.rules:
        if not verdict.passed:
            logger.info(
                "gate %s/%s (%s) fails for %d rows", verdict.suite, verdict.rule, verdict.severity, verdict.rows
            )
    return verdicts


def tell_failures(verdicts: Verdicts) -> list[str]:
    """One line for each rule that failed: rule, severity, rows, sentence and fix; critical ones first."""
    severities = ("critical", "warning", "info")
    failed = sorted(
        (verdict for verdict in verdicts.rules if not verdict.passed),
        key=lambda verdict: (severities.index(verdict.severity), verdict.suite, verdict.rule),
    )
    return [_line(verdict, verdicts.waiver_of(verdict)) for verdict in failed]


def stern(suites: tuple[Suite, ...], settings: GateSettings) -> tuple[Suite, ...]:
    """The suites, with the rule on k-anonymity critical where params.yaml lets it block."""
    if settings.below_k != "block":
        return suites
    return tuple(
        suite.model_copy(
            update={
                "expectations": tuple(
                    rule.model_copy(update={"severity": "critical"}) if rule.meta.rule == K_RULE else rule
                    for rule in suite.expectations
                )
            }
        )
        for suite in suites
    )


def _line(verdict: Verdict, waiver: Waiver | None) -> str:
    count = f"{verdict.rows} row{'' if verdict.rows == 1 else 's'}"
    waived = f" (waived by {waiver.by}: {waiver.reason})" if waiver else ""
    return f"{verdict.severity}{waived}: {verdict.name}, {count}: {verdict.sentence}. To do: {verdict.fix}"
