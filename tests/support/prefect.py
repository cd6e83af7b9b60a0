"""Complete workspaces that read a folder, for tests of the whole system."""

from __future__ import annotations

from pathlib import Path

from flows.commands.initialise import make_workspace
from flows.params_file import set_params
from tasks.core.workspace import Workspace


def folder_workspace(root: Path, folder: Path, **values: object) -> Workspace:
    """A complete workspace at `root`, with its repository, that takes DICOM from `folder`."""
    workspace = make_workspace(root)
    return set_params(workspace, {"extract.source": "folder", "extract.folder": str(folder), **values})
