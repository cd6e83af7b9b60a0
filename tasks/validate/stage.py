"""The stage: from the curated tables to verdicts, written down for machines and for people."""

from __future__ import annotations

import logging

from tasks.core.models import Verdict, Verdicts
from tasks.core.verdicts import curated_digest, write_verdicts
from tasks.core.workspace import Workspace
from tasks.validate.checks import with_checks
from tasks.validate.docs import write_docs
from tasks.validate.suites import fixes, read_suites
from tasks.validate.tables import load

logger = logging.getLogger(__name__)


def validate(workspace: Workspace) -> Verdicts:
    """Run every suite of expectations/ over data/curated.

    Writes data/gates/verdicts.json (sorted, without times) and data/docs/index.html, also when a gate fails; never
    raises for a failing gate: ask `verdicts.blocking`. Raises `ConfigurationError` for a suite that is broken,
    unknown or missing, and `ContractViolation` where there is nothing to validate.
    """
    suites = read_suites(workspace.expectations)
    stamp = curated_digest(workspace.curated)  # taken first: tables that change meanwhile do not pass as judged
    curated = load(workspace)
    frames = with_checks(curated)

    from tasks.validate.gx import judge  # Great Expectations takes seconds to import

    judged = judge(suites, frames, workspace.expectations)
    rules = tuple(sorted(judged, key=lambda verdict: (verdict.suite, verdict.rule)))
    verdicts = Verdicts(rules=rules, curated=stamp)
    write_verdicts(workspace, verdicts)
    write_docs(workspace.docs, verdicts, suites, {name: len(frame) for name, frame in frames.items()})
    for verdict in verdicts.rules:
        if not verdict.passed:
            logger.info(
                "gate %s/%s (%s) fails for %d rows", verdict.suite, verdict.rule, verdict.severity, verdict.rows
            )
    return verdicts


def tell_failures(workspace: Workspace, verdicts: Verdicts) -> list[str]:
    """One line for each rule that failed: rule, severity, rows, sentence and fix; critical ones first."""
    remedies = fixes(read_suites(workspace.expectations))
    severities = ("critical", "warning", "info")
    failed = sorted(
        (verdict for verdict in verdicts.rules if not verdict.passed),
        key=lambda verdict: (severities.index(verdict.severity), verdict.suite, verdict.rule),
    )
    return [_line(verdict, remedies[(verdict.suite, verdict.rule)]) for verdict in failed]


def _line(verdict: Verdict, fix: str) -> str:
    count = f"{verdict.rows} row{'' if verdict.rows == 1 else 's'}"
    return f"{verdict.severity}: {verdict.suite}/{verdict.rule}, {count}: {verdict.sentence}. To do: {fix}"
