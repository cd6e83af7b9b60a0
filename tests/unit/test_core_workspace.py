"""The workspace: private zones closed to others, one run at a time, and nothing identified left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
from pathlib import Path

import pytest

from tasks.core.errors import ConfigurationError, Occupied
from tasks.core.workspace import Workspace

FORK = multiprocessing.get_context("fork")
REFUSED = 7


def take_and_exit(workspace: Workspace) -> None:
    try:
        with workspace.lock():
            os._exit(0)
    except ConfigurationError:
        os._exit(REFUSED)


def take_and_die(workspace: Workspace) -> None:
    with workspace.lock():
        os.kill(os.getpid(), signal.SIGKILL)


def in_another_process(work: object, workspace: Workspace) -> int | None:
    process = FORK.Process(target=work, args=(workspace,))  # type: ignore[arg-type]
    process.start()
    process.join(timeout=30)
    return process.exitcode


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_private_zones_are_closed_again_where_someone_opened_them(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for zone in (workspace.quarantine, workspace.services):
        zone.mkdir(parents=True)
        zone.chmod(0o777)
    workspace.prepare()
    assert [mode(zone) for zone in (workspace.quarantine, workspace.services)] == [0o700] * 2


def test_private_zones_are_made_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Workspace(tmp_path).prepare()
    finally:
        os.umask(before)
    assert mode(Workspace(tmp_path).quarantine) == mode(Workspace(tmp_path).vault) == 0o700


def test_a_second_process_is_refused_while_the_first_holds_the_lock(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.lock():
        assert in_another_process(take_and_exit, workspace) == REFUSED
        with pytest.raises(ConfigurationError, match="another run is working in"), workspace.lock():
            pass
    assert in_another_process(take_and_exit, workspace) == 0


def test_the_lock_goes_with_a_killed_process(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert in_another_process(take_and_die, workspace) == -signal.SIGKILL
    with workspace.lock():
        pass


def test_sweeping_leaves_quarantine_empty_and_counts_what_it_found(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.sweep_quarantine() == 0
    workspace.prepare()
    (workspace.quarantine / "u1").mkdir()
    (workspace.quarantine / "u1" / "i1.dcm").write_bytes(b"x")
    (workspace.quarantine / "stray").write_bytes(b"x")
    assert workspace.sweep_quarantine() == 2
    assert list(workspace.quarantine.iterdir()) == []


def test_it_is_found_by_argument_then_environment_then_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path / "c")
    assert Workspace.find().root.name == "c"
    monkeypatch.setenv("SLUICE_WORKSPACE", str(tmp_path / "b"))
    assert Workspace.find().root.name == "b"
    assert Workspace.find(tmp_path / "a").root.name == "a"
    with pytest.raises(ConfigurationError, match="make one with `sluice init"):
        Workspace.find(tmp_path)


def test_the_key_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Workspace(tmp_path).key_file == tmp_path / "data" / "vault" / "key"
    monkeypatch.setenv("SLUICE_KEY_FILE", "/mnt/keys/sluice")
    assert Workspace(tmp_path).key_file == Path("/mnt/keys/sluice")


def test_several_may_share_a_workspace_and_one_may_have_it_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.lock(shared=True), workspace.lock(shared=True), pytest.raises(Occupied), workspace.lock():
        pass
    with workspace.lock(), pytest.raises(Occupied), workspace.lock(shared=True, patience=0.1):
        pass


def test_a_desk_is_swept_only_when_its_run_is_gone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.prepare()
    dead = workspace.quarantine / "m-1-1-dead"
    dead.mkdir()
    with workspace.at_desk("m/1/1/alive") as desk:
        (desk.quarantine / "u1").mkdir()
        assert stat.S_IMODE(desk.quarantine.stat().st_mode) == 0o700
        assert workspace.is_at_desk("m/1/1/alive")
        assert workspace.sweep_quarantine() == 1
        assert (desk.quarantine / "u1").is_dir()
        assert not dead.exists()
    assert not workspace.is_at_desk("m/1/1/alive")
    assert list(workspace.quarantine.iterdir()) == []


def test_drafts_of_the_dead_go_and_what_is_whole_stays(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.prepare()
    whole, draft = workspace.deidentified / "p" / "a.zip", workspace.deidentified / "p" / ".a.zip.17.4.draft"
    whole.parent.mkdir(parents=True)
    for path in (whole, draft):
        path.write_bytes(b"x")
    assert workspace.sweep_drafts() == 1
    assert (whole.exists(), draft.exists()) == (True, False)
