"""A release in, a logged and registered model out, with the patients it learned from in the register."""

from __future__ import annotations

import os
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows import shown
from flows.outcome import decided
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.lineage import LoggedModel
from tasks.train.baseline import TrainedModel
from tasks.train.task import record_training, train_baseline


@flow(name="train_model", persist_result=False, log_prints=False)
def train_model() -> State[Any]:
    """Train the baseline of params.yaml on the latest release of this workspace, and register it in MLflow.

    MLflow is the one of `sluice up`, or the one at MLFLOW_TRACKING_URI; without either a SQLite file in the workspace.
    """
    return decided(_train)


def _train() -> State[Any]:
    workspace = Workspace.find()
    settings = workspace.settings.train
    tracking = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{workspace.services / 'mlflow.db'}"
    with Ledger.open(workspace) as ledger:
        trained = train_baseline(workspace, settings)
        logged, tag = record_training(
            workspace,
            ledger,
            trained,
            tracking,
            settings.model_name,
            str(flow_run.id) if flow_run.id else None,
            flow_run.ui_url or None,
        )
    _show(logged, tag, trained)
    tests = sorted((name, value) for name, value in trained.metrics.items() if name.startswith("test"))
    scores = ", ".join(f"{name} {value:.3f}" for name, value in tests)
    return Completed(message=f"{logged.name} v{logged.version} on {tag}: {scores}")


def _show(logged: LoggedModel, tag: str, trained: TrainedModel) -> None:
    name = f"{logged.name} v{logged.version}"
    if logged.page:
        shown.link("model", logged.page, name, tag)
    rows = [f"| {metric} | {value:.3f} |" for metric, value in sorted(trained.metrics.items())]
    lines = [f"# {name} on {tag}", "", "| | |", "|---|---|", *rows]
    lines += [
        "",
        f"MLflow run `{logged.run_id}`. Whose scans trained it: `sluice lineage {logged.name}/{logged.version}`.",
    ]
    shown.page("scores", "\n".join(lines))
