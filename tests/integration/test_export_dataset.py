"""Loading a release, whole or copied, from plain images or shards; and the shards themselves."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.files import sha256
from tasks.export.dataset import load_release
from tasks.export.shards import cut, write_shards
from tasks.export.stage import export
from tasks.export.subset import write_subset
from tasks.record.releases.cohorts import SavedCohort, save_cohort
from tasks.withdraw.objects import Folder, find_objects
from tasks.withdraw.traces import Traces
from tests.support.fake_stages import fill_workspace
from tests.support.places import ROOT, make_workspace, with_params


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = with_params(make_workspace(tmp_path_factory.mktemp("loader") / "workspace"), export={"shards": 7})
    fill_workspace(workspace, 6)
    save_cohort(workspace, SavedCohort(name="two", by="patient", ids=("p1", "p4"), content="c" * 64))
    return export(workspace).path


@pytest.fixture
def copied(dataset: Path, tmp_path: Path) -> Path:
    """The release as somebody else has it: no workspace around it, and files of its own."""
    return Path(shutil.copytree(dataset, tmp_path / "copied", copy_function=shutil.copyfile))


def test_a_copied_release_gives_numpy_pandas_and_labels(copied: Path) -> None:
    release = load_release(copied, verify=True)
    assert len(release) == 18
    assert release.numpy().shape == (18, 64, 64)
    assert release.numpy().dtype == np.float32
    assert 0 <= release[0].min() < release[0].max() <= 1
    assert release.image(0).dtype == np.uint8
    assert list(release.frame["image_path"]) == sorted(release.frame["image_path"])
    assert set(release.labels("lesion")) == {0.0, 1.0}
    assert release.frame.loc[release.frame["patient"] == "p1", "label_lesion"].eq(1).all()
    assert release.verify() == len((copied / "checksums.sha256").read_text().splitlines())
    assert len(release.table("instances")) == 19  # the structure set too
    with pytest.raises(IndexError):
        release[18]


def test_a_split_and_a_cohort_select_images_and_the_rows_of_every_table(dataset: Path) -> None:
    train = load_release(dataset, split="train")
    assert set(train.frame["split"]) == {"train"}
    both = load_release(dataset, split=("train", "validation"))
    assert len(both) == 18 > len(train)
    two = load_release(dataset, cohort="two", columns=["modality", "label_lesion"])
    assert set(two.frame["patient"]) == set(two.table("patients")["patient"]) == {"p1", "p4"}
    assert set(two.table("labels")["patient"]) == {"p1", "p4"}
    assert "window_center" not in two.frame.columns
    assert len(load_release(dataset, cohort=["u1", "s4"])) == len(two)
    assert len(load_release(dataset, cohort=dataset.parents[1] / "cohorts" / "two.txt")) == len(two)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"split": "valid"}, "no split valid"),
        ({"cohort": "three"}, "no cohort three"),
        ({"cohort": ["p99"]}, "nothing of the release"),
        ({"columns": ["modalty"]}, "no column modalty"),
    ],
)
def test_what_cannot_be_selected_is_told(dataset: Path, choice: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load_release(dataset, **choice)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="holds no release"):
        load_release(dataset.parent)


def test_other_bytes_are_found_when_they_are_read_and_when_all_are(copied: Path) -> None:
    release = load_release(copied, verify=True)
    image = copied / str(release.frame["image_path"].iloc[0])
    image.write_bytes((copied / str(release.frame["image_path"].iloc[4])).read_bytes())
    assert load_release(copied)[0].shape == (64, 64)  # not asked, not checked
    with pytest.raises(ContractViolation, match="other bytes"):
        release[0]
    with pytest.raises(ContractViolation, match="other bytes"):
        release.verify()
    (copied / "labels.parquet").write_bytes((copied / "splits.parquet").read_bytes())
    with pytest.raises(ContractViolation, match=r"labels\.parquet has other bytes"):
        load_release(copied, verify=True)


def test_shards_alone_give_the_same_images(copied: Path, dataset: Path) -> None:
    shutil.rmtree(copied / "images")
    assert np.array_equal(load_release(copied, verify=True).numpy(), load_release(dataset).numpy())
    assert load_release(copied).verify()


def test_a_shard_has_whole_patients_of_one_split_and_each_image_with_its_facts(dataset: Path) -> None:
    frame = load_release(dataset).frame.set_index("image_path")
    index = pd.read_parquet(dataset / "shards/index.parquet")
    assert set(index["image_path"]) == set(frame.index)
    shard_of = frame.assign(shard=index.set_index("image_path")["shard"])
    assert (shard_of.groupby("patient")["shard"].nunique() == 1).all()
    assert (shard_of.groupby("shard").size() <= 7).all()
    sums = dict(reversed(line.split("  ")) for line in (dataset / "checksums.sha256").read_text().splitlines())
    for shard in sorted(set(index["shard"])):
        assert sums[shard] == sha256(dataset / shard)
        with tarfile.open(dataset / shard) as archive:
            members = archive.getmembers()
            assert [one.name for one in members] == sorted(one.name for one in members)
            assert {(one.mtime, one.uid, one.uname) for one in members} == {(0, 0, "")}
            for facts, image in zip(members[::2], members[1::2], strict=True):
                told = json.loads(archive.extractfile(facts).read())  # type: ignore[union-attr]
                content = archive.extractfile(image).read()  # type: ignore[union-attr]
                assert image.name == Path(told["image_path"]).name
                assert content == (dataset / told["image_path"]).read_bytes()
                assert Path(shard).name.startswith(told["split"])
                assert told["label_lesion"] in (0, 1)


def test_one_patient_more_or_less_changes_one_part(dataset: Path) -> None:
    sizes = {f"p{number}": 10 for number in range(200)}
    before = cut(sizes, 100)
    assert all(len(names) <= 10 for names in before.values())
    assert sorted(name for names in before.values() for name in names) == sorted(sizes)
    after = cut(sizes | {"new": 10}, 100)
    changed = {bits for bits in before if before[bits] != after.get(bits)}
    assert len(changed) == 1
    fewer = cut({name: size for name, size in sizes.items() if name != "p7"}, 100)
    assert len({bits for bits in before if before[bits] != fewer.get(bits)}) <= 2  # two small halves may become one
    assert cut({"one": 1000}, 100) == {"": ["one"]}


def test_without_the_setting_there_are_no_shards_and_the_card_says_nothing_of_them(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "workspace")
    fill_workspace(workspace, 2)
    made = export(workspace).path
    assert not (made / "shards").exists()
    assert "shards" not in (made / "README.md").read_text()


def test_a_subset_is_read_like_a_release_and_is_the_same_each_time(dataset: Path, tmp_path: Path) -> None:
    assert write_subset(dataset, "patient", {"p0", "p3"}, tmp_path / "one") == 6
    write_subset(dataset, "patient", {"p3", "p0"}, tmp_path / "two")
    sums = [(tmp_path / name / "checksums.sha256").read_text() for name in ("one", "two")]
    assert sums[0] == sums[1]
    part = load_release(tmp_path / "one", verify=True)
    assert set(part.table("splits")["patient"]) == {"p0", "p3"}
    assert part.verify() > 6
    assert len(part.numpy()) == 6


@pytest.mark.parametrize("page", ["README.md", "docs/catalog.md"])
def test_the_examples_of_the_pages_run(dataset: Path, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]  # type: ignore[index]
    monkeypatch.chdir(dataset.parents[2])
    names: dict[str, object] = {}
    exec(example.replace("data/dataset/heart", "data/dataset/dataset"), names)
    assert names["pixels"].shape[1:] == (64, 64)  # type: ignore[attr-defined]
    assert len(names["pixels"]) == len(names["lesion"]) == 12  # type: ignore[arg-type]
    if "by_sex" in names:
        assert set(names["by_sex"].index) == {"F", "M"}  # type: ignore[attr-defined]


def test_a_withdrawal_dooms_the_shard_of_the_patient_and_no_other(tmp_path: Path) -> None:
    people = ["p" + letter * 12 for letter in "abcdef"]
    rows = pd.DataFrame(
        {"patient": people, "split": "train", "image_path": [f"images/CT/{name}.png" for name in people]}
    )
    (tmp_path / "images/CT").mkdir(parents=True)
    for path in rows["image_path"]:
        (tmp_path / path).write_bytes(b"\x89PNG\r\n\x1a\n" + path.encode()[::-1])
    assert write_shards(rows, tmp_path, 2) > 2
    store, entries = Folder("cache", tmp_path / "cache"), []
    for place in sorted((tmp_path / "shards").iterdir()):
        oid = hashlib.md5(place.read_bytes(), usedforsecurity=False).hexdigest()
        store.put(oid, place.read_bytes())
        entries.append({"md5": oid, "relpath": f"shards/{place.name}"})
    store.put("0" * 32 + ".dir", json.dumps(entries).encode())
    gone = frozenset({people[2]})
    traces = Traces(gone, gone, frozenset(), frozenset(), {}, {}, 0, 0, frozenset({people[2].encode()}))
    doomed = find_objects([store], traces, lambda *_: None).objects["cache"]
    places = pd.read_parquet(tmp_path / "shards/index.parquet").set_index("image_path")["shard"]
    named = {entry["md5"]: entry["relpath"] for entry in entries}
    assert {named.get(oid, "listing") for oid in doomed} == {
        places[f"images/CT/{people[2]}.png"], "shards/index.parquet", "listing",
    }  # fmt: skip
