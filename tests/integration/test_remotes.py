"""DVC's remotes that are no directories: a real sshd, and an S3 server whose bucket keeps every version, over HTTP."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from flows.params_file import set_params
from tasks.core.cohort import read_cohort
from tasks.core.workspace import Workspace
from tests.support.remotes import S3, Sshd, running_s3, running_sshd
from tests.support.runs import copy_of, dvc, sluice, tree

pytestmark = pytest.mark.services


@dataclass(frozen=True)
class Pushed:
    """A workspace whose release was pushed to both, by `sluice release push`."""

    workspace: Workspace
    place: Path
    sshd: Sshd
    s3: S3

    @property
    def far(self) -> Path:
        """What the sshd serves."""
        return self.place / "far"

    @property
    def environment(self) -> dict[str, str]:
        return self.sshd.environment | self.s3.environment


def push_to(workspace: Workspace, remote: str, environment: dict[str, str]) -> tuple[int, str, str]:
    set_params(workspace, {"record.remote": remote})
    return sluice("release", "push", "-w", str(workspace.root), **environment)


@pytest.fixture(scope="module")
def pushed(released: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushed]:
    place = tmp_path_factory.mktemp("remotes")
    (place / "far").mkdir()
    workspace = copy_of(released, place / "study")
    with running_sshd(place / "sshd") as sshd, running_s3() as s3:
        both = Pushed(workspace, place, sshd, s3)
        for remote in (sshd.url(both.far), f"s3://{s3.bucket}/heart"):
            code, out, err = push_to(workspace, remote, both.environment)
            assert code == 0, err
            assert "release/heart/v1" in out
        yield both


@pytest.mark.parametrize("kind", ["ssh", "s3"])
def test_a_clone_has_the_release_from_the_remote_byte_for_byte(pushed: Pushed, tmp_path: Path, kind: str) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(pushed.workspace.root), str(clone)], check=True)
    url = pushed.sshd.url(pushed.far) if kind == "ssh" else f"s3://{pushed.s3.bucket}/heart"
    dvc(clone, "remote", "add", "--default", "--local", "--force", "sluice", url, **pushed.environment)
    dvc(clone, "pull", "--quiet", "export", **pushed.environment)
    assert tree(clone / "data" / "dataset") == tree(pushed.workspace.data / "dataset")


def test_a_host_whose_key_is_not_the_known_one_gets_nothing(pushed: Pushed, tmp_path: Path) -> None:
    workspace = copy_of(pushed.workspace, tmp_path / "study")
    home = Path(shutil.copytree(pushed.sshd.home, tmp_path / "home"))
    known = home / ".ssh" / "known_hosts"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    known.write_text(f"[127.0.0.1]:{pushed.sshd.port} {(tmp_path / 'other.pub').read_text()}")
    (tmp_path / "far").mkdir()
    code, _, err = push_to(workspace, pushed.sshd.url(tmp_path / "far"), {"HOME": str(home)})
    assert code == 4, err
    assert "release/heart/v1 is published but not at the remote yet" in err
    assert "Traceback" not in err
    assert not list((tmp_path / "far").rglob("*"))


def test_a_withdrawal_leaves_nothing_of_the_patient_at_either_remote(pushed: Pushed) -> None:
    """Last: it changes both. The bucket keeps what is deleted as older versions, and those have to go too."""
    workspace, s3 = pushed.workspace, pushed.s3
    dvc(workspace.root, "remote", "add", "elsewhere", pushed.sshd.url(pushed.far), **pushed.environment)
    instances = pd.read_parquet(workspace.dataset / "instances.parquet")
    patient = sorted(instances.loc[instances["modality"] == "CT", "patient"].unique())[0]
    units = {unit.unit for unit in read_cohort(workspace).units if unit.patient == patient}
    with sqlite3.connect(workspace.register) as register:
        items = {row[0] for row in register.execute("SELECT item, unit FROM item") if row[0].split("-")[0] in units}
    names = [name.encode() for name in (patient, *units, *items)]
    theirs = {path.read_bytes() for path in workspace.images.rglob(f"*{patient}*.png")}
    others = {path.read_bytes() for path in workspace.images.rglob("*.png")} - theirs
    draft = pushed.far / "files" / "md5" / "ab" / ".x.tmp"  # as a push over SSH leaves it that broke off
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.write_bytes(min(theirs))

    def held() -> list[list[bytes]]:
        return [[path.read_bytes() for path in pushed.far.rglob("*") if path.is_file()], s3.contents()]

    assert theirs
    for contents in held():
        assert theirs < set(contents)
        assert any(name in content for name in names for content in contents)
    words = ["withdraw", "--pseudonym", patient, "--confirm", "--asked-by", "study office", "-w", str(workspace.root)]
    code, out, err = sluice(*words, **pushed.environment)
    assert code == 0, out + err
    assert "nothing of them is found any more" in out
    for contents in held():
        assert not theirs & set(contents)
        assert [name for name in names for content in contents if name in content] == []
        assert others < set(contents), "what others have as well, or alone, stays"
    assert not [one for one in s3.versions() if "Size" not in one], "a deleted version leaves no mark"
    assert not draft.exists()
