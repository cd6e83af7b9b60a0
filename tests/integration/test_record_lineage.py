"""MLflow, on its own SQLite store: the run and the model lead to the release, and hold nothing else."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.core.errors import ConfigurationError
from tasks.core.models import Tally
from tasks.core.settings import TrainSettings
from tasks.core.workspace import Workspace
from tasks.export.stage import export
from tasks.record.models.lineage import LoggedModel, log_training
from tasks.record.releases.records import Record
from tasks.record.releases.release import read_manifest
from tasks.train.baseline import TrainedModel, train
from tests.support.fake_stages import fill_workspace
from tests.support.places import make_workspace

DVC = "0123456789abcdef0123456789abcdef.dir"
COMMIT = "c" * 40


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = make_workspace(tmp_path_factory.mktemp("lineage") / "workspace")
    fill_workspace(workspace, 24)
    export(workspace)
    return workspace


@pytest.fixture(scope="module")
def trained(workspace: Workspace) -> TrainedModel:
    return train(workspace.dataset, TrainSettings(thumbnail=16, permutations=2, bootstrap=50))


@pytest.fixture(scope="module")
def record(workspace: Workspace) -> Record:
    manifest = read_manifest(workspace)
    return Record(
        tag="release/dataset/v7", name="dataset", number=7, content=manifest["content"], dvc=DVC, dvc_outputs={},
        commit="b" * 40, code="0.1.0", key_id="k", flow_run="flow-build", created="2026-01-01T00:00:00+00:00",
        tally=Tally(expected=0), manifest=manifest,
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    import mlflow

    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder}/mlflow.db"
    mlflow.MlflowClient(uri).create_experiment("hearts", artifact_location=(folder / "artifacts").as_uri())
    return uri


@pytest.fixture(scope="module")
def logged(store: str, trained: TrainedModel, record: Record) -> LoggedModel:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return log_training(store, "hearts", trained, record, COMMIT, model_name="baseline", flow_run="flow-train")


def client(store: str) -> Any:
    import mlflow

    return mlflow.MlflowClient(store)


def test_the_run_has_the_release_as_its_input_with_dvcs_digest(store: str, logged: LoggedModel) -> None:
    inputs = client(store).get_run(logged.run_id).inputs.dataset_inputs
    told = {one.dataset.name: (one.dataset.digest, one.tags[0].value) for one in inputs}
    assert told == {
        "dataset v7": (DVC, "training"),
        "dataset v7 (test)": (DVC, "evaluation"),
        "dataset v7 (validation)": (DVC, "evaluation"),
    }
    assert "release/dataset/v7" in inputs[0].dataset.source


def test_the_run_tells_release_commit_gates_profile_and_flow(store: str, logged: LoggedModel) -> None:
    tags = client(store).get_run(logged.run_id).data.tags
    assert tags["release"] == "release/dataset/v7"
    assert tags["git.commit"] == COMMIT
    assert tags["dvc.md5"] == DVC
    assert tags["gates"] == "1 of 1 rules pass"
    assert tags["profile"] == "research"
    assert (tags["release.flow_run"], tags["flow_run"]) == ("flow-build", "flow-train")


def test_metrics_params_and_figures_are_there(store: str, logged: LoggedModel, trained: TrainedModel) -> None:
    run = client(store).get_run(logged.run_id)
    assert {name: run.data.metrics[name] for name in trained.metrics} == trained.metrics
    assert run.data.metrics["train_patients"] == 12
    assert run.data.params["target"] == "lesion"
    assert {file.path for file in client(store).list_artifacts(logged.run_id)} == {
        "confusion_matrix.png", "roc.png", "release.json",
    }  # fmt: skip


def test_the_registered_version_leads_to_the_release_and_predicts(
    store: str, logged: LoggedModel, trained: TrainedModel
) -> None:
    import mlflow

    version = client(store).get_model_version("baseline", logged.version)
    assert version.run_id == logged.run_id
    assert version.tags["release"] == "release/dataset/v7"
    assert "git checkout release/dataset/v7 && dvc checkout" in version.description
    loaded = mlflow.pyfunc.load_model(f"models:/baseline/{logged.version}")
    assert np.allclose(loaded.predict(trained.example), trained.estimator.predict_proba(trained.example))


def test_nothing_in_the_store_names_the_machine_or_a_patient(
    store: str, logged: LoggedModel, workspace: Workspace
) -> None:
    folder = Path(store.removeprefix("sqlite:///")).parent
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert str(workspace.root).encode() not in content
    assert client(store).get_run(logged.run_id).data.tags["mlflow.user"] == "sluice"


class _Refusing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(401)
        self.end_headers()
        self.wfile.write(b"You are not authenticated.")

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://admin:hunter2@127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_wrong_password_is_one_line_without_it(refusing: str, trained: TrainedModel, record: Record) -> None:
    with pytest.raises(ConfigurationError, match="refuses the user or password") as caught:
        log_training(refusing, "hearts", trained, record, COMMIT, model_name="baseline")
    assert "hunter2" not in str(caught.value)
    assert "admin" not in str(caught.value)


def test_a_server_that_is_not_there_is_one_line(
    trained: TrainedModel, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with pytest.raises(ConfigurationError, match="does not answer: start it, or correct MLFLOW_TRACKING_URI") as caught:
        log_training("http://admin:hunter2@127.0.0.1:9", "hearts", trained, record, COMMIT, model_name="baseline")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
