"""Workspaces that read a folder, and flows run in this process against one Prefect server of the session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.commands.initialise import make_workspace
from flows.params_file import set_params
from tasks.core.workspace import Workspace


def folder_workspace(root: Path, folder: Path, **values: object) -> Workspace:
    """A complete workspace at `root`, with its repository, that takes DICOM from `folder`."""
    workspace = make_workspace(root)
    return set_params(workspace, {"extract.source": "folder", "extract.folder": str(folder), **values})


@contextmanager
def at_work_in(workspace: Workspace) -> Iterator[None]:
    """Flows of this process work in `workspace`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_WORKSPACE", str(workspace.root))
        yield
