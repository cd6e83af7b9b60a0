"""`sluice lineage`: from a model to whose scans trained it, and from a patient to the releases and models."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.common import WorkspaceOption, command, console, open_workspace

if TYPE_CHECKING:
    from rich.tree import Tree

    from tasks.record.models.trees import ModelLineage, PatientLineage, ReleaseNode

_SHOWN = 12


@command
def lineage(
    asked: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|PSEUDONYM",
            help="A model (name, name/version, name@alias, an MLflow run), or the pseudonym of a patient, a study or "
            "a series.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="For machines, with every instance.")] = False,
    page: Annotated[Path | None, typer.Option("--html", help="Write a page with a drawn graph to this file.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Print all rows of the tree, however many.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show which patients' scans trained a model, or which releases and models hold a patient.

    Reads the register; MLflow is asked only where an alias is named.
    """
    from tasks.record.ledger import Ledger
    from tasks.record.models.asked import find_model_asked
    from tasks.record.models.joins import is_pseudonym, lineage_of_model, lineage_of_patient
    from tasks.record.withdrawals import incomplete

    place = open_workspace(workspace)
    gone = incomplete(place)
    found: ModelLineage | PatientLineage
    with Ledger.open(place) as ledger:
        if is_pseudonym(asked):
            found = lineage_of_patient(ledger, asked, gone)
        else:
            versions = {}
            if "@" in asked:
                from flows.services.state import use_running_services
                from tasks.record.models.aliases import version_of

                use_running_services(place)
                name, _, alias = asked.partition("@")
                versions = {asked: version_of(place, name, alias)}
            found = lineage_of_model(ledger, find_model_asked(ledger, asked, versions), gone)
    if page:
        from flows.lineage_page import model_page, patient_page
        from tasks.core.files import write_text

        write_text(page, model_page(found) if found.kind == "model" else patient_page(found))
    if as_json:
        typer.echo(json.dumps(found.model_dump(mode="json"), indent=2, sort_keys=True))
        return
    most = 10**9 if everything else _SHOWN
    console.print(model_tree(found, most) if found.kind == "model" else patient_tree(found, most))
    if page:
        console.print(f"drawn in {os.path.relpath(page)}", markup=False)


def model_tree(found: ModelLineage, most: int) -> Tree:
    """Model, run, release, then patients by split with studies and series."""
    from rich.markup import escape
    from rich.tree import Tree

    tree = Tree(f"[bold]{escape(found.name)} v{escape(found.version)}[/]")
    run = tree.add(f"MLflow run {escape(found.run_id)}")
    release = run.add(_release_line(found.release))
    for split in sorted({one.split for one in found.patients}, key=lambda name: (name != "train", name)):
        patients = [one for one in found.patients if one.split == split]
        of_split = release.add(f"{escape(split)}: {len(patients)} patients")
        for one in patients[:most]:
            of_patient = of_split.add(f"{one.patient}  {one.instances} instances")
            for study in one.studies[:most]:
                count = sum(len(series.instances) for series in study.series)
                of_patient.add(f"{study.study}  {len(study.series)} series, {count} instances")
        if len(patients) > most:
            of_split.add(f"… and {len(patients) - most} more (--all)")
    return tree


def patient_tree(found: PatientLineage, most: int) -> Tree:
    """The patient with studies and series at the source, then releases with the models trained on them."""
    from rich.markup import escape
    from rich.tree import Tree

    tree = Tree(f"[bold]{found.asked}[/]" + ("" if found.asked == found.patient else f" of patient {found.patient}"))
    for study in sorted({unit.study for unit in found.units}):
        units = [unit for unit in found.units if unit.study == study]
        of_study = tree.add(f"study {study}")
        for unit in units[:most]:
            of_study.add(f"series {unit.unit}  {unit.modality}, {unit.expected} instances, {unit.state}")
        if len(units) > most:
            of_study.add(f"… and {len(units) - most} more (--all)")
    for release in found.releases:
        of_release = tree.add(_release_line(release))
        for model in found.models:
            if model.release == release.tag:
                used = "learned from them" if model.split == "train" else f"saw them in {model.split}"
                name = f"{model.name} v{model.version}"
                of_release.add(f"model {escape(name)} {escape(used)}, MLflow run {escape(model.run_id)}")
    if not found.releases:
        tree.add("in no release")
    return tree


def _release_line(release: ReleaseNode) -> str:
    gone = f"  [red]incomplete: {release.gone.instances} instances withdrawn[/]" if release.gone else ""
    made = f"  flow run {release.flow_run}" if release.flow_run else ""
    return (
        f"{release.tag}  {release.instances} instances in {release.series} series, DVC {release.dvc}, "
        f"commit {release.commit[:12]}{made}{gone}"
    )
