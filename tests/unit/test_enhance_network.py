"""The network's file and how it is applied: nothing in it runs, its digest counts, strips and scale change nothing."""

from __future__ import annotations

import pickle
import zipfile
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.core.errors import ConfigurationError
from tasks.core.settings import TransformSettings, check_settings
from tasks.core.workspace import VARIABLE
from tasks.transform.enhance import srcnn
from tasks.transform.enhance.apply import apply_to_folder
from tasks.transform.enhance.methods import choose_method
from tasks.transform.enhance.srcnn import apply_network, degrade, enlarge, super_resolve
from tasks.transform.enhance.step import STEP
from tasks.transform.enhance.weights import SHAPES, read_weights, write_weights
from tasks.transform.steps.block import Block
from tests.support.enhance import draw_picture, identity_weights, random_weights


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_weights(random_weights(), tmp_path / "w.npz")
    return tmp_path / "w.npz"


def test_weights_are_read_as_they_were_written_and_twice_the_same_bytes(tmp_path: Path) -> None:
    weights = random_weights(scale=3)
    written = [write_weights(weights, tmp_path / name) for name in ("a.npz", "b.npz")]
    read = read_weights(tmp_path / "a.npz", written[0].sha256)
    assert written[0].sha256 == written[1].sha256 == read.sha256
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert read.scale == 3
    assert all(np.array_equal(read.layers[name], weights.layers[name]) for name in SHAPES)


def test_another_file_than_the_one_named_is_refused_in_one_line(file: Path) -> None:
    digest = read_weights(file).sha256
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(ConfigurationError, match="not the file that was approved") as refused:
        read_weights(file, digest)
    assert "\n" not in str(refused.value)


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize("kind", ["pickle", "object", "shape", "nan", "bomb", "text", "missing"])
def test_a_file_that_holds_no_such_network_is_refused_and_nothing_in_it_runs(tmp_path: Path, kind: str) -> None:
    path, layers = tmp_path / "w.npz", dict(random_weights().layers)
    if kind == "pickle":
        path.write_bytes(pickle.dumps(_Bomb()))
    elif kind == "text":
        path.write_text("weights")
    elif kind == "bomb":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("features.npy", b"\0" * 2**24)
    elif kind != "missing":
        if kind == "object":
            layers["features"] = np.array([_Bomb()], dtype=object)
        elif kind == "shape":
            layers["mapping"] = layers["mapping"].T
        else:
            layers["mapping"][0, 0] = np.nan
        buffer = BytesIO()
        np.savez(buffer, scale=np.int32(2), **layers)
        path.write_bytes(buffer.getvalue())
    with pytest.raises(ConfigurationError):
        read_weights(path)


def test_the_network_that_passes_on_what_it_sees_is_bicubic_enlargement() -> None:
    image = draw_picture(1, 40)
    assert np.allclose(super_resolve(image, identity_weights()), enlarge(image, 2), atol=1e-6)


def test_strips_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    image, weights = draw_picture(2, 50), random_weights()
    whole = apply_network(image, weights)
    monkeypatch.setattr(srcnn, "_STRIP", 7 * 62)
    assert np.allclose(apply_network(image, weights), whole, atol=1e-6)


def test_coarsening_takes_means_and_cuts_what_fills_no_square() -> None:
    image = np.arange(35, dtype=np.float32).reshape(5, 7) / 35
    coarse = degrade(image, 2)
    assert coarse.shape == (2, 3)
    assert coarse[0, 0] == pytest.approx(image[:2, :2].mean())


def test_the_step_keeps_the_field_of_view(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_weights(identity_weights(), file)
    values = np.stack([draw_picture(3, 32), draw_picture(4, 32)]) * 400 - 100
    affine = np.array([[0.8, 0, 0, 10], [0, 0.6, 0, 20], [0, 0, 3.0, 30], [0, 0, 0, 1]])
    parameters = STEP.parameters.model_validate({"weights": str(file), "sha256": read_weights(file).sha256})
    made = STEP.run(Block(values.astype(np.float32), affine), parameters)
    assert made.values.shape == (2, 64, 64)
    assert made.spacing == pytest.approx((3.0, 0.3, 0.4))
    for corner in ([-0.5, -0.5], [31.5, 31.5]):  # edges of the first and the last pixel
        finer = [2 * (part + 0.5) - 0.5 for part in corner]
        assert np.allclose(made.affine @ [*finer, 0, 1], affine @ [*corner, 0, 1])
    assert abs(float(made.values.mean()) - float(values.mean())) < 0.5


def test_a_chain_with_a_wrong_digest_is_refused_before_work_starts(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(file.parent))
    digest = read_weights(file).sha256

    def chain(sha256: str) -> TransformSettings:
        return check_settings(
            {"transform": {"steps": [{"srcnn": {"weights": file.name, "sha256": sha256}}]}}, "params.yaml"
        ).transform

    assert chain(digest).steps[0].parameters["sha256"] == digest
    with pytest.raises(ConfigurationError, match="not the file that was approved") as refused:
        chain("0" * 64)
    assert "\n" not in str(refused.value)


def test_nothing_is_enhanced_by_default() -> None:
    assert TransformSettings().steps == ()


def test_a_method_is_named_rightly_or_refused() -> None:
    assert choose_method("nlm").name == "denoise-nlm"
    assert tuple(choose_method("clahe").parameters["range"]) == (0.0, 1.0)
    for name, words in (("clahee", "did you mean `clahe`"), ("n4", "whole volumes"), ("srcnn", "needs --weights")):
        with pytest.raises(ConfigurationError, match=words):
            choose_method(name)
    with pytest.raises(ConfigurationError, match="did you mean `clip_limit`"):
        choose_method("clahe", {"clip_limt": 3})


def test_a_folder_of_pictures_gets_the_method_and_a_note_of_it(tmp_path: Path) -> None:
    (tmp_path / "in" / "CT").mkdir(parents=True)
    codes = np.rint(draw_picture(5, 48) * 65535).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "in" / "CT" / "a.png"), codes)
    assert apply_to_folder(tmp_path / "in", tmp_path / "out", choose_method("median")) == 1
    made = cv2.imread(str(tmp_path / "out" / "CT" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert made.dtype == np.uint16
    assert np.array_equal(made, cv2.medianBlur(codes, 3))
    assert '"denoise-median"' in (tmp_path / "out" / "method.json").read_text()
    with pytest.raises(ConfigurationError, match="not empty"):
        apply_to_folder(tmp_path / "in", tmp_path / "out", choose_method("median"))
