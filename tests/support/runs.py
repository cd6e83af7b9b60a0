"""Whole runs for tests: workspaces over a small hospital, flows in this process, commands as a user types them."""

from __future__ import annotations

import functools
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL

from flows.commands.initialise import templates
from tasks.core.files import sha256
from tasks.core.workspace import VARIABLE, Workspace
from tasks.record.releases.verification import SIGNATURE
from tasks.simulate.model import AnswerKey, Kind
from tests.support.leaks import Needles
from tests.support.places import ROOT, make_workspace, with_params

SETTINGS: dict[str, dict[str, Any]] = {
    "transform": {"size": 32},
    "curate": {"splits": {"train": 0.5, "test": 0.5}},
    "export": {"name": "heart"},
    "run": {"processes": 1},
}


def over(workspace: Workspace, hospital: Path, **sections: Mapping[str, Any]) -> Workspace:
    """The workspace with the folder, tables and small settings of these tests, and `sections` on top."""
    tables = {"labels_csv": str(hospital / "labels.csv"), "ehr_csv": str(hospital / "ehr.csv")}
    source = {"source": "folder", "folder": str(hospital / "dicom"), **tables}
    return with_params(with_params(workspace, extract=source, **SETTINGS), **sections)


def complete_workspace(root: Path) -> Workspace:
    """A new workspace with stages and small settings; its source is the Orthanc of the environment."""
    workspace = make_workspace(root)
    shutil.copyfile(templates() / "dvc.yaml", root / "dvc.yaml")
    return with_params(workspace, **SETTINGS)


def copy_of(workspace: Workspace, place: Path) -> Workspace:
    """A copy of a workspace that a test may change, with file times kept."""
    shutil.copytree(workspace.root, place, symlinks=True)
    return Workspace(place)


def build(workspace: Workspace, **parameters: Any) -> State[Any]:
    """`build_dataset` in this process; returns its last state."""
    from flows.build_dataset import build_dataset

    with patch.dict(os.environ, {VARIABLE: str(workspace.root)}):
        return build_dataset(**parameters, return_state=True)


def train(workspace: Workspace, **environment: str) -> State[Any]:
    """`train_model` in this process; returns its last state."""
    from flows.train_model import train_model

    with patch.dict(os.environ, {VARIABLE: str(workspace.root), **environment}):
        return train_model(return_state=True)


def command(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start `sluice` as a user does, on the Prefect server of the tests where there is one."""
    server = {"PREFECT_API_URL": PREFECT_API_URL.value()} if PREFECT_API_URL.value() else {}
    return subprocess.Popen(
        [sys.executable, "-m", "flows", *arguments],
        cwd=ROOT,
        env={**os.environ, **server, "COLUMNS": "200", **{key: str(value) for key, value in environment.items()}},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def sluice(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run `sluice` to its end; returns exit code, standard output and standard error."""
    child = command(*arguments, **environment)
    out, err = child.communicate(timeout=300)
    return child.returncode, out, err


def dvc(root: Path, *words: str, **environment: str) -> str:
    """`dvc`, as a user types it in the folder `root`; returns standard output, and fails where the command does."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # its stages are run by this Python
    kept = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=root,
        env={**kept, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def stage(name: str, workspace: Workspace, before: Sequence[str] = ()) -> tuple[int, str]:
    """`python -m tasks.<name>`, after the words of `before`; returns exit code and standard error."""
    done = subprocess.run(
        [*before, sys.executable, "-m", f"tasks.{name}"],
        cwd=ROOT,
        env={**os.environ, VARIABLE: str(workspace.root)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stderr


def content(workspace: Workspace) -> str:
    """The digest of what the release holds."""
    return str(json.loads((workspace.dataset / "release.json").read_text(encoding="utf-8"))["content"])


def tree(root: Path) -> dict[str, str]:
    """Every file under `root` with the SHA-256 of its bytes; the signature apart, which is each workspace's own."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name != SIGNATURE)
    return {str(path.relative_to(root)): sha256(path) for path in files}


def stamps(root: Path, pattern: str) -> dict[str, int]:
    """When each file that matches was written, so that a test sees whether it was written again."""
    return {str(path.relative_to(root)): path.stat().st_mtime_ns for path in sorted(root.rglob(pattern))}


def standing(workspace: Workspace) -> dict[str, Any]:
    """What a release is, in all the places that hold it: folder, records, tags with their commits, register rows."""
    tags = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname) %(objectname)", "refs/tags"],
        cwd=workspace.root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    with sqlite3.connect(workspace.register) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {
            name: sorted(map(repr, database.execute(f"SELECT * FROM {name}")))
            for name in names
            if name.startswith("release")
        }
    assert rows
    return {
        "dataset": tree(workspace.data / "dataset"),
        "records": tree(workspace.releases),
        "tags": tags,
        "rows": rows,
    }


def nothing_released(workspace: Workspace) -> bool:
    """Whether there is no release, nor half of one."""
    place = workspace.data / "dataset"
    return not place.exists() or not any(place.rglob("*"))


@functools.cache
def _needles(hospital: Path) -> Needles:
    kinds = set(Kind) - {Kind.DATE, Kind.DEVICE}
    return Needles(item for item in AnswerKey.read(hospital).planted if item.kind in kinds)


def assert_plain(message: str | None, hospital: Path, *words: str) -> None:
    """`message` is one line that says `words`, and names nobody of the hospital."""
    assert message
    line = message.strip()
    assert "\n" not in line, line
    assert "unexpected" not in line, line
    assert "Traceback" not in line
    missing = [word for word in words if word not in line]
    assert not missing, f"{missing} not in: {line}"
    assert list(_needles(hospital).find(line.encode())) == []
