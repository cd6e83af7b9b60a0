"""No core dumps, and private places that nobody else can open: refused or put right before anything in them is used."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from flows.services import state
from tasks.core.errors import ConfigurationError
from tasks.core.pseudonyms import new_key
from tasks.core.workspace import Workspace

NOBODY = 65534


def prepared(root: Path) -> Workspace:
    workspace = Workspace(root)
    workspace.prepare()
    new_key(workspace.key_file)
    return workspace


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("bits", [0o740, 0o710, 0o720, 0o704])
@pytest.mark.parametrize("name", ["", "key", "deeper/passwords.json"])
def test_a_vault_that_others_may_open_is_refused_with_the_command_that_closes_it(
    tmp_path: Path, name: str, bits: int
) -> None:
    workspace = prepared(tmp_path)
    (workspace.vault / "deeper").mkdir(mode=0o700)
    (workspace.vault / "deeper" / "passwords.json").touch(0o600)
    workspace.prepare()
    (workspace.vault / name).chmod(bits)
    users = (workspace.prepare, lambda: Workspace(tmp_path).pseudonymiser, lambda: state.passwords(workspace))
    for use in (*users, lambda: state.use_running_services(workspace)):
        with pytest.raises(ConfigurationError) as refused:
            use()
        assert f"chmod -R go-rwx {tmp_path}/data/vault" in str(refused.value)
        assert "\n" not in str(refused.value)
    subprocess.run(["chmod", "-R", "go-rwx", str(workspace.vault)], check=True)
    workspace.prepare()


def test_quarantine_is_closed_again_and_that_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    workspace = prepared(tmp_path)
    folder = workspace.quarantine / "run" / "unit"
    folder.mkdir(parents=True)
    (folder / "item.dcm").write_bytes(b"identified")
    for place in (workspace.quarantine, folder, folder / "item.dcm"):
        place.chmod(0o777)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    elsewhere.chmod(0o666)
    (folder / "link").symlink_to(elsewhere)
    with caplog.at_level(logging.WARNING):
        workspace.prepare()
    found = [workspace.quarantine, *(p for p in workspace.quarantine.rglob("*") if not p.is_symlink())]
    assert {mode(place) for place in found} == {0o700}
    assert mode(elsewhere) == 0o666, "a link is not followed out of quarantine"
    (said,) = [record.getMessage() for record in caplog.records]
    assert "could be read by others" in said
    caplog.clear()
    workspace.prepare()
    assert caplog.records == []


def test_what_the_ledger_says_can_be_written_by_nobody_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    workspace = prepared(tmp_path)
    folder = workspace.register.parent
    names = ("register.db", "register.db-wal", "pacs.db", "events.log")
    for name in names:
        (folder / name).touch()
        (folder / name).chmod(0o666)
    folder.chmod(0o777)
    with caplog.at_level(logging.WARNING):
        workspace.prepare()
    assert {mode(folder / name) for name in names} == {0o644}, "who may read is not ours to say"
    assert mode(folder) == 0o755
    assert "could be written by others" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another account")
def test_a_vault_of_another_account_is_refused(tmp_path: Path) -> None:
    workspace = prepared(tmp_path)
    os.chown(workspace.vault, 12345, 12345)
    code = f"""
import os
from pathlib import Path
from tasks.core.guard import check_vault
os.seteuid({NOBODY})
check_vault(Path({str(workspace.vault)!r}))
"""
    for parent in (tmp_path, *list(tmp_path.parents)[:3]):
        if str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "belongs to another account" in done.stderr


def test_a_hardened_process_and_what_it_starts_leave_no_core_dump(tmp_path: Path) -> None:
    code = """
import os, resource, subprocess, sys
from tasks.core.guard import harden, may_dump
most = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
before = may_dump()
harden()
child = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
print(before, may_dump(), subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout)
with open(f"/proc/self/fd/{os.open('/dev/null', os.O_RDONLY)}"):
    pass  # a process that may not be dumped still reads its own descriptors
sys.stdout.flush()
os.abort()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False,
                          env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})  # fmt: skip
    assert done.returncode == -6, done.stderr
    assert done.stdout.split() == ["True", "False", "(0,", "0)"]
    assert list(tmp_path.iterdir()) == []
