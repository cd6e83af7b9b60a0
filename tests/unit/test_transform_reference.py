"""histogram-match from a file: its digest is part of the chain, and what is wrong with it is one line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from flows.cli import app
from tasks.core.errors import ConfigurationError
from tasks.core.settings import TransformSettings, check_settings
from tasks.core.workspace import VARIABLE
from tasks.transform.done import key_of
from tasks.transform.steps.block import Block
from tasks.transform.steps.chain import chain_for, describe_chain

REFERENCE = np.arange(8.0 * 16 * 16, dtype=np.float32).reshape(8, 16, 16)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    np.save(tmp_path / "reference.npy", REFERENCE)
    return tmp_path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def settings(path: Path, **more: Any) -> TransformSettings:
    step = {"reference": path.name, "sha256": more.pop("sha256", None) or digest(path)} | more
    return check_settings({"transform": {"steps": [{"histogram-match": step}]}}, "params.yaml").transform


def matched(chosen: TransformSettings) -> Any:
    values = np.random.default_rng(0).normal(0, 1, (6, 32, 32)).astype(np.float32)
    return chain_for(chosen, "MR").on_volume(Block(values, np.eye(4))).values


def test_the_percentiles_become_those_of_the_reference(workspace: Path) -> None:
    found = matched(settings(workspace / "reference.npy"))
    wanted = np.percentile(REFERENCE, [10, 50, 90])
    assert np.percentile(found, [10, 50, 90]) == pytest.approx(wanted, rel=1e-3)


def test_a_volume_and_its_printed_landmarks_give_the_same(workspace: Path) -> None:
    import nibabel

    nibabel.save(nibabel.Nifti1Image(REFERENCE, np.eye(4)), workspace / "reference.nii.gz")
    landmarks = np.percentile(REFERENCE.astype(np.float64), [1, *range(10, 100, 10), 99])
    (workspace / "reference.yaml").write_text(yaml.safe_dump([{"histogram-match": {"landmarks": landmarks.tolist()}}]))
    made = [matched(settings(workspace / f"reference.{kind}")) for kind in ("npy", "nii.gz", "yaml")]
    assert np.array_equal(made[0], made[1])
    assert np.allclose(made[0], made[2], rtol=1e-5)


def test_other_bytes_are_an_error_until_they_are_named_and_then_another_key(workspace: Path) -> None:
    path = workspace / "reference.npy"
    former, old = settings(path), digest(path)
    np.save(path, REFERENCE * 2)
    with pytest.raises(ConfigurationError) as refused:
        settings(path, sha256=old)
    assert digest(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert key_of("a" * 64, settings(path)) != key_of("a" * 64, former)
    assert not np.array_equal(matched(settings(path)), REFERENCE)


def test_what_is_recorded_names_the_file_and_its_digest(workspace: Path) -> None:
    path = workspace / "reference.npy"
    (told,) = describe_chain(settings(path).steps)
    assert told["parameters"]["reference"] == "reference.npy"
    assert told["parameters"]["sha256"] == digest(path)
    json.dumps(told)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.npy", None, "there is no reference gone.npy"),
        ("text.npy", b"no array", "cannot be read"),
        ("image.tiff", b"II", "of no known kind"),
        ("flat.npy", np.zeros((4, 4, 4)), "fall together"),
        ("short.yaml", b"landmarks: [1, 2]", "of other percentiles"),
        ("none.npy", np.array([np.nan]), "above the limit"),
    ],
)
def test_a_file_that_is_no_reference_is_one_line(name: str, content: Any, words: str, workspace: Path) -> None:
    path = workspace / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    with pytest.raises(ConfigurationError, match=words) as refused:
        settings(path, sha256="0" * 64 if content is None else None)
    assert "\n" not in str(refused.value)
    assert str(workspace) not in str(refused.value)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({}, "give landmarks, or reference"),
        ({"reference": "reference.npy"}, "go together"),
        (
            {"landmarks": [1, 2], "percentiles": [1, 99], "reference": "reference.npy", "sha256": "0" * 64},
            "or reference",
        ),
    ],
)
def test_a_reference_and_its_digest_go_together(step: Any, words: str, workspace: Path) -> None:
    with pytest.raises(ConfigurationError, match=words):
        check_settings({"transform": {"steps": [{"histogram-match": step}]}}, "params.yaml")


def test_the_step_of_a_file_is_printed_as_it_is_written(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace)
    told = CliRunner().invoke(app, ["steps", "--reference", "reference.npy", "--above", "100"])
    assert told.exit_code == 0, told.output
    (chosen,) = check_settings({"transform": {"steps": yaml.safe_load(told.output)}}, "params.yaml").transform.steps
    assert chosen.parameters["sha256"] == digest(workspace / "reference.npy")
    assert chosen.parameters["above"] == 100
    gone = CliRunner().invoke(app, ["steps", "--reference", "gone.npy"])
    assert gone.exit_code != 0
