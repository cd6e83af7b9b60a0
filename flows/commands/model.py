"""`sluice model`: which versions there are, what their training said, promoting one through the gate, retiring one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flows.commands.common import WorkspaceOption, choose, command, console, open_workspace
from tasks.core.errors import ConfigurationError

if TYPE_CHECKING:
    from flows.train_model import Finished
    from tasks.core.workspace import Workspace
    from tasks.record.models.promotion import Check, ModelWaiver, Standing

app = typer.Typer(
    name="model",
    help="Versions of models: list them, promote one through the gate, retire one (docs/training.md).",
    no_args_is_help=True,
)

Asked = Annotated[str, typer.Argument(metavar="NAME/VERSION", help="A version, or NAME@candidate.")]


@app.command("list")
@command
def list_models(
    name: Annotated[str | None, typer.Argument(help="Only this model's versions.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """List the versions of the register: state, test AUC and the lower end of its interval, leaks and shortcuts."""
    from tasks.record.ledger import Ledger
    from tasks.record.models.asked import known_models
    from tasks.record.models.promotion import standings
    from tasks.record.withdrawals import incomplete

    place = open_workspace(workspace)
    with Ledger.open(place) as ledger:
        models = [model for model in known_models(ledger) if name in (None, model.name)]
    if not models:
        raise ConfigurationError("there is no such model: `sluice train` makes one")
    gone = incomplete(place)
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "state", "test AUC", "from", "leaks", "shortcuts", "release", "why"):
        table.add_column(heading, overflow="fold")
    for one in standings(_tracking(place), models):
        auc, low = ("-" if value is None else f"{value:.3f}" for value in (one.auc, one.low))
        release = f"{one.release} (incomplete)" if one.release in gone else one.release
        told = (one.state or "-", auc, low, one.leaks or "-", one.shortcuts or "-", release, one.why)
        table.add_row(f"{one.name}/{one.version}", *told)
    console.print(table, soft_wrap=False, markup=False)


@app.command()
@command
def promote(
    asked: Asked,
    waive: Annotated[
        list[str] | None, typer.Option(help="A check that may fail this once: auc, leaks, shortcuts or release.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why it may fail, in a sentence; kept with the version.")] = "",
    by: Annotated[str, typer.Option(help="Who answers for it: a name or a role; kept with the version.")] = "",
    workspace: WorkspaceOption = None,
) -> None:
    """Make a version the champion, if the gate lets it.

    The lower end of its test AUC's interval must not be under the champion's (without one: be above chance), there must
    be no leak and no shortcut, and nobody may have withdrawn from its release. The former champion retires. Ends with 3
    where it is refused.
    """
    from tasks.record.ledger import Ledger
    from tasks.record.models.promotion import judge
    from tasks.record.models.promotion import promote as do_promote
    from tasks.record.withdrawals import incomplete

    place = open_workspace(workspace)
    waivers = _waivers(waive or [], reason, by)
    with Ledger.open(place) as ledger:
        version, champion = _find(place, ledger, asked)
        checks = judge(version, champion, incomplete(place), waivers)
        for check in checks:
            _print_check(check)
        do_promote(_tracking(place), ledger, version, champion, checks)
    former = f"; v{champion.version} retires" if champion else ""
    console.print(f"{version.name}/{version.version} is the champion{former}: {version.name}@champion", markup=False)


@app.command()
@command
def retire(
    asked: Asked,
    reason: Annotated[str, typer.Option(prompt=True, help="Why, in a sentence; kept with the version.")],
    by: Annotated[str, typer.Option(prompt=True, help="Who says so: a name or a role; kept with the version.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Take a version out of use. It stays in the registry, so that its lineage does."""
    from tasks.record.ledger import Ledger
    from tasks.record.models.promotion import retire as do_retire

    place = open_workspace(workspace)
    reason, by = _said(reason, by)
    with Ledger.open(place) as ledger:
        version, _ = _find(place, ledger, asked)
        do_retire(_tracking(place), ledger, version, reason, by)
    console.print(f"{version.name}/{version.version} is retired", markup=False)


