"""Signed releases, what differs between two, copies of them, their bytes at a remote: real git, DVC and commands."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from flows.standing import standing_of
from tasks.core.errors import ConfigurationError, ContractViolation, TransientSourceError
from tasks.core.files import sha256, write_json, write_table
from tasks.core.workspace import Workspace
from tasks.export.stage import export
from tasks.record.ledger import Ledger
from tasks.record.releases.copies import copy_release
from tasks.record.releases.difference import Difference, compare
from tasks.record.releases.records import Record, find_record, place_of, read_records
from tasks.record.releases.release import STAGES, publish
from tasks.record.releases.remote import configure, push, unpushed
from tasks.record.releases.reproduction import held_against, parted
from tasks.record.releases.shell import git
from tasks.record.releases.signing import key_place, read_public_key, sign, signing_key
from tasks.record.releases.verification import SIGNATURE, read_signature, verify
from tasks.record.releases.versioning import commit_stages
from tests.support.fake_stages import copy_pipeline, fill_workspace, judge
from tests.support.places import ROOT, make_workspace, with_params
from tests.support.runs import dvc, tree

LABEL, IMAGE = "p1", "p2"
"""Whose label changes from the first release to the second, and one of whose images does; p6 is new."""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with two releases: read it, never change it."""
    workspace = make_workspace(tmp_path_factory.mktemp("releases") / "workspace")
    fill_workspace(workspace, 6)
    copy_pipeline(ROOT, workspace)
    _release(workspace)
    fill_workspace(workspace, 7)
    _change(workspace)
    workspace = with_params(workspace, transform={"size": 128})
    _release(workspace)
    return workspace


@pytest.fixture
def workspace(two: Workspace, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(two.root, tmp_path / "workspace", symlinks=True)))


@pytest.fixture
def copied(two: Workspace, tmp_path: Path) -> Path:
    """The second release as somebody else got it."""
    return Path(shutil.copytree(two.dataset, tmp_path / "copied"))


def _release(workspace: Workspace) -> None:
    export(workspace)
    commit_stages(workspace.root, STAGES)
    with Ledger.open(workspace) as ledger:
        assert publish(workspace, ledger) is not None


def _table(workspace: Workspace, name: str) -> tuple[Path, pd.DataFrame]:
    place = workspace.curated / f"{name}.parquet"
    return place, pd.read_parquet(place, dtype_backend="numpy_nullable")


def _change(workspace: Workspace) -> None:
    place, labels = _table(workspace, "labels")
    labels.loc[labels["patient"] == LABEL, "value"] = 1 - labels.loc[labels["patient"] == LABEL, "value"]
    write_table(labels, place)
    place, instances = _table(workspace, "instances")
    row = instances.index[(instances["patient"] == IMAGE) & instances["image_path"].notna()][0]
    image = workspace.images / instances.loc[row, "image_path"]
    image.unlink()  # the release before has a hard link to it
    cv2.imwrite(str(image), np.full((64, 64), 7, dtype=np.uint8))
    instances.loc[row, "png_sha256"] = sha256(image)
    write_table(instances, place)
    judge(workspace)


def records(workspace: Workspace) -> tuple[Record, Record]:
    one, other = read_records(workspace, "dataset")
    return one, other


def difference(workspace: Workspace) -> Difference:
    return compare(workspace, *records(workspace))


