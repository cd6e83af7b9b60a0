"""A trained enhancement network in MLflow: its run, its weights as an artifact with their digest, and a model version.

Speaks to MLflow through `server` and `versions`; what a network is belongs into `transform.enhance`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.record.models.lineage import LoggedModel
from tasks.record.models.server import open_client, open_experiment, plain_mlflow, without_password
from tasks.record.models.versions import describe, log_inputs, register_version
from tasks.record.releases.records import Record

_WEIGHTS = "weights"


@dataclass(frozen=True)
class Network:
    """What is logged: the weights' file and its digest, parameters, metrics, and (name, values per epoch) curves.

    `folders` maps a name to a folder of files that are kept as artifacts under it. `splits` are those of the release
    that were used. Nothing here names a patient.
    """

    weights: Path
    sha256: str
    params: Mapping[str, str | int | float]
    metrics: Mapping[str, float]
    curves: Sequence[tuple[str, Sequence[float]]]
    splits: Sequence[str]
    folders: Mapping[str, Path]


def log_network(
    tracking_uri: str,
    experiment: str,
    network: Network,
    release: Record,
    commit: str,
    *,
    model_name: str,
    flow_run: str | None = None,
    flow_run_page: str | None = None,
) -> LoggedModel:
    """Log one training as a run with the release as its dataset input, and register the weights as a new version.

    `commit` is the release's. Raises `ConfigurationError` when MLflow cannot be reached or refuses.
    """
    with plain_mlflow(tracking_uri):
        import mlflow  # takes seconds

        client = open_client(tracking_uri)
        tags = describe(release, commit, flow_run, flow_run_page) | {"weights.sha256": network.sha256}
        open_experiment(client, experiment, tracking_uri)
        with mlflow.start_run(
            run_name=f"{model_name} on {release.name} v{release.number}", log_system_metrics=False
        ) as run:
            nobody = {"mlflow.user": "sluice", "mlflow.source.name": "flows.train_enhancement"}
            mlflow.set_tags({**tags, **nobody, "mlflow.source.type": "JOB"})
            log_inputs(release, commit, network.splits)
            mlflow.log_params(dict(network.params))
            for name, values in network.curves:
                for epoch, value in enumerate(values, start=1):
                    mlflow.log_metric(name, value, step=epoch)
            mlflow.log_metrics(dict(network.metrics))
            mlflow.log_artifact(str(network.weights), _WEIGHTS)
            mlflow.log_dict(release.manifest, "release.json")
            for name, folder in network.folders.items():
                mlflow.log_artifacts(str(folder), name)
            source = f"{run.info.artifact_uri}/{_WEIGHTS}"
        made = register_version(
            client,
            model_name,
            source,
            None,
            run.info.run_id,
            tags,
            release,
            "Super-resolution network of Sluice. Each version names the release it is from.",
        )
        page = f"{without_password(tracking_uri).rstrip('/')}/#/models/{model_name}/versions/{made}"
        return LoggedModel(
            name=model_name,
            version=made,
            run_id=run.info.run_id,
            experiment_id=run.info.experiment_id,
            page=page if tracking_uri.startswith("http") else None,
        )