def print_training(finished: Finished) -> None:
    """The table of a training, what was found, and what to open."""
    from tasks.train.report import findings, ordered
    from tasks.train.scores import METRICS

    trained, logged = finished.trained, finished.logged
    console.print(f"{trained.params['target']} from {trained.params['features']}: {trained.params['estimator']}")
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    parts = ordered(trained)
    for part in parts:
        table.add_column(f"{part.split}, {part.studies} studies of {part.patients} patients", overflow="fold")
    for metric in METRICS:
        table.add_row(metric, *(str(part.intervals.get(metric, "-")) for part in parts))
    console.print(table, soft_wrap=False, markup=False)
    for one in trained.leaks.shuffled:
        told = f"{one.mean:.3f}, {one.way}; a leak above {one.limit:.3f}"
        console.print(f"shuffled labels  {told}", markup=False)
    acquisition = trained.shortcuts.roc_auc or "could not be looked at"
    console.print(f"acquisition only {acquisition}", markup=False)
    for line in findings(trained):
        console.print(f"[red]found[/]            {line.replace('[', chr(92) + '[')}")
    report = os.path.relpath(finished.report / "report.md")
    console.print(f"report           {report}", markup=False)
    console.print(f"MLflow           {logged.page or '`sluice up` shows run ' + logged.run_id}", markup=False)
    console.print(f"whose scans      sluice lineage {logged.name}/{logged.version}", markup=False)
    if not trained.leaks.found:
        console.print(f"to use it        sluice model promote {logged.name}/{logged.version}", markup=False)


def _print_check(check: Check) -> None:
    state = "passed" if check.passed else "waived" if check.waiver else "failed"
    console.print(f"{state:<7} {check.name}: {check.sentence}", markup=False)
    if check.waiver:
        console.print(f"        by {check.waiver.by}: {check.waiver.reason}", markup=False)


def _find(place: Workspace, ledger: object, asked: str) -> tuple[Standing, Standing | None]:
    """The version asked for, and the champion of its name."""
    from tasks.record.ledger import Ledger
    from tasks.record.models.aliases import version_of
    from tasks.record.models.asked import find_model_asked, known_models
    from tasks.record.models.promotion import CHAMPION, standings

    assert isinstance(ledger, Ledger)
    tracking = _tracking(place)
    versions = {}
    if "@" in asked:
        name, _, alias = asked.partition("@")
        versions = {asked: version_of(place, name, alias)}
    elif "/" not in asked:
        raise ConfigurationError(f"say which version: {asked}/1, for instance; `sluice model list` has them")
    model = find_model_asked(ledger, asked, versions)
    found = standings(tracking, [one for one in known_models(ledger) if one.name == model.name])
    version = next(one for one in found if one.version == model.version)
    if version.state == "unknown":
        raise ConfigurationError(f"MLflow does not have {version.name}/{version.version}: check MLFLOW_TRACKING_URI")
    return version, next((one for one in found if one.state == CHAMPION), None)


def _waivers(names: list[str], reason: str, by: str) -> list[ModelWaiver]:
    from tasks.record.models.promotion import CHECKS, ModelWaiver

    if not names:
        return []
    reason, by = _said(reason, by)
    return [ModelWaiver(check=choose("--waive", name, CHECKS), reason=reason, by=by) for name in names]


def _said(reason: str, by: str) -> tuple[str, str]:
    from tasks.core.waivers import SHORTEST, suspicions

    reason, by = " ".join(reason.split()), " ".join(by.split())
    if len(reason) < SHORTEST or not by:
        raise ConfigurationError("say with --reason, in a sentence, why, and with --by who answers for it")
    if found := suspicions(f"{reason} {by}"):
        raise ConfigurationError(f"the reason holds what looks like {found[0]}: say it without, MLflow keeps it")
    return reason, by


def _tracking(place: Workspace) -> str:
    from flows.services.state import use_running_services

    use_running_services(place)
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{place.services / 'mlflow.db'}"
