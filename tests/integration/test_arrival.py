"""The order in which things come, and how many work on them, changes no byte of any output."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tasks.core.workspace import Workspace
from tasks.record.releases.versioning import digests
from tests.support.places import with_params
from tests.support.runs import build, tree

pytestmark = pytest.mark.services


def test_other_workers_and_another_order_of_arrival_make_the_same_bytes(
    fresh: Workspace, released: Workspace, tmp_path: Path
) -> None:
    """The parameters that DVC watches must be the same, so the folder is where it was, reached through a link."""
    settled = Path(str(released.settings.extract.folder))
    files = sorted(path for path in settled.rglob("*") if path.is_file())
    random.Random(7).shuffle(files)
    for path in files:  # a folder lists what it holds by when it came
        place = tmp_path / "dicom" / path.relative_to(settled)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    other = with_params(fresh, run={"processes": 3, "batch_instances": 7, "batches_in_flight": 1})
    aside = settled.with_name("aside")
    settled.rename(aside)
    try:
        settled.symlink_to(tmp_path / "dicom")
        state = build(other)
    finally:
        settled.unlink(missing_ok=True)
        aside.rename(settled)
    assert state.is_completed(), state.message
    assert digests(other.root) == digests(released.root)
    assert (other.root / "dvc.lock").read_bytes() == (released.root / "dvc.lock").read_bytes()
    assert tree(other.dataset) == tree(released.dataset)
