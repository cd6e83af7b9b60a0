"""Prefect tasks of training: fitting a model, and recording what it learned from."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.files import atomic_directory
from tasks.core.settings import TrainSettings
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.models.lineage import LoggedModel, Told, log_training
from tasks.record.register import Model, latest_release, record_model
from tasks.record.releases.records import Record, read_records
from tasks.record.releases.release import read_manifest
from tasks.record.withdrawals import refuse_incomplete
from tasks.retryable import retryable
from tasks.train.baseline import Progress, TrainedModel, train
from tasks.train.report import figures, files, predictions, tags

_HERE = ("127.0.0.1", "localhost", "::1")


@retryable("train", retries=0)
def train_baseline(
    workspace: Workspace, settings: TrainSettings, tracking_uri: str, progress: Progress = lambda *_: None
) -> TrainedModel:
    """Fit on the train split of the latest release, and score on the others."""
    if _record(workspace).content != read_manifest(workspace)["content"]:
        raise ContractViolation(f"{workspace.dataset} is not the latest release: run `sluice run`, or `dvc checkout`")
    if settings.log_predictions and not within_reach(workspace, tracking_uri):
        raise ConfigurationError(
            "train.log_predictions: MLflow is on another machine, where a withdrawal does not reach: set it to false"
        )
    return train(workspace.dataset, settings, progress)


@retryable("record model", retries=1)
def record_training(
    workspace: Workspace,
    ledger: Ledger,
    trained: TrainedModel,
    tracking_uri: str,
    model_name: str,
    flow_run: str | None,
    flow_run_page: str | None,
) -> tuple[LoggedModel, str, Path]:
    """Log the training, and enter model and patients in the register.

    Returns the model, the release's tag, and the folder of the report in data/docs. A model with a leak gets a version
    but is no candidate.
    """
    record = _record(workspace)
    release = latest_release(ledger, workspace.settings.export.name)
    if release is None or release.content != record.content:
        raise ContractViolation("the register lacks the latest release: run `python -m tasks.record` first")
    reported = files(trained, f"{model_name} on {record.tag}")
    kept = {"predictions.jsonl": predictions(trained)} if workspace.settings.train.log_predictions else {}
    told = Told(files=reported | kept, metrics=figures(trained), tags=tags(trained), candidate=not trained.leaks.found)
    logged = log_training(
        tracking_uri,
        workspace.settings.export.name,
        trained,
        record,
        release.commit,
        model_name=model_name,
        told=told,
        flow_run=flow_run,
        flow_run_page=flow_run_page,
    )
    model = Model(name=logged.name, version=logged.version, run_id=logged.run_id, release=release.tag)
    record_model(ledger, model, trained.patients)
    place = workspace.docs / "models" / f"{logged.name}-v{logged.version}"
    with atomic_directory(place) as draft:
        for name, content in reported.items():
            (draft / name).write_bytes(content)
    return logged, release.tag, place


def within_reach(workspace: Workspace, tracking_uri: str) -> bool:
    """Whether MLflow's artifacts lie in data/services, where a withdrawal looks."""
    if tracking_uri.startswith("sqlite:///"):
        place = Path(tracking_uri.removeprefix("sqlite:///")).resolve()
        return place.is_relative_to(workspace.services.resolve())
    return urlsplit(tracking_uri).hostname in _HERE


def _record(workspace: Workspace) -> Record:
    records = read_records(workspace, workspace.settings.export.name)
    if not records:
        raise ConfigurationError("there is no release to train on: run `sluice run` first")
    refuse_incomplete(workspace, records[-1].tag)
    return records[-1]
