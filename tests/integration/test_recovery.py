"""A run that was killed, or whose files were damaged: the next one ends where an undisturbed run would have."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.core.workspace import Workspace
from tests.support.places import with_params
from tests.support.runs import build, command, content, nothing_released, standing, tree

pytestmark = pytest.mark.services


def _kill_when(workspace: Workspace, begun: Callable[[Workspace], bool]) -> None:
    """Start `sluice run`, and kill it without warning as soon as `begun`."""
    child = command("run", "--workspace", str(workspace.root))
    try:
        deadline = time.monotonic() + 120
        while not begun(workspace):
            assert child.poll() is None, "the run ended before it could be killed: " + child.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.001)
        children = _descendants(child.pid)
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.communicate()
    ours = [pid for pid in children if _lives(pid)]
    deadline = time.monotonic() + 20
    while any(_lives(pid) for pid in ours):
        assert time.monotonic() < deadline, "processes of the killed run go on without it"
        time.sleep(0.05)


def _descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _extracting(workspace: Workspace) -> bool:
    return any(workspace.quarantine.glob("*/u*/*.dcm"))


def _deidentifying(workspace: Workspace) -> bool:
    return len(list(workspace.deidentified.glob("*/*.zip"))) >= 3


def _exporting(workspace: Workspace) -> bool:
    return (workspace.data / "dataset" / ".heart.draft" / "images").exists()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to see whom a killed run leaves behind")
def test_a_run_killed_again_and_again_releases_what_an_undisturbed_one_does(
    fresh: Workspace, released: Workspace
) -> None:
    fresh = with_params(fresh, run={"batch_instances": 40})
    _kill_when(fresh, _extracting)
    assert nothing_released(fresh)
    _kill_when(fresh, _deidentifying)
    assert nothing_released(fresh)
    _kill_when(fresh, _exporting)
    assert not (fresh.data / "dataset" / "heart").exists()

    state = build(fresh)

    assert state.is_completed(), state.message
    assert content(fresh) == content(released)
    assert tree(fresh.dataset) == tree(released.dataset)
    assert list(fresh.quarantine.iterdir()) == []
    assert [path.name for path in (fresh.data / "dataset").iterdir() if path.is_dir()] == ["heart"]
    assert fresh.cohort_lock.read_bytes() == released.cohort_lock.read_bytes()


def test_a_run_killed_over_a_release_leaves_that_release_whole(study: Workspace) -> None:
    before = standing(study)
    with_params(study, curate={"min_contrast": 0.03})
    _kill_when(study, _exporting)
    now = standing(study)
    assert {name: digest for name, digest in now["dataset"].items() if ".draft" not in name} == before["dataset"]
    assert (now["records"], now["tags"], now["rows"]) == (before["records"], before["tags"], before["rows"])


def test_damaged_archives_and_missing_images_are_noticed_and_made_again(study: Workspace) -> None:
    before = standing(study)
    archives, images = sorted(study.deidentified.rglob("*.zip")), sorted(study.images.rglob("*.png"))
    whole = tree(study.deidentified), tree(study.images)
    _damage(archives[0], lambda content: content[:-30])
    _damage(
        archives[1], lambda content: content[:2000] + bytes(byte ^ 255 for byte in content[2000:2100]) + content[2100:]
    )
    archives[2].unlink()
    images[0].unlink()
    shutil.rmtree(images[-1].parent)

    state = build(study)

    assert state.name == "NothingNew", state.message
    assert (tree(study.deidentified), tree(study.images)) == whole
    assert standing(study) == before


def _damage(path: Path, change: Callable[[bytes], bytes]) -> None:
    content = path.read_bytes()
    path.unlink()  # DVC's cache may hold the same inode
    path.write_bytes(change(content))
