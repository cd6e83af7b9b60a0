"""Trainings in MLflow's registry: what is logged, who may be champion, and the commands that say so."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.commands.common import console
from tasks.core.models import Tally
from tasks.core.settings import TrainSettings
from tasks.core.workspace import Workspace
from tasks.export.stage import export
from tasks.record.ledger import Ledger
from tasks.record.models.asked import known_models
from tasks.record.models.lineage import LoggedModel, Told, log_training
from tasks.record.register import Model, Release, record_model, record_release
from tasks.record.releases.records import Record
from tasks.record.releases.release import read_manifest
from tasks.train.baseline import TrainedModel, train
from tasks.train.report import figures, files, predictions, tags
from tests.support.fake_stages import fill_workspace
from tests.support.places import make_workspace

TAG = "release/dataset/v1"


@dataclass(frozen=True)
class Registry:
    workspace: Workspace
    uri: str
    trained: TrainedModel
    versions: tuple[LoggedModel, ...]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Three versions of one training: as it is, with a leak, and with a higher AUC."""
    workspace = make_workspace(tmp_path_factory.mktemp("registry") / "workspace")
    fill_workspace(workspace, 24)
    export(workspace)
    manifest = read_manifest(workspace)
    record = Record(
        tag=TAG, name="dataset", number=1, content=manifest["content"], dvc="0" * 32 + ".dir", dvc_outputs={},
        commit="b" * 40, code="0.1.0", key_id="k", flow_run=None, created="2026-01-01T00:00:00+00:00",
        tally=Tally(expected=0), manifest=manifest,
    )  # fmt: skip
    trained = train(workspace.dataset, TrainSettings(thumbnail=16, permutations=2, bootstrap=50, folds=2))
    uri = f"sqlite:///{workspace.services / 'mlflow.db'}"
    versions = []
    with Ledger.open(workspace) as ledger:
        kept = {"name", "number", "content", "dvc", "commit", "flow_run", "key_id", "created", "tag"}
        record_release(ledger, Release(**record.model_dump(include=kept)), [])
        for changed, low in (({}, 0.6), ({"leaks": "shuffled-labels"}, 0.9), ({}, 0.7)):
            told = Told(
                files=files(trained, "m on r"),
                metrics={**figures(trained), "test_roc_auc_low": low},
                tags={**tags(trained), **changed},
                candidate=not changed,
            )
            logged = log_training(uri, "dataset", trained, record, "c" * 40, model_name="m", told=told)
            model = Model(name="m", version=logged.version, run_id=logged.run_id, release=TAG)
            record_model(ledger, model, trained.patients)
            versions.append(logged)
    return Registry(workspace, uri, trained, tuple(versions))


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line of a table is broken, whatever the terminal."""
    monkeypatch.setattr(console, "_width", 250)


def sluice(registry: Registry, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(
        app, ["model", *words, "-w", str(registry.workspace.root)], env={"MLFLOW_TRACKING_URI": registry.uri}
    )
    return done.exit_code, " ".join(done.output.split())


def test_report_figures_and_groups_are_in_the_run_and_no_patient_is(registry: Registry) -> None:
    import mlflow

    client = mlflow.MlflowClient(registry.uri)
    run = client.get_run(registry.versions[0].run_id)
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"report.json", "report.md", "calibration.png", "shuffled.png", "roc.png"} <= names
    assert run.data.tags["leaks"] == "none"
    assert run.data.metrics["subgroup.cv.age_band.40-49.patients"] == 18
    assert {"test_brier", "test_ece", "cv_roc_auc", "cv_roc_auc_low"} <= set(run.data.metrics)
    patients = {name.encode() for name in registry.trained.patients}
    shape = re.compile(rb"\b[ps]\d{1,2}\b")
    for place in registry.workspace.services.rglob("*"):
        if place.is_file() and place.suffix in (".json", ".md", ".yaml"):
            assert not {found for found in shape.findall(place.read_bytes()) if found in patients}, place
    with sqlite3.connect(registry.workspace.services / "mlflow.db") as store:
        texts = "\n".join(store.iterdump())
    assert not [name for name in registry.trained.patients if f"'{name}'" in texts]


def test_predictions_are_lines_that_a_withdrawal_can_take_out(registry: Registry) -> None:
    rows = [json.loads(line) for line in predictions(registry.trained).splitlines()]
    assert {row["patient"] for row in rows} == set(registry.trained.patients)
    assert all(0 <= row["score"] <= 1 and row["label"] in (0, 1) for row in rows)


def test_only_what_passes_the_gate_becomes_champion_and_the_former_one_retires(registry: Registry) -> None:
    code, out = sluice(registry, "promote", "m/1")
    assert code == 0, out
    assert "m/1 is the champion: m@champion" in out
    code, out = sluice(registry, "promote", "m/2")
    assert code == 3
    assert "failed leaks: leaks were found: shuffled-labels" in out
    assert sluice(registry, "promote", "m/2", "--waive", "leak", "--reason", "x", "--by", "y")[0] == 2
    code, out = sluice(
        registry, "promote", "m/2", "--waive", "leaks", "--reason", "for a talk about leaks", "--by", "study office"
    )
    assert code == 0, out
    assert "waived leaks" in out
    assert "v1 retires" in out
    code, out = sluice(registry, "promote", "m@candidate")
    assert code == 3
    assert "0.700, is under that of the champion v2, 0.900" in out
    assert sluice(registry, "retire", "m/2", "--reason", "it knew the answers", "--by", "study office")[0] == 0
    assert sluice(registry, "promote", "m@candidate")[0] == 0
    code, out = sluice(registry, "list")
    assert code == 0
    assert re.search(r"m/1 retired .* m/2 retired .* m/3 champion", out)
    assert "study office: it knew the answers" in out
    with sqlite3.connect(registry.workspace.register) as register:
        kinds = [row[0] for row in register.execute("SELECT kind FROM outbox ORDER BY id")]
    assert kinds.count("model.promoted") == 3
    assert kinds.count("model.retired") == 1
    with Ledger.open(registry.workspace) as ledger:
        assert [model.version for model in known_models(ledger)] == ["1", "2", "3"]
    assert Path(registry.workspace.services / "mlruns").is_dir()