def sluice(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def test_a_copy_is_checked_without_a_workspace_and_against_the_signers_key(two: Workspace, copied: Path) -> None:
    pinned = two.releases / "signer.pub"
    done = sluice("release", "verify", str(copied), "--public-key", str(pinned), cwd=copied.parent)
    assert done.returncode == 0, done.stderr
    signer = records(two)[1].signer
    assert signer is not None
    assert signer in done.stdout
    assert "release/dataset/v2" in done.stdout
    assert verify(copied).files == len(tree(copied)) - 1  # checksums.sha256 is held by the signature itself


def _altered(folder: Path) -> None:
    place = folder / "patients.csv"
    place.write_bytes(place.read_bytes().replace(b"p1", b"p9", 1))


def _with_sums(folder: Path) -> None:
    """What a forger without the key can do: alter a file and its checksum."""
    before = sha256(folder / "patients.csv")
    _altered(folder)
    sums = folder / "checksums.sha256"
    sums.write_text(sums.read_text().replace(before, sha256(folder / "patients.csv")))


def _statement(folder: Path) -> None:
    _with_sums(folder)
    signed = json.loads((folder / SIGNATURE).read_text())
    signed["statement"]["checksums"] = sha256(folder / "checksums.sha256")
    write_json(folder / SIGNATURE, signed)


def _linked(folder: Path) -> None:
    place = folder / "patients.csv"
    place.rename(folder.parent / "elsewhere.csv")
    place.symlink_to(folder.parent / "elsewhere.csv")


TAMPERED = [
    pytest.param(_altered, "patients.csv has other bytes", id="a file"),
    pytest.param(_with_sums, "checksums.sha256 is not the one", id="a file and its checksum"),
    pytest.param(_statement, "signature of release/dataset/v2 is not of its key", id="the signed statement"),
    pytest.param(_linked, "patients.csv has other bytes", id="a link instead of a file"),
    pytest.param(lambda folder: (folder / "labels.csv").unlink(), "labels.csv .* is missing", id="a file is missing"),
    pytest.param(
        lambda folder: (folder / "images/a.txt").write_text(""), "images/a.txt does not belong", id="one more"
    ),
    pytest.param(lambda folder: (folder / SIGNATURE).write_text("{}"), "is damaged", id="the signature file"),
]


@pytest.mark.parametrize(("tamper", "said"), TAMPERED)
def test_what_was_altered_is_named(copied: Path, tamper: Any, said: str) -> None:
    tamper(copied)
    with pytest.raises(ContractViolation, match=said):
        verify(copied)


def test_another_signer_is_refused_where_the_key_is_pinned(two: Workspace, copied: Path, tmp_path: Path) -> None:
    forger = make_workspace(tmp_path / "other")
    forged = sign(signing_key(forger), read_signature(copied).statement)
    write_json(copied / SIGNATURE, forged.model_dump(mode="json"))
    assert verify(copied).signer != records(two)[1].signer
    with pytest.raises(ContractViolation, match="not by the key given"):
        verify(copied, read_public_key(two.releases / "signer.pub"))


def test_the_private_key_is_the_owners_alone_and_in_no_release(two: Workspace) -> None:
    assert key_place(two).stat().st_mode & 0o777 == 0o600
    secret = key_place(two).read_text().splitlines()[1]
    assert not any(secret in path.read_text(errors="replace") for path in two.releases.iterdir())


def test_a_record_that_was_altered_is_told(workspace: Workspace) -> None:
    place = place_of(workspace, records(workspace)[1])
    place.write_text(place.read_text().replace('"flow_run": null', '"flow_run": "another"'))
    done = sluice("release", "show", "v2", cwd=workspace.root)
    assert done.returncode == 3
    assert "altered after it was signed" in done.stderr


def test_the_signature_is_no_part_of_the_bytes_that_dvc_holds(two: Workspace) -> None:
    assert (two.dataset / SIGNATURE).exists()
    assert "up to date" in dvc(two.root, "status")


def test_the_difference_says_who_came_left_changed_and_was_relabelled(two: Workspace) -> None:
    found = difference(two)
    assert found.patients.added == ("p6",)
    assert compare(two, *reversed(records(two))).patients.removed == ("p6",)
    assert found.patients.changed == (IMAGE,)
    assert found.patients.relabelled == (LABEL,)
    assert found.studies.changed == (f"s{IMAGE[1:]}",)
    assert found.studies.relabelled == (f"s{LABEL[1:]}",)
    assert len(found.instances.changed) == 1
    assert len(found.instances.added) == 3
    assert found.instances.removed == ()
    assert len(found.instances.relabelled) == 3
    assert found.moved == {}


def test_the_difference_says_parameters_splits_and_classes(two: Workspace) -> None:
    found = difference(two)
    assert found.params == {"transform.size": (256, 128)}
    assert found.splits["train"] == {"patients": (4, 4), "images": (12, 12)}
    assert found.splits["test"] == {"patients": (0, 1), "images": (0, 3)}
    before = sum(pair[0] for pair in found.labels["lesion"]["1"].values())
    after = sum(pair[1] for pair in found.labels["lesion"]["1"].values())
    assert (before, after) == (3, 2)


def test_the_commands_print_what_the_values_hold(two: Workspace) -> None:
    done = sluice("release", "diff", "v1", "v2", "--json", cwd=two.root)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == difference(two).model_dump(mode="json")
    said = sluice("release", "diff", "1", cwd=two.root).stdout
    assert "1 added, 0 removed, 1 changed, 1 relabelled" in said
    assert "transform.size: 256 to 128" in said
    assert "release/dataset/v2" in sluice("release", "list", cwd=two.root).stdout
    wrong = sluice("release", "show", "v7", cwd=two.root)
    assert wrong.returncode == 2
    assert "there are release/dataset/v1 to v2" in wrong.stderr


def test_an_older_release_is_copied_out_complete_and_signed(two: Workspace, tmp_path: Path) -> None:
    copy_release(two, records(two)[0], tmp_path / "first")
    assert verify(tmp_path / "first").tag == "release/dataset/v1"
    with pytest.raises(ConfigurationError, match="not empty"):
        copy_release(two, records(two)[0], tmp_path / "first")


def test_a_patient_changes_split_only_where_that_is_asked_for(workspace: Workspace) -> None:
    place, splits = _table(workspace, "splits")
    splits.loc[splits["patient"] == "p3", "split"] = "test"
    write_table(splits, place)
    judge(workspace)
    before = tree(workspace.dataset)
    with pytest.raises(ContractViolation, match=r"1 patient\(s\) would change split .* first p3"):
        export(workspace)
    assert tree(workspace.dataset) == before
    asked = with_params(workspace, record={"move_splits": True})
    _release(asked)
    one, other = records(two_last(asked))
    assert compare(asked, one, other).moved == {"p3": ("train", "test")}


def two_last(workspace: Workspace) -> Workspace:
    """The workspace without the record of its first release."""
    place_of(workspace, find_record(workspace, "v1")).unlink()
    return workspace


def test_a_remote_that_is_away_is_told_by_status_and_caught_up_with(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mounted").write_text("a file, so no folder can be made below it")
    place = with_params(workspace, record={"remote": str(tmp_path / "mounted" / "store")})
    with Ledger.open(place) as ledger:
        with pytest.raises(TransientSourceError, match="sluice release push"):
            push(place, ledger)
        assert [record.number for record in unpushed(place, ledger)] == [1, 2]
        (stuck,) = [row for row in standing_of(place, ledger).stuck if row.what == "not pushed"]
        assert stuck.command == "sluice release push"
    (tmp_path / "mounted").unlink()
    (tmp_path / "mounted").mkdir()
    done = sluice("release", "push", cwd=place.root)
    assert done.returncode == 0, done.stderr
    with Ledger.open(place) as ledger:
        assert unpushed(place, ledger) == ()
        assert push(place, ledger) == ()
        assert not [row for row in standing_of(place, ledger).stuck if row.what == "not pushed"]
    shutil.rmtree(place.root / ".dvc" / "cache")  # and both releases are read from there
    assert difference(place).patients.added == ("p6",)


def test_a_clone_knows_the_remote(workspace: Workspace, tmp_path: Path) -> None:
    place = with_params(workspace, record={"remote": str(tmp_path / "store")})
    configure(place)
    assert str(tmp_path / "store") in (place.root / ".dvc" / "config").read_text()
    before = (place.root / ".dvc" / "config").stat().st_mtime_ns
    configure(place)
    assert (place.root / ".dvc" / "config").stat().st_mtime_ns == before


def test_without_a_remote_nothing_is_pushed_and_the_setting_is_named(two: Workspace) -> None:
    with Ledger.open(two) as ledger, pytest.raises(ConfigurationError, match=r"record\.remote"):
        push(two, ledger)


def test_the_first_byte_that_differs_is_named_with_the_versions_that_do(two: Workspace) -> None:
    first, second = records(two)
    assert held_against(two, second, two).same
    other = first.model_copy(update={"environment": {**first.environment, "numpy": "1.0"}})
    found = held_against(two, other, two)  # what the second release holds, as if it were made for the first
    assert not found.same
    assert found.outputs["data/images"] is False
    assert found.first is not None
    assert found.first.output == "data/cohort.lock".rpartition("/")[0]
    assert found.first.file == "cohort.lock"
    before = (git(two.root, "show", f"{first.tag}:data/cohort.lock") or "").encode()
    after = two.cohort_lock.read_bytes()
    place = next(at for at, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1])
    assert (found.first.offset, found.first.recorded, found.first.made) == (place, before[place], after[place])
    assert set(found.versions) == {"numpy"}


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        pytest.param(b"a" * 9, b"a" * 4 + b"b" * 5, "at byte 4: recorded 0x61, made now 0x62", id="another byte"),
        pytest.param(b"aaa", b"aa", "at byte 2: recorded 0x61, made now nothing", id="shorter"),
        pytest.param(b"", b"a", "at byte 0: recorded nothing, made now 0x61", id="longer"),
    ],
)
def test_bytes_part_where_they_part_however_they_are_cut(one: bytes, other: bytes, said: str) -> None:
    cut = [one[at : at + 2] for at in range(0, len(one), 2)]
    again = [other[at : at + 3] for at in range(0, len(other), 3)]
    assert said in parted("data/images", "a.png", iter(cut), iter(again)).sentence
