"""`sluice init`: make a workspace with its own parameters, gates, key and version history."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

import flows
from flows.commands.common import command, console
from tasks.core.errors import ConfigurationError
from tasks.core.files import told_plainly
from tasks.core.pseudonyms import new_key
from tasks.core.workspace import Workspace
from tasks.record.releases.versioning import ensure_repository

TEMPLATES = ("params.yaml", "dvc.yaml", "prefect.yaml", "expectations")


@command
def init(directory: Annotated[Path, typer.Argument(help="Where to make it; may exist.")] = Path()) -> None:
    """Make a workspace: parameters, gates, a key of its own, and a git and DVC repository.

    Files that exist are kept. Two workspaces share nothing: one patient has unlinkable pseudonyms in them.
    """
    workspace = make_workspace(directory)
    console.print(f"workspace   {workspace.root}")
    console.print(
        f"key         {workspace.key_file}  (back it up apart from the data: without it nothing can be added)"
    )
    console.print("next        edit params.yaml, set SLUICE_ORTHANC_URL, then `sluice run --dry-run`")


def make_workspace(directory: Path) -> Workspace:
    """Make or complete the workspace at `directory` and return it."""
    root = directory.resolve()
    with told_plainly(root):
        try:
            root.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError:  # a file system that makes no folders, such as /proc
            raise ConfigurationError(f"no folder can be made at {root}: choose another place") from None
        for name in TEMPLATES:
            _copy_once(templates() / name, root / name)
    workspace = Workspace.find(root)
    workspace.prepare()
    if not workspace.key_file.exists():
        new_key(workspace.key_file)
    ensure_repository(root)
    return workspace


def templates() -> Path:
    """Where params.yaml, dvc.yaml, prefect.yaml and expectations/ of this installation lie."""
    for place in (Path(flows.__file__).parent.parent, Path(sys.prefix) / "share" / "sluice"):
        if (place / "params.yaml").is_file() and (place / "dvc.yaml").is_file():
            return place
    raise ConfigurationError("this installation of Sluice lacks its templates: install it again")


def _copy_once(source: Path, target: Path) -> None:
    if target.exists():
        return
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
