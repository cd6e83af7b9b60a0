"""Identified bytes on disk are for one account, however careless the umask is; a release is for whom the umask says."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tasks.core.workspace import Workspace
from tests.support.prefect import folder_workspace
from tests.support.runs import build, over

pytestmark = pytest.mark.services


class Onlooker:
    """Notes the modes of everything in quarantine and vault, over and over, as somebody else could see them."""

    def __init__(self, workspace: Workspace) -> None:
        self.modes: dict[Path, int] = {}
        self._places = (workspace.quarantine, workspace.vault)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Onlooker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.002):
            for place in self._places:
                for folder, _, files in os.walk(place):
                    for path in (Path(folder), *(Path(folder) / name for name in files)):
                        try:
                            self.modes[path] = self.modes.get(path, 0) | path.stat().st_mode & 0o777
                        except FileNotFoundError:
                            continue


def test_identified_bytes_are_closed_to_others_whatever_the_umask(
    prefect: None, small_hospital: Path, tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        workspace = folder_workspace(tmp_path / "workspace", small_hospital / "dicom")
        workspace = over(workspace, small_hospital)
        with Onlooker(workspace) as onlooker:
            state = build(workspace)
    finally:
        os.umask(before)
    assert state.is_completed(), state.message
    seen = {path for path in onlooker.modes if path.suffix in (".dcm", ".csv")}
    assert len(seen) > 10
    assert {str(path): oct(mode) for path, mode in onlooker.modes.items() if mode & 0o077} == {}
    assert (workspace.dataset / "instances.parquet").stat().st_mode & 0o044 == 0o044, "members may read a release"
