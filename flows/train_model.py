"""A release in, a logged and examined model out, with the patients it learned from in the register."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows import shown
from flows.lineage_page import model_page
from flows.outcome import decided
from flows.page_links import address_of
from tasks.core.files import write_text
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.models.asked import find_model_asked
from tasks.record.models.joins import lineage_of_model
from tasks.record.models.lineage import LoggedModel
from tasks.record.withdrawals import incomplete
from tasks.train.baseline import TrainedModel
from tasks.train.report import findings, to_markdown
from tasks.train.task import record_training, train_baseline

listeners: list[Callable[[str, int, int], None]] = []
"""Who runs the flow in a process of their own and draws a bar: told (what, done, in all), as the bars in the UI are."""


@dataclass(frozen=True)
class Finished:
    """A training that was logged; `report` is the folder of its report."""

    trained: TrainedModel
    logged: LoggedModel
    tag: str
    report: Path


readers: list[Callable[[Finished], None]] = []
"""Who wants to show more than the flow's last state."""


@flow(name="train_model", persist_result=False, log_prints=False)
def train_model() -> State[Any]:
    """Train the model of params.yaml on the latest release of this workspace, examine it, and register it in MLflow.

    MLflow is the one of `sluice up`, or the one at MLFLOW_TRACKING_URI; without either a SQLite file in the workspace.
    A leak fails the run, unless train.on_leak is warn.
    """
    return decided(_train)


def _train() -> State[Any]:
    workspace = Workspace.find()
    settings = workspace.settings.train
    tracking = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{workspace.services / 'mlflow.db'}"
    bars: dict[str, shown.Progress] = {}

    def progress(what: str, done: int, of: int) -> None:
        bars.setdefault(what, shown.Progress(f"training-{what.replace(' ', '-')}", what))(done, of)
        for listener in listeners:
            listener(what, done, of)

    with Ledger.open(workspace) as ledger:
        trained = train_baseline(workspace, settings, tracking, progress)
        logged, tag, report = record_training(
            workspace,
            ledger,
            trained,
            tracking,
            settings.model_name,
            str(flow_run.id) if flow_run.id else None,
            flow_run.ui_url or None,
        )
        model = find_model_asked(ledger, f"{logged.name}/{logged.version}")
        lineage = report / "lineage.html"
        write_text(lineage, model_page(lineage_of_model(ledger, model, incomplete(workspace))))
    finished = Finished(trained, logged, tag, report)
    _show(finished, address_of(workspace, lineage))
    for reader in readers:
        reader(finished)
    name = f"{logged.name} v{logged.version}"
    stated = findings(trained)
    if trained.leaks.found and settings.on_leak == "stop":
        place = (report / "report.md").relative_to(workspace.root)
        return Failed(name="Blocked", message=f"{name} on {tag}: {'; '.join(stated)}; see {place}")
    final = next((part for part in trained.evaluations if part.split == "test"), trained.evaluations[-1])
    scores = f"{final.split} AUC {final.intervals['roc_auc']}" if "roc_auc" in final.intervals else "no AUC"
    warned = f"; {len(stated)} warning{'s' * (len(stated) > 1)}: {'; '.join(stated)}" if stated else ""
    return Completed(message=f"{name} on {tag}: {scores}{warned}")


def _show(finished: Finished, lineage: str) -> None:
    logged = finished.logged
    name = f"{logged.name} v{logged.version}"
    if logged.page:
        shown.link("model", logged.page, name, finished.tag)
    shown.link("lineage", lineage, f"Lineage of {name}", "Whose scans it learned from, drawn")
    told = to_markdown(finished.trained, f"{name} on {finished.tag}")
    text = "\n".join(line for line in told.splitlines() if not line.startswith("!["))
    more = f"MLflow run `{logged.run_id}`. Whose scans trained it: `sluice lineage {logged.name}/{logged.version}`."
    shown.page("scores", f"{text}\n\n{more}")
