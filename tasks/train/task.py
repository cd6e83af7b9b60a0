"""Prefect tasks of training: fitting the baseline, and recording what it learned from."""

from __future__ import annotations

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.settings import TrainSettings
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.lineage import LoggedModel, log_training
from tasks.record.records import Record, read_records
from tasks.record.register import Model, latest_release, record_model
from tasks.record.release import read_manifest
from tasks.record.withdrawals import refuse_incomplete
from tasks.retryable import retryable
from tasks.train.baseline import TrainedModel, train


@retryable("train", retries=0)
def train_baseline(workspace: Workspace, settings: TrainSettings) -> TrainedModel:
    """Fit on the train split of the latest release, and score on the others."""
    if _record(workspace).content != read_manifest(workspace)["content"]:
        raise ContractViolation(f"{workspace.dataset} is not the latest release: run `sluice run`, or `dvc checkout`")
    return train(workspace.dataset, settings)


@retryable("record model", retries=1)
def record_training(
    workspace: Workspace,
    ledger: Ledger,
    trained: TrainedModel,
    tracking_uri: str,
    model_name: str,
    flow_run: str | None,
    flow_run_page: str | None,
) -> tuple[LoggedModel, str]:
    """Log the training, and enter model and patients in the register; returns the model and the release's tag."""
    record = _record(workspace)
    release = latest_release(ledger, workspace.settings.export.name)
    if release is None or release.content != record.content:
        raise ContractViolation("the register lacks the latest release: run `python -m tasks.record` first")
    logged = log_training(
        tracking_uri,
        workspace.settings.export.name,
        trained,
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
    refuse_incomplete(workspace, records[-1].tag)
    return records[-1]
