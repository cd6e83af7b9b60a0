"""A release with the label among its features: the run fails and names it, and the model is no candidate."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from tasks.core.files import write_table
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.models.asked import known_models
from tasks.record.models.promotion import standings
from tests.support.places import with_params
from tests.support.runs import train


def test_a_leak_fails_the_run_and_keeps_the_model_from_being_a_candidate(study: Workspace) -> None:
    labels = pd.read_parquet(study.dataset / "labels.parquet").query("label == 'lesion'")
    by_study = dict(zip(labels["study"], labels["value"], strict=True))
    series = pd.read_parquet(study.dataset / "series.parquet")[["unit", "patient", "study", "modality"]]
    series = series[series["study"].isin(by_study)]
    noise = np.random.default_rng(0).normal(size=len(series))
    told = series.assign(stat_mean=noise, stat_var=[3.0 * by_study[name] for name in series["study"]])
    write_table(told, study.dataset / "features.parquet")
    columns = [{"name": name, "family": "statistics"} for name in ("stat_mean", "stat_var")]
    (study.dataset / "features.json").write_text(json.dumps({"columns": columns}), encoding="utf-8")
    uri = f"sqlite:///{study.services / 'mlflow.db'}"
    study = with_params(study, train={"permutations": 2, "bootstrap": 50})
    state = train(study, MLFLOW_TRACKING_URI=uri)
    assert (state.type.value, state.name) == ("FAILED", "Blocked")
    assert "leak label-in-features: " in (state.message or "")
    assert "stat_var" in (state.message or "")
    with Ledger.open(study) as ledger:
        (version,) = standings(uri, known_models(ledger))
    assert (version.state, version.leaks) == ("", "label-in-features")
    report = next((study.docs / "models").glob("*/report.md")).read_text(encoding="utf-8")
    assert "label-in-features" in report
    study = with_params(study, train={"on_leak": "warn", "permutations": 2, "bootstrap": 50})
    state = train(study, MLFLOW_TRACKING_URI=uri)
    assert state.is_completed()
    assert "leak label-in-features" in (state.message or "")


def test_predictions_are_not_sent_where_a_withdrawal_does_not_reach(study: Workspace) -> None:
    state = train(
        with_params(study, train={"log_predictions": True}), MLFLOW_TRACKING_URI="http://mlflow.example.org:5000"
    )
    assert state.name == "Misconfigured"
    assert "where a withdrawal does not reach" in (state.message or "")
