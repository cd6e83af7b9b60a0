"""The one MLflow adapter: a run that says which release a model learned from, and the model in the registry.

What a model is and how it is trained belongs into `train`; which patients it saw is kept in `register`.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from tasks.core.errors import ConfigurationError
from tasks.core.models import Frozen
from tasks.record.models.plots import Evaluated, draw_confusion, draw_roc
from tasks.record.releases.records import Record

if TYPE_CHECKING:
    from mlflow import MlflowClient

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "GIT_PYTHON_REFRESH": "quiet",
}
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


def describe(release: Record, commit: str, flow_run: str | None, flow_run_page: str | None) -> dict[str, str]:
    """The tags that lead from a run or a model version to its release; pseudonymous."""
    gates = release.manifest["gates"]
    passed = sum(bool(rule["passed"]) for rule in gates)
    tags = {
        "release": release.tag,
        "release.content": release.content,
        "dvc.md5": release.dvc,
        "dvc.rev": release.tag,
        "git.commit": commit,
        "gates": f"{passed} of {len(gates)} rules pass",
        "gates.failed": ", ".join(f"{rule['suite']}/{rule['rule']}" for rule in gates if not rule["passed"]) or "none",
        "gates.waived": ", ".join(str(waiver["rule"]) for waiver in release.waivers),
        "profile": release.manifest["profile"]["name"],
        "profile.digest": release.manifest["profile"]["settings"],
        "key_id": release.key_id,
        "code": release.code,
        "flow_run": flow_run or "",
        "flow_run.page": flow_run_page or "",
        "release.flow_run": release.flow_run or "",
    }
    return {name: value for name, value in tags.items() if value}


_NOBODY = {"mlflow.user": "sluice", "mlflow.source.name": "flows.train_model", "mlflow.source.type": "JOB"}
"""Instead of the account and the script's place on this machine, which MLflow would enter."""


def open_client(tracking_uri: str) -> MlflowClient:
    """A client of the MLflow at `tracking_uri`, which answered; everything logged afterwards goes there."""
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    client = mlflow.MlflowClient(tracking_uri)
    client.search_experiments(max_results=1)  # a wrong address or password shows here, before anything is made
    return client


def open_experiment(client: MlflowClient, name: str, tracking_uri: str) -> None:
    """Log into experiment `name`. Beside a database file, MLflow would keep artifacts wherever the command is run."""
    import mlflow

    beside = tracking_uri.removeprefix("sqlite:///")
    if beside != tracking_uri and client.get_experiment_by_name(name) is None:
        client.create_experiment(name, artifact_location=(Path(beside).resolve().parent / "mlruns").as_uri())
    mlflow.set_experiment(name)


def log_inputs(release: Record, commit: str, splits: Sequence[str]) -> None:
    """Enter the release as the run's dataset input, once for each split, by DVC's digest."""
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    place = f"data/dataset/{release.name}"
    source = CodeDatasetSource(
        {"dvc.path": place, "dvc.rev": release.tag, "git.commit": commit, "release": release.tag}
    )
    name = f"{release.name} v{release.number}"  # a name may come once in a run, so each split has its own
    mlflow.log_input(MetaDataset(source, name=name, digest=release.dvc), context="training")
    for split in sorted(set(splits) - {"train"}):
        mlflow.log_input(MetaDataset(source, name=f"{name} ({split})", digest=release.dvc), context="evaluation")


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


def register_version(
    client: MlflowClient,
    name: str,
    source: str,
    model_id: str | None,
    run_id: str,
    tags: Mapping[str, str],
    release: Record,
    description: str = "Baseline of Sluice. Each version names the release it is from.",
) -> str:
    """Make a version of the model `name`, the model itself where it is new; returns the version."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        client.create_registered_model(name, description=description)
    told = (
        f"Trained on `{release.tag}`: DVC `{release.dvc}`, git `{tags['git.commit']}`, content `{release.content}`. "
        f"`git checkout {release.tag} && dvc checkout` brings the data back; the register knows whose scans they are."
    )
    made = client.create_model_version(name, source, run_id, tags=dict(tags), description=told, model_id=model_id)
    return str(made.version)


def _counts(trained: Trained) -> dict[str, float]:
    counts = {f"{split}_series": float(count) for split, count in trained.series_per_split.items()}
    for part in trained.evaluations:
        counts[f"{part.split}_studies"] = float(part.studies)
        counts[f"{part.split}_patients"] = float(sum(split == part.split for split in trained.patients.values()))
    return counts


@contextmanager
def plain_mlflow(tracking_uri: str) -> Iterator[None]:
    """Quiet MLflow, and turn what it raises into one line without a password."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    place = without_password(tracking_uri)
    from mlflow.exceptions import MlflowException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except MlflowException as error:
        status = error.get_http_status_code()
        words = str(error).lower()
        if status in (401, 403) or "401" in words or "unauthorized" in words or "permission denied" in words:
            raise ConfigurationError(
                f"MLflow at {place} refuses the user or password: set MLFLOW_TRACKING_USERNAME and _PASSWORD"
            ) from None
        if "max retries" in words or "api request" in words or "connection" in words or status >= 500:
            raise ConfigurationError(
                f"MLflow at {place} does not answer: start it, or correct MLFLOW_TRACKING_URI"
            ) from None
        raise ConfigurationError(f"MLflow at {place} refused to log the training ({error.error_code})") from None


def without_password(uri: str) -> str:
    """An address for messages and links."""
    try:
        url = make_url(uri)
    except (ArgumentError, ValueError):
        return "its address"
    return url._replace(username=None, password=None).render_as_string() if url.host else uri.split("?")[0]
