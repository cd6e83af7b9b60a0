"""A release in, a logged super-resolution network out, with the proof on held-out patients and what it changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows import shown
from flows.outcome import decided
from flows.page_links import address_of
from tasks.core.settings import check_settings
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.models.lineage import LoggedModel
from tasks.transform.enhance.changes import Judged
from tasks.transform.enhance.task import judge_network, record_network, train
from tasks.transform.enhance.training import TrainedNetwork

listeners: list[Callable[[str, int, int], None]] = []
"""Who runs the flow in a process of their own and draws a bar: told (what, done, in all), as the bars in the UI are."""


@flow(name="train_enhancement", persist_result=False, log_prints=False)
def train_enhancement(
    epochs: int | None = None, scale: int | None = None, seed: int | None = None, modalities: list[str] | None = None
) -> State[Any]:
    """Train SRCNN on the latest release, judge it on the test patients, and register it in MLflow.

    What is not given is taken from `enhancement:` in params.yaml. Nothing is enhanced by this: a step `srcnn` with the
    digest that is printed has to be written into `transform.steps`.
    """
    given = {"epochs": epochs, "scale": scale, "seed": seed, "modalities": modalities}
    return decided(lambda: _train({name: value for name, value in given.items() if value is not None}))


def _train(given: dict[str, Any]) -> State[Any]:
    workspace = Workspace.find()
    raw = workspace.settings.enhancement.model_dump(mode="json") | given
    settings = check_settings({"enhancement": raw}, "parameters").enhancement
    tracking = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{workspace.services / 'mlflow.db'}"
    with Ledger.open(workspace) as ledger:
        bars: dict[str, shown.Progress] = {}

        def progress(what: str, done: int, of: int) -> None:
            bars.setdefault(what, shown.Progress(f"enhancement-{what.replace(' ', '-')}", what))(done, of)
            for listener in listeners:
                listener(what, done, of)

        trained, weights = train(workspace, settings, progress)
        report = workspace.docs / weights.stem
        judged = judge_network(workspace, trained, settings, report)
        logged, tag = record_network(
            workspace,
            ledger,
            trained,
            weights,
            report if judged else None,
            tracking,
            settings.model_name,
            str(flow_run.id) if flow_run.id else None,
            flow_run.ui_url or None,
        )
    _show(workspace, logged, tag, trained, judged, report)
    gains = ", ".join(f"{proof.modality} {proof.psnr['gain'].mean:+.2f} dB" for proof in trained.proofs)
    verdict = judged.verdict.value if judged else "not-shown"
    digest = trained.weights.sha256
    place = weights.relative_to(workspace.root).as_posix()
    return Completed(message=f"{logged.name} v{logged.version} on {tag}: {gains}; {verdict}; {place}, sha256 {digest}")


def _show(
    workspace: Workspace, logged: LoggedModel, tag: str, trained: TrainedNetwork, judged: Judged | None, report: Path
) -> None:
    name = f"{logged.name} v{logged.version}"
    if logged.page:
        shown.link("enhancement-model", logged.page, name, tag)
    if judged:
        page = address_of(workspace, report / "report.html")
        shown.link("enhancement-report", page, "What it changed", judged.verdict.sentence)
    rows: list[dict[str, object]] = [
        {
            "modality": proof.modality,
            "patients": proof.psnr["gain"].patients,
            "PSNR bicubic": round(proof.psnr["bicubic"].mean, 2),
            "PSNR network": round(proof.psnr["srcnn"].mean, 2),
            "SSIM bicubic": round(proof.ssim["bicubic"].mean, 4),
            "SSIM network": round(proof.ssim["srcnn"].mean, 4),
        }
        for proof in trained.proofs
    ]
    shown.table("enhancement-proof", rows, f"{name} on held-out patients of {tag}")
