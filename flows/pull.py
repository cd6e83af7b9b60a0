"""From the hospital's PACS into Orthanc: search, compare, move what is missing. Releasing is for build_dataset."""

from __future__ import annotations

from datetime import date
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import shown
from flows.outcome import decided
from flows.secrets import orthanc_from_secret
from tasks.core.errors import ConfigurationError, PartialTransfer
from tasks.core.workspace import Workspace
from tasks.extract.pacs.task import compare_pacs, move_missing, search_pacs
from tasks.extract.pacs.transfer import Outcome
from tasks.extract.pacs.wanted import Wanted

UNFINISHED = "Unfinished"


@flow(name="pull", persist_result=False, log_prints=False)
def pull(
    pacs: str | None = None,
    start: date | None = None,
    end: date | None = None,
    modalities: list[str] | None = None,
    cohort: str | None = None,
    dry_run: bool = False,
) -> State[Any]:
    """Have the hospital's PACS send to Orthanc what is wanted and not there yet. Pulling again asks for the rest only.

    Args:
        pacs: The PACS's name in DicomModalities of Orthanc's configuration; else pull.pacs of params.yaml.
        start: First study date.
        end: Last study date, included.
        modalities: Only these, e.g. CT and MR.
        cohort: A CSV file, relative to the workspace, with StudyInstanceUID, AccessionNumber or PatientID.
        dry_run: Only count what the PACS has, what is here and what is missing.
    """
    return decided(lambda: _pull(pacs, start, end, modalities, cohort, dry_run))


def _pull(
    pacs: str | None,
    start: date | None,
    end: date | None,
    modalities: list[str] | None,
    cohort: str | None,
    dry_run: bool,
) -> State[Any]:
    workspace = Workspace.find()
    orthanc_from_secret()
    name = pacs or workspace.settings.pull.pacs
    if not name:
        raise ConfigurationError("no PACS is named: give --from, or set pull.pacs in params.yaml")
    wanted = Wanted.of(start, end, modalities, workspace.resolve(cohort) if cohort else None)
    if wanted.bad_rows:
        get_run_logger().warning(wanted.bad_rows)
    listing = search_pacs(workspace, name, wanted)
    if dry_run:
        outcome = compare_pacs(workspace, name, listing)
        _show(outcome)
        return Completed(name="DryRun", message=_words(outcome, wanted))
    outcome = move_missing(workspace, name, listing, shown.Progress("pull-progress", "series"))
    _show(outcome)
    if outcome.partial:
        raise PartialTransfer(f"{_words(outcome, wanted)}: {outcome.remedy()}")
    if outcome.waiting:
        hours = workspace.settings.pull.hours
        return Completed(
            name=UNFINISHED,
            message=f"{_words(outcome, wanted)}: the hours {hours} are over; the same pull goes on within the next",
        )
    return Completed(message=_words(outcome, wanted))


def _words(outcome: Outcome, wanted: Wanted) -> str:
    return "; ".join(part for part in (outcome.in_words(), wanted.bad_rows) if part)


def _show(outcome: Outcome) -> None:
    shown.table("pull", list(outcome.rows), outcome.in_words())
