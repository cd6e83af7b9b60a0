"""Prefect tasks of enhancement: training on the latest release, judging on held-out patients, recording both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.settings.enhancement import EnhancementSettings
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.models.enhancements import Network, log_network
from tasks.record.models.lineage import LoggedModel
from tasks.record.register import Model, latest_release, record_model
from tasks.record.releases.records import Record, read_records
from tasks.record.releases.release import read_manifest
from tasks.retryable import retryable
from tasks.transform.enhance.cases import find_cases, held_out
from tasks.transform.enhance.changes import Judged, judge
from tasks.transform.enhance.examples import TEST
from tasks.transform.enhance.figure import Gallery
from tasks.transform.enhance.methods import network_method
from tasks.transform.enhance.report import write_report
from tasks.transform.enhance.training import TrainedNetwork, train_network
from tasks.transform.enhance.weights import write_weights
from tasks.transform.volumes.noted import VolumeRefused

Progress = Callable[[str, int, int], None]


@retryable("train network", retries=0)
def train(
    workspace: Workspace, settings: EnhancementSettings, progress: Progress = lambda *_: None
) -> tuple[TrainedNetwork, Path]:
    """Train on the latest release and write the weights to data/models; returns both."""
    if _record(workspace).content != read_manifest(workspace)["content"]:
        raise ContractViolation(f"{workspace.dataset} is not the latest release: run `sluice run`, or `dvc checkout`")
    trained = train_network(workspace.dataset, settings, progress)
    folder = workspace.data / "models"
    draft = folder / f".{settings.model_name}.npz"
    weights = write_weights(trained.weights, draft)
    target = folder / f"{settings.model_name}-{weights.sha256[:12]}.npz"
    draft.replace(target)
    return replace(trained, weights=weights), target


@retryable("judge network", retries=0)
def judge_network(
    workspace: Workspace, trained: TrainedNetwork, settings: EnhancementSettings, target: Path
) -> Judged | None:
    """Write the report on the test patients to `target`; None, with no report, where none of them makes a volume."""
    gallery = Gallery()
    try:
        places = held_out(workspace.root, workspace.dataset, TEST)
        cases = find_cases(places, (), workspace.settings.transform)
        judged = judge(cases, network_method(trained.weights), settings, gallery)
    except VolumeRefused:
        return None
    write_report(target, judged, gallery.panels, settings, trained.proofs)
    return judged


@retryable("record network", retries=1)
def record_network(
    workspace: Workspace,
    ledger: Ledger,
    trained: TrainedNetwork,
    weights: Path,
    report: Path | None,
    tracking_uri: str,
    model_name: str,
    flow_run: str | None,
    flow_run_page: str | None,
) -> tuple[LoggedModel, str]:
    """Log training and report, and enter model and patients in the register; returns the model and the tag."""
    record = _record(workspace)
    release = latest_release(ledger, workspace.settings.export.name)
    if release is None or release.content != record.content:
        raise ContractViolation("the register lacks the latest release: run `python -m tasks.record` first")
    network = Network(
        weights=weights,
        sha256=trained.weights.sha256,
        params={**trained.params, "patches_in_all": trained.patches, "weights_sha256": trained.weights.sha256},
        metrics=trained.metrics | {f"{split}_images": float(count) for split, count in trained.images.items()},
        curves=(
            ("loss", [epoch.loss for epoch in trained.epochs]),
            ("validation_psnr", [epoch.validation_psnr for epoch in trained.epochs]),
        ),
        splits=sorted(trained.images),
        folders={"report": report} if report else {},
    )
    logged = log_network(
        tracking_uri,
        workspace.settings.export.name,
        network,
        record,
        release.commit,
        model_name=model_name,
        flow_run=flow_run,
        flow_run_page=flow_run_page,
    )
    model = Model(name=logged.name, version=logged.version, run_id=logged.run_id, release=release.tag)
    record_model(ledger, model, trained.patients)
    return logged, release.tag


def _record(workspace: Workspace) -> Record:
    records = read_records(workspace, workspace.settings.export.name)
    if not records:
        raise ConfigurationError("there is no release to train on: run `sluice run` first")
    return records[-1]
