"""The catalog by its commands over two real releases, and a release read by the libraries that others use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tasks.core.workspace import Workspace
from tasks.export.dataset import load_release
from tasks.export.stage import export
from tasks.record.ledger import Ledger
from tasks.record.releases.release import STAGES, publish
from tasks.record.releases.shell import git
from tasks.record.releases.versioning import commit_stages
from tasks.record.withdrawals import Held, Withdrawal, write_withdrawal
from tests.support.fake_stages import copy_pipeline, fill_workspace
from tests.support.places import ROOT, make_workspace, with_params


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two releases: of six patients, and of seven in shards. Somebody withdrew from the first."""
    made = make_workspace(tmp_path_factory.mktemp("catalog") / "workspace")
    copy_pipeline(ROOT, made)
    for patients in (6, 7):
        fill_workspace(made, patients)
        export(made)
        commit_stages(made.root, STAGES)
        with Ledger.open(made) as ledger:
            assert publish(made, ledger) is not None
        made = with_params(made, export={"shards": 7})
    held = {"release/dataset/v1": Held(series=1, instances=3)}
    gone = Withdrawal(number=1, at="2026-01-01", asked_by="office", people=1, series=1, instances=3, releases=held, models=())  # fmt: skip # noqa: E501
    write_withdrawal(made, gone)
    return made


def _sluice(workspace: Workspace, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "flows", *arguments, "-w", str(workspace.root)], capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done


def test_a_query_asks_the_dataset_or_an_older_release_without_a_checkout(workspace: Workspace) -> None:
    count = "SELECT count(*) AS n FROM patients"
    now = _sluice(workspace, "query", count, "--format", "json")
    assert json.loads(now.stdout) == [{"n": 7}]
    assert now.stderr == ""
    before = _sluice(workspace, "query", count, "--format", "json", "--release", "v1")
    assert json.loads(before.stdout) == [{"n": 6}]
    assert "warning: release/dataset/v1 is incomplete: 3 instances" in before.stderr
    assert "no table patiens; did you mean patients?" in _sluice(workspace, "query", "FROM patiens", code=2).stderr


def test_a_cohort_is_committed_and_used_by_a_query_a_sample_and_the_loader(workspace: Workspace) -> None:
    said = _sluice(workspace, "cohort", "save", "women", "SELECT patient FROM patients WHERE sex = 'F'").stdout
    assert "women: 4 by patient, of release/dataset/v2" in said
    assert "# sluice cohort" in (git(workspace.root, "show", "HEAD:data/cohorts/women.txt") or "")
    joined = _sluice(
        workspace, "query", "SELECT unit FROM series JOIN women USING (patient) ORDER BY 1", "--format", "csv"
    )
    assert joined.stdout == "unit\nu0\nu2\nu4\nu6\n"
    out = workspace.root / "drawn.csv"
    table = _sluice(
        workspace, "sample", "-n", "3", "--stratify", "sex,modality", "--cohort", "women", "--out", str(out)
    )
    assert " ".join(table.stdout.split()) == "sex modality series patients drawn of patients F CT 4 4 3 3"
    assert len(out.read_text().splitlines()) == 4
    assert set(load_release(workspace.dataset, cohort="women").frame["sex"]) == {"F"}
    _sluice(workspace, "cohort", "delete", "women")
    assert git(workspace.root, "show", "HEAD:data/cohorts/women.txt", check=False) is None


def test_hugging_face_datasets_reads_the_folder_as_it_is(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed (the extra `dev` has it)")
    read = datasets.load_dataset(str(workspace.dataset), cache_dir=str(tmp_path))
    for split, rows in read.items():
        wanted = load_release(workspace.dataset, split=split)
        assert rows.num_rows == len(wanted)
        assert rows["instance"][:] == list(wanted.frame["instance"])
        assert rows["label_lesion"][:] == list(wanted.labels("lesion"))
        assert np.array_equal(np.asarray(rows[0]["image"]), wanted.image(0))
    assert sum(rows.num_rows for rows in read.values()) == 21
    assert read["train"].data.column("image")[0].as_py()["bytes"] is None  # the cache holds paths, no pixels
    patients = datasets.load_dataset(
        "parquet", data_files=str(workspace.dataset / "patients.parquet"), cache_dir=str(tmp_path)
    )
    assert patients["train"].num_rows == 7


def test_webdataset_reads_the_shards(workspace: Workspace) -> None:
    webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed (the extra `dev` has it)")
    shards = sorted(str(path) for path in (workspace.dataset / "shards").glob("train*.tar"))
    assert len(shards) > 1
    seen = {
        one["json"]["image_path"]: np.asarray(one["png"])
        for one in webdataset.WebDataset(shards, shardshuffle=False).decode("pil")
    }
    train = load_release(workspace.dataset, split="train")
    assert sorted(seen) == list(train.frame["image_path"])
    assert all(np.array_equal(seen[path][..., 0], train.image(at)) for at, path in enumerate(train.frame["image_path"]))


def test_pytorch_gets_a_dataset_that_workers_can_read(workspace: Workspace) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (`make torch`)")
    train = load_release(workspace.dataset, split="train", verify=True)
    made = train.torch("lesion")
    assert isinstance(made, torch.utils.data.Dataset)
    image, value = made[0]
    assert image.shape == (1, 64, 64)
    assert torch.equal(image[0], torch.from_numpy(train[0]))
    assert value == train.labels("lesion")[0]
    batches = list(torch.utils.data.DataLoader(made, batch_size=5, num_workers=1))
    assert sum(len(images) for images, _ in batches) == len(train)
    assert train.torch()[0].shape == (1, 64, 64)
