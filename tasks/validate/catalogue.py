"""docs/gates.md: every rule of the suites with its sentence, severity and fix, for those who are stopped by one."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.validate.suites import Suite

HEAD = """# The gates

Before a release, the suites of `expectations/` are run over the tables of `data/curated`. A rule that fails is told by
`sluice run`, `sluice status`, `sluice gates`, the artifact `gates` of the Prefect run and `data/docs/index.html`: with
how many rows break it, what it means and what to do, never with a value of a row.

- `critical` stops the release, and the last one stays as it was. `warning` and `info` are told, and are part of the
  release.
- A rule that is right to fail once is waived: `sluice waive SUITE/RULE --reason "..." --by "..."`. That counts for the
  next release only, and is published with it. The reason must name no patient.
- What is wrong for your data for good, change in your workspace's `expectations/*.json`: a range, a share (`mostly`), a
  severity.
- `gates.k` in params.yaml is how many patients must share a combination of sex, age band, modality, body part and
  shifted month; `gates.below_k: block` lets this stop a release.
- Drift is measured against the last release, whose distributions are in `data/releases`. The first release has nothing
  to be compared with.
- `make gates` seeds defects into good tables and prints which rule stopped each.

This page is made of the suites: `sluice gates --markdown > docs/gates.md`.
"""
_TABLE = "| rule | severity | what holds | what to do |\n|---|---|---|---|\n"


def to_markdown(suites: Iterable[Suite]) -> str:
    """The page, whole."""
    parts = [HEAD]
    for suite in suites:
        parts.append(f"\n## {suite.name}\n\n{suite.meta.about}\n\n{_TABLE}")
        parts += [
            f"| `{rule.meta.rule}` | {rule.severity} | {_cell(rule.meta.sentence)} | {_cell(rule.meta.fix)} |\n"
            for rule in suite.expectations
        ]
    return "".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
