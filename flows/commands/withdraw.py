"""`sluice withdraw`: a patient leaves the dataset, its releases, and everything that remembers them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from flows.commands.common import WorkspaceOption, command, console, open_workspace
from tasks.core.errors import ConfigurationError
from tasks.core.workspace import Workspace

_PATIENT = re.compile(r"p[a-z2-7]{12}")


@command
def withdraw(
    pseudonym: Annotated[list[str] | None, typer.Option(help="The patient's pseudonym; may be repeated.")] = None,
    patient_id_file: Annotated[
        Path | None, typer.Option(help="A file with one PatientID a line. Needs the key; delete it afterwards.")
    ] = None,
    listed: Annotated[
        bool, typer.Option("--listed", help="Whoever extract.opt_out_csv names and is in the register.")
    ] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="Do it; else only tell what would be done.")] = False,
    asked_by: Annotated[
        str, typer.Option(help="The office or role that asked for it; committed, so no person's name.")
    ] = "",
    rewrite_history: Annotated[
        bool | None,
        typer.Option(
            "--rewrite-history/--keep-history",
            help="Take them out of git's history too: commits and tags get new hashes. Default: yes, if the "
            "repository is this workspace's alone and has no remote.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Take a patient out of quarantine, stores, the cohort, the register, MLflow, and DVC's cache and remotes.

    A dry run unless --confirm is given. Lists the releases and models that hold the patient; those releases are marked
    incomplete. The next run makes a release without them, and no run takes them again. The source is left as it is.
    """
    from flows.withdraw import carry_out, left, listed_here, plan
    from tasks.record.ledger import Ledger

    place = open_workspace(workspace)
    if confirm and not asked_by.strip():
        raise ConfigurationError(
            "--asked-by is missing: name the office that asked for it, e.g. --asked-by 'study office'"
        )
    patients = _patients(place, pseudonym or [], patient_id_file)
    with place.lock(), Ledger.open(place) as ledger, _shown() as progress:
        if listed:
            patients |= listed_here(place, ledger)
        if not patients:
            raise ConfigurationError(
                "nobody is named: give --pseudonym, --patient-id-file or --listed (nobody whom the list names is here)"
            )

        def tell(what: str, done: int, total: int) -> None:
            progress.update(progress.task_ids[0], description=what, completed=done, total=total or 1)

        planned = plan(place, ledger, patients, tell)
        for line in _told(planned):
            console.print(line, markup=False)
        if not confirm:
            console.print("nothing was changed: --confirm with --asked-by does it")
            return
        rewrite = planned.own_history if rewrite_history is None else rewrite_history
        record = carry_out(place, ledger, planned, asked_by.strip(), rewrite=rewrite, progress=tell)
        rest = left(place, planned, tell)
    console.print(f"withdrawal {record.number} is done and recorded; `sluice run` makes the next release without them")
    if record.commits:
        console.print(f"{len(record.commits)} commits have new hashes: whoever has a clone must clone again")
    if record.models:
        console.print(f"trained with them: {', '.join(record.models)}. Decide whether to retire and train these again")
    if rest:
        hint = "" if rewrite else "; git's history stays unless --rewrite-history is given"
        console.print(f"still found: {', '.join(rest)}{hint}", markup=False)
        raise typer.Exit(1)
    console.print("nothing of them is found any more in data/, DVC's cache and remotes, the register, MLflow and git")


def _patients(workspace: Workspace, pseudonyms: list[str], ids: Path | None) -> frozenset[str]:
    found = set()
    for pseudonym in pseudonyms:
        if not _PATIENT.fullmatch(pseudonym):
            raise ConfigurationError("--pseudonym must be a patient's, p and 12 characters; use --patient-id-file else")
        found.add(pseudonym)
    if ids:
        try:
            lines = ids.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            raise ConfigurationError(
                "--patient-id-file cannot be read: check its path, owner, and that it is UTF-8"
            ) from None
        found |= {workspace.pseudonymiser.patient(line.strip(" \0")) for line in lines if line.strip(" \0")}
    return frozenset(found)


def _told(planned: object) -> list[str]:
    from flows.withdraw import Plan

    assert isinstance(planned, Plan)
    traces, doomed = planned.traces, planned.doomed
    lines = [
        f"patients       {len(traces.patients)}, with {traces.series} series and {traces.instances} instances",
        f"data/          {len(planned.files)} files, {planned.file_bytes / 1e6:.1f} MB, are theirs or name them",
        f"databases      {planned.cells} values of the tools' own name them",
        f"DVC            {doomed.count} objects, {doomed.bytes / 1e6:.1f} MB, in "
        + (", ".join(f"the {name} ({len(held)})" for name, held in doomed.objects.items()) or "no store"),
        f"git            {planned.versions} versions of files in the history name them",
    ]
    for tag, held in traces.releases.items():
        lines.append(f"release        {tag}: {held.instances} instances in {held.series} series; it becomes incomplete")
    for (name, version), split in sorted(traces.models.items()):
        used = "learned from them" if split == "train" else f"saw them in {split}"
        lines.append(f"model          {name} v{version} {used}; what it learned stays in it")
    if not traces.series and not traces.releases:
        lines.append("nothing of them is here; --confirm puts them on the list of those who are never taken")
    return lines


def _shown() -> Progress:
    shown = Progress(TextColumn("{task.description}"), BarColumn(), console=Console(stderr=True), transient=True)
    shown.add_task("", total=1)
    return shown
