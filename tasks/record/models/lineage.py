"""A training in MLflow: a run that says which release a model learned from, and the model in the registry.

MLflow is reached through `server`; how a run is tied to its release is in `versions`. What a model is and how it is
trained belongs into `train`; which patients it saw is kept in `register`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tasks.core.models import Frozen
from tasks.record.models.plots import Evaluated, draw_confusion, draw_roc
from tasks.record.models.server import open_client, open_experiment, plain_mlflow, without_password
from tasks.record.models.versions import describe, log_inputs, register_version
from tasks.record.releases.records import Record

_TRUSTED = ["sklearn.feature_selection._univariate_selection.f_classif"]
"""Functions that the stored pipeline names; everything else in it is on the list of skops already."""


class Trained(Protocol):
    """What `tasks.train.baseline.TrainedModel` offers. Patients are pseudonyms and go into the register, not here.

    `estimator` is a pipeline of scikit-learn, or None where `weights` are those of a network.
    """

    @property
    def estimator(self) -> Any: ...
    @property
    def weights(self) -> bytes | None: ...
    @property
    def evaluations(self) -> Sequence[Evaluated]: ...
    @property
    def series_per_split(self) -> Mapping[str, int]: ...
    @property
    def patients(self) -> Mapping[str, str]: ...
    @property
    def example(self) -> Any: ...
    @property
    def params(self) -> Mapping[str, str | int | float]: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...


@dataclass(frozen=True)
class Told:
    """What else is logged: artifacts by name, further metrics, and tags, which the version gets too.

    `candidate` lets the version have that alias. Nothing of it may name a patient, but what a withdrawal can take out.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    candidate: bool = False


class LoggedModel(Frozen):
    """Where a model is in MLflow. `page` is its address, where MLflow is a server."""

    name: str
    version: str
    run_id: str
    experiment_id: str
    page: str | None


def log_training(
    tracking_uri: str,
    experiment: str,
    trained: Trained,
    release: Record,
    commit: str,
    *,
    model_name: str,
    told: Told | None = None,
    flow_run: str | None = None,
    flow_run_page: str | None = None,
) -> LoggedModel:
    """Log one training as a run with the release as its dataset input, and register the model as a new version.

    `commit` is the release's commit (its tag's). Raises `ConfigurationError` when MLflow cannot be reached or refuses.
    """
    with plain_mlflow(tracking_uri):
        import mlflow  # takes seconds

        client = open_client(tracking_uri)
        told = told or Told()
        tags = {**describe(release, commit, flow_run, flow_run_page), **told.tags}
        open_experiment(client, experiment, tracking_uri)
        with mlflow.start_run(
            run_name=f"{model_name} on {release.name} v{release.number}", log_system_metrics=False
        ) as run:
            mlflow.set_tags({**tags, **_NOBODY})
            log_inputs(release, commit, sorted(trained.series_per_split))
            mlflow.log_params({**trained.params, **{f"params.{k}": v for k, v in release.manifest["params"].items()}})
            mlflow.log_figure(draw_confusion(trained.evaluations), "confusion_matrix.png")
            mlflow.log_figure(draw_roc(trained.evaluations), "roc.png")
            mlflow.log_dict(release.manifest, "release.json")
            _log_files(told.files)
            source, model_id = _log_weights(run, trained.weights) if trained.weights else _log_estimator(trained)
            mlflow.log_metrics({**trained.metrics, **_counts(trained), **told.metrics}, model_id=model_id)
        made = register_version(client, model_name, source, model_id, run.info.run_id, tags, release)
        if told.candidate:
            client.set_registered_model_alias(model_name, "candidate", made)
        server = tracking_uri.startswith("http")
        page = f"{without_password(tracking_uri).rstrip('/')}/#/models/{model_name}/versions/{made}" if server else None
        return LoggedModel(
            name=model_name, version=made, run_id=run.info.run_id, experiment_id=run.info.experiment_id, page=page
        )


_NOBODY = {"mlflow.user": "sluice", "mlflow.source.name": "flows.train_model", "mlflow.source.type": "JOB"}
"""Instead of the account and the script's place on this machine, which MLflow would enter."""


def _log_files(files: Mapping[str, bytes], folder: str | None = None) -> None:
    import mlflow

    with tempfile.TemporaryDirectory() as place:
        for name, content in files.items():
            (Path(place) / name).write_bytes(content)
        mlflow.log_artifacts(place, folder)


def _log_weights(run: Any, weights: bytes) -> tuple[str, None]:
    """A network goes in as plain arrays, since MLflow's own form of it is a pickle."""
    _log_files({"weights.npz": weights}, "weights")
    return f"{run.info.artifact_uri}/weights", None


def _log_estimator(trained: Trained) -> tuple[str, str]:
    import mlflow
    from mlflow.models import infer_signature

    example = np.asarray(trained.example, dtype=np.float32)
    signature = infer_signature(example, trained.estimator.predict_proba(example))
    needed = [f"{package}=={version(package)}" for package in ("scikit-learn", "numpy", "skops")]
    logged = mlflow.sklearn.log_model(
        trained.estimator,
        name="model",
        signature=signature,
        serialization_format="skops",
        skops_trusted_types=_TRUSTED,
        pyfunc_predict_fn="predict_proba",
        pip_requirements=needed,
    )
    return str(logged.model_uri), str(logged.model_id)


def _counts(trained: Trained) -> dict[str, float]:
    counts = {f"{split}_series": float(count) for split, count in trained.series_per_split.items()}
    for part in trained.evaluations:
        counts[f"{part.split}_studies"] = float(part.studies)
        counts[f"{part.split}_patients"] = float(sum(split == part.split for split in trained.patients.values()))
    return counts
