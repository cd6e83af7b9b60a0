"""Training the network for real: it beats bicubic enlargement on patients it never saw, and the same bytes come out."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.core.files import sha256
from tasks.core.models import Tally
from tasks.core.settings.enhancement import EnhancementSettings
from tasks.record.models.enhancements import Network, log_network
from tasks.record.releases.records import Record
from tasks.transform.enhance.changes import judge
from tasks.transform.enhance.figure import Gallery
from tasks.transform.enhance.methods import Method
from tasks.transform.enhance.report import write_report
from tasks.transform.enhance.srcnn import apply_network
from tasks.transform.enhance.training import TrainedNetwork, train_network
from tasks.transform.enhance.weights import MARGIN, write_weights
from tests.support.enhance import draw_picture, make_case, needs_torch, random_weights, write_release

ERASE = Method("median", lambda image: cv2.medianBlur((image * 255).astype(np.uint8), 15).astype(np.float32) / 255)
SETTINGS = EnhancementSettings(modalities=("CT",), epochs=3, patches=24, batch=8)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def trained(release: Path) -> TrainedNetwork:
    return train_network(release, SETTINGS)


@needs_torch
def test_the_network_beats_bicubic_enlargement_on_patients_it_never_saw(trained: TrainedNetwork) -> None:
    (proof,) = trained.proofs
    assert proof.psnr["gain"].patients == 2
    assert proof.psnr["gain"].low > 0.3
    assert proof.ssim["gain"].low > 0
    assert trained.epochs[trained.best].validation_psnr > trained.validation_bicubic_psnr + 0.3


@needs_torch
def test_who_trained_and_who_proved_are_told_and_differ(trained: TrainedNetwork) -> None:
    assert sorted(trained.patients.items()) == [
        ("p0", "train"), ("p1", "train"), ("p2", "train"), ("p3", "train"), ("p4", "validation"), ("p5", "test"),
        ("p6", "test"),
    ]  # fmt: skip
    assert trained.images == {"train": 12, "validation": 3, "test": 6}


@needs_torch
def test_training_again_gives_the_same_bytes_whatever_the_held_out_pictures_show(release: Path, tmp_path: Path) -> None:
    short = SETTINGS.model_copy(update={"epochs": 1, "patches": 8})
    first = write_weights(train_network(release, short).weights, tmp_path / "a.npz")
    other = write_release(tmp_path / "other")
    for number in (4, 5, 6):
        for path in (other / "images" / "CT").glob(f"p{number}_*.png"):
            cv2.imwrite(str(path), np.rint(draw_picture(9000 + number) * 255).astype(np.uint8))
    again = write_weights(train_network(other, short).weights, tmp_path / "b.npz")
    assert first.sha256 == again.sha256
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    elsewhere = write_weights(train_network(release, short.model_copy(update={"seed": 1})).weights, tmp_path / "c.npz")
    assert elsewhere.sha256 != first.sha256


@needs_torch
def test_without_pytorch_the_network_gives_what_pytorch_gives() -> None:
    import torch

    from tasks.transform.enhance.network import make_network

    model, weights = make_network(3), random_weights(3)
    with torch.no_grad():
        for layer, name in ((model[0], "features"), (model[2], "mapping"), (model[4], "reconstruction")):
            layer.weight.copy_(torch.from_numpy(weights.layers[name]).reshape(layer.weight.shape))
            layer.bias.copy_(torch.from_numpy(weights.layers[f"{name}_bias"]))
        image = draw_picture(3, 45)[:, :40]
        padded = np.pad(image, MARGIN, mode="edge")
        expected = model(torch.from_numpy(padded)[None, None])[0, 0].numpy()
    assert np.allclose(apply_network(image, weights), np.clip(expected, 0, 1), atol=1e-5)
    assert float(np.mean((expected > 0) & (expected < 1))) > 0.05  # or the clipping would hide a difference


def test_mlflow_holds_the_weights_their_digest_the_release_and_the_curves(tmp_path: Path) -> None:
    import mlflow

    weights = write_weights(random_weights(), tmp_path / "w.npz")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").write_text("<p>report</p>")
    dvc = "0123456789abcdef0123456789abcdef.dir"
    record = Record(
        tag="release/dataset/v7", name="dataset", number=7, content="c" * 32, dvc=dvc, dvc_outputs={},
        commit="b" * 40, code="0.1.0", key_id="k", flow_run=None, created="2026-01-01T00:00:00+00:00",
        tally=Tally(expected=0),
        manifest={"gates": [], "profile": {"name": "research", "settings": "s"}, "params": {}},
    )  # fmt: skip
    network = Network(
        tmp_path / "w.npz", weights.sha256, {"scale": 2}, {"test_ct_psnr_gain": 1.5},
        (("loss", [0.2, 0.1]),), ("test", "train", "validation"), {"report": tmp_path / "report"},
    )  # fmt: skip
    store = f"sqlite:///{tmp_path}/mlflow.db"
    logged = log_network(store, "dataset", network, record, "c" * 40, model_name="sluice-srcnn")
    client = mlflow.MlflowClient(store)
    run = client.get_run(logged.run_id)
    assert {one.dataset.digest for one in run.inputs.dataset_inputs} == {dvc}
    assert run.data.tags["weights.sha256"] == weights.sha256
    assert run.data.tags["release"] == "release/dataset/v7"
    assert run.data.metrics["test_ct_psnr_gain"] == 1.5
    assert [one.value for one in client.get_metric_history(logged.run_id, "loss")] == [0.2, 0.1]
    version = client.get_model_version("sluice-srcnn", logged.version)
    assert version.tags["weights.sha256"] == weights.sha256
    fetched = mlflow.artifacts.download_artifacts(version.source, dst_path=str(tmp_path / "got"))
    assert sha256(Path(fetched) / "w.npz") == hashlib.sha256((tmp_path / "w.npz").read_bytes()).hexdigest()
    assert [one.path for one in client.list_artifacts(logged.run_id, "report")] == ["report/report.html"]


def test_the_report_is_the_same_bytes_each_time_and_leads_to_its_figure(tmp_path: Path) -> None:
    for name in ("a", "b"):
        gallery = Gallery()
        judged = judge([make_case(radius=3), make_case(series=2)], ERASE, SETTINGS, gallery)
        write_report(tmp_path / name, judged, gallery.panels, SETTINGS)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["figure.png", "report.html", "report.json", "report.md"]
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    told = (tmp_path / "a" / "report.md").read_text()
    assert "enhancement may hide a lesion" in told
    assert "contrast-lost" in told
