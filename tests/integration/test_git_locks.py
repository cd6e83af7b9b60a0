"""A git that was killed leaves its lock: it goes, and no living git's does."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tasks.core.errors import ConfigurationError
from tasks.record.releases.shell import git, git_as_someone


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git_as_someone(tmp_path, "commit", "--quiet", "-m", "one")
    (tmp_path / "file").write_text("two")
    return tmp_path


@pytest.mark.parametrize(("lock", "words"), [("index.lock", ("add", "file")), ("refs/tags/v1.lock", ("tag", "v1"))])
def test_the_lock_of_a_dead_git_is_cleared(repository: Path, lock: str, words: tuple[str, ...]) -> None:
    (repository / ".git" / lock).touch()
    git(repository, *words)
    assert not (repository / ".git" / lock).exists()


def test_a_lock_that_somebody_has_open_stays(repository: Path) -> None:
    with (repository / ".git" / "index.lock").open("w"), pytest.raises(ConfigurationError, match="git add failed"):
        git(repository, "add", "file")
    assert (repository / ".git" / "index.lock").exists()


def test_a_lock_stays_while_a_git_works_there(repository: Path) -> None:
    lock = repository / ".git" / "index.lock"
    environment = {**os.environ, "GIT_EDITOR": "sleep 60 #", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_EMAIL": "a@b"}
    environment |= {"GIT_AUTHOR_NAME": "a", "GIT_COMMITTER_NAME": "a"}
    working = subprocess.Popen(["git", "commit", "-a"], cwd=repository, env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + 20
        while not lock.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with pytest.raises(ConfigurationError, match="git add failed"):
            git(repository, "add", "file")
        assert lock.exists()
    finally:
        os.killpg(working.pid, 9)
        working.wait()
    git(repository, "add", "file")  # now it is a dead one's
