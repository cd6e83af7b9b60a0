"""Data docs: the verdicts as one static HTML page that needs no network, and holds rules and counts, never a value.

Great Expectations' own site loads scripts from elsewhere and prints failing values; this one does neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from tasks.core.files import write_text
from tasks.core.models import Verdict, Verdicts, Waiver
from tasks.validate.suites import Suite

HEADINGS = ("Verdict", "Severity", "Rule", "Rows", "What it says")
ORDER = {"critical": 0, "warning": 1, "info": 2}
_TEMPLATE = Path(__file__).with_name("docs.html")


def write_docs(folder: Path, verdicts: Verdicts, suites: tuple[Suite, ...], rows: Mapping[str, int]) -> Path:
    """Write `folder`/index.html and return its path. `rows` says how many rows each table has."""
    sections = [
        f'<section id="{escape(suite.name)}"><h2>{escape(suite.name)} <small>{_counted(rows[suite.name])}</small></h2>'
        f"<p>{escape(suite.meta.about)}</p>{_table(verdicts, _worst(verdicts, suite.name))}</section>"
        for suite in suites
    ]
    failed = [verdict for suite in suites for verdict in _worst(verdicts, suite.name) if not verdict.passed]
    failed.sort(key=lambda verdict: ORDER[verdict.severity])
    links = " · ".join(_link(suite.name, sum(verdict.suite == suite.name for verdict in failed)) for suite in suites)
    page = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        state="refused" if verdicts.blocking else "open",
        headline="The release is refused" if verdicts.blocking else "The release may be published",
        counts=(
            f"{len(verdicts.rules)} rules, {len(failed)} failed, {len(verdicts.blocking)} of these critical and not "
            f"waived. One critical rule that fails stops the release. Compared with: {verdicts.after or 'no release'}."
        ),
        failed=f'<section id="failed"><h2>What failed</h2>{_table(verdicts, failed, whole=True)}</section>'
        if failed
        else "",
        waivers=_waivers(verdicts),
        links=links,
        sections="\n".join(sections),
    )
    write_text(folder / "index.html", page)
    return folder / "index.html"


def _worst(verdicts: Verdicts, suite: str) -> list[Verdict]:
    own = [verdict for verdict in verdicts.rules if verdict.suite == suite]
    return sorted(own, key=lambda verdict: (verdict.passed, ORDER[verdict.severity], verdict.rule))


def _link(suite: str, failed: int) -> str:
    marked = f" <strong>{failed} failed</strong>" if failed else ""
    return f'<a href="#{escape(suite)}">{escape(suite)}</a>{marked}'


def _failed(verdicts: Verdicts, failed: list[Verdict]) -> str:
    if not failed:
        return ""
    return f'<section id="failed"><h2>What failed</h2>{_table(verdicts, failed, whole=True)}</section>'


def _table(verdicts: Verdicts, shown: list[Verdict], *, whole: bool = False) -> str:
    """The rules as rows, by their `whole` names, as `sluice waive` takes them, or without the suite's."""
    head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
    body = "".join(_row(one, verdicts.waiver_of(one), one.name if whole else one.rule) for one in shown)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _counted(rows: int) -> str:
    return f"{rows} row{'' if rows == 1 else 's'}"


def _waivers(verdicts: Verdicts) -> str:
    """The waivers of this release, also those whose rule passes."""
    if not verdicts.waivers:
        return ""
    failed = {verdict.name for verdict in verdicts.rules if not verdict.passed}
    rows = "".join(
        f"<tr><td>{'needed' if waiver.rule in failed else 'not needed'}</td><td><code>{escape(waiver.rule)}</code></td>"
        f"<td>{escape(waiver.reason)}</td><td>{escape(waiver.by)}</td></tr>"
        for waiver in verdicts.waivers
    )
    head = "".join(f"<th>{heading}</th>" for heading in ("Waiver", "Rule", "Reason", "By"))
    return (
        '<section id="waivers"><h2>Waived for this release</h2>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _row(verdict: Verdict, waiver: Waiver | None, name: str) -> str:
    remedy = "" if verdict.passed else f'<div class="fix">{escape(verdict.fix)}</div>'
    if waiver and not verdict.passed:
        remedy += f'<div class="waiver">{escape(waiver.reason)} ({escape(waiver.by)})</div>'
    state = "passed" if verdict.passed else "waived" if waiver else "failed"
    return (
        f'<tr class="{state} {escape(verdict.severity)}"><td>{state}</td><td>{escape(verdict.severity)}</td>'
        f"<td><code>{escape(name)}</code></td><td>{verdict.rows}</td>"
        f"<td>{escape(verdict.sentence)}{remedy}</td></tr>"
    )
