"""What a run leaves to look at in the Prefect UI: tables and links, with counts and pseudonyms only."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from flows import shown
from flows.at_source import AtSource
from flows.page_links import address_of
from tasks.core.models import Cohort, Tally, Verdicts
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.record.register import Release

if TYPE_CHECKING:
    from tasks.export.stage import ExportSummary


def in_words(cohort: Cohort) -> str:
    """A cohort in one line."""
    modalities = Counter(unit.modality for unit in cohort.units)
    counts = ", ".join(f"{count} {modality}" for modality, count in sorted(modalities.items()))
    patients = len({unit.patient for unit in cohort.units})
    return f"{cohort.expected} instances in {len(cohort.units)} series ({counts}) of {patients} patients"


def cohort(cohort: Cohort) -> None:
    """What was selected, by modality."""
    rows: list[dict[str, object]] = []
    for modality in sorted({unit.modality for unit in cohort.units}):
        units = [unit for unit in cohort.units if unit.modality == modality]
        rows.append(
            {
                "modality": modality,
                "patients": len({unit.patient for unit in units}),
                "studies": len({unit.study for unit in units}),
                "series": len(units),
                "instances": sum(unit.expected for unit in units),
                "MB": round(sum(unit.bytes for unit in units) / 1e6, 1),
            }
        )
    shown.table("cohort", rows, in_words(cohort))


def outcomes(tally: Tally) -> None:
    """What became of every instance, and why."""
    rows: list[dict[str, object]] = [{"outcome": "released", "reason": "", "instances": tally.released}]
    for code, count in tally.reasons.items():
        reason = Reason.of(code)
        rows.append(
            {
                "outcome": reason.disposition.value,
                "reason": code,
                "instances": count,
                "meaning": reason.sentence,
                "what to do": reason.remedy,
            }
        )
    shown.table("outcomes", rows, f"What became of {tally.expected} instances")


def at_source(counts: AtSource) -> None:
    """The source and the PACS against what was taken."""
    told = {
        "still arriving": (counts.arriving, None),
        "late: came after the series was taken": counts.late,
        "deleted at the source, kept in the dataset": counts.deleted_kept,
        "deleted at the source, not in the dataset": counts.deleted_lost,
        "replaced at the source under the same UID": counts.changed,
        "short of what the PACS has": counts.short_of_pacs,
        "not counted by the PACS": (counts.uncounted_by_pacs, None),
    }
    rows: list[dict[str, object]] = [
        {"what": what, "series": series, "instances": instances} for what, (series, instances) in told.items()
    ]
    shown.table("source", rows, "The source and the PACS against what was taken")


def gates(workspace: Workspace, verdicts: Verdicts) -> None:
    """Which rule failed, how badly and for how many rows, and where the data docs are."""
    rows: list[dict[str, object]] = [
        {
            "suite": rule.suite,
            "rule": rule.rule,
            "severity": rule.severity,
            "passed": "yes" if rule.passed else "waived" if verdicts.waiver_of(rule) else "NO",
            "rows": rule.rows,
            "meaning": rule.sentence,
            "what to do": "" if rule.passed else rule.fix,
            "waived by": waiver.by if (waiver := verdicts.waiver_of(rule)) else "",
            "reason": waiver.reason if waiver else "",
        }
        for rule in sorted(verdicts.rules, key=lambda rule: (rule.passed, rule.severity, rule.suite, rule.rule))
    ]
    blocked = f"{len(verdicts.blocking)} critical rule(s) failed" if verdicts.blocking else "no critical rule failed"
    waived = f", {len(verdicts.waived)} waived" if verdicts.waived else ""
    shown.table("gates", rows, f"{len(rows)} rules checked, {blocked}{waived}")
    page = workspace.docs / "index.html"
    shown.link("data-docs", address_of(workspace, page), "Data docs", "The gates in full")


def sheets(workspace: Workspace) -> None:
    """Where the contact sheets are, if there are any; the pictures stay in the workspace."""
    page = workspace.look / "index.html"
    if page.is_file():
        words = "Slices, outlines and findings of each patient"
        shown.link("contact-sheets", address_of(workspace, page), "Contact sheets", words)


def release(workspace: Workspace, release: Release, summary: ExportSummary) -> None:
    """The release: where it is, what it is made of, and how to get back to it."""
    lines = [
        f"# {release.tag}",
        "",
        "| | |",
        "|---|---|",
        f"| place | `{workspace.dataset.relative_to(workspace.root)}` in the workspace |",
        f"| images | {summary.counts.images} |",
        f"| content | `{release.content}` |",
        f"| DVC | `{release.dvc}` |",
        f"| commit | `{release.commit}` |",
        f"| key | `{release.key_id}` |",
        "",
        f"To have exactly this again: `git checkout {release.tag} && dvc checkout`.",
    ]
    shown.page("release", "\n".join(lines), release.tag)
