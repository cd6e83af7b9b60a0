"""Reading a release from DVC's cache: absent and altered bytes are noticed, and a remote folder stands in."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tasks.core.errors import ContractViolation
from tasks.record.releases.stored import Store

CONTENT = b"patient,split\n"
DIGEST = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with an empty cache, and a remote in the folder far."""
    (tmp_path / ".dvc" / "cache").mkdir(parents=True)
    (tmp_path / ".dvc" / "config").write_text("['remote \"far\"']\n    url = ../far\n", encoding="utf-8")
    return tmp_path


def put(store: Path, content: bytes, suffix: str = "") -> Path:
    place = store / "files" / "md5" / DIGEST[:2] / (DIGEST[2:] + suffix)
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    return place


@pytest.mark.parametrize("suffix", ["", ".dir"])
def test_bytes_come_from_the_cache_and_else_from_the_remote(root: Path, suffix: str) -> None:
    put(root / "far", CONTENT, suffix)
    assert Store(root).content(DIGEST + suffix) == CONTENT
    put(root / ".dvc" / "cache", CONTENT, suffix)
    assert Store(root).locate(DIGEST + suffix).is_relative_to(root / ".dvc" / "cache")


def test_bytes_that_are_nowhere_are_missed_with_the_remedy(root: Path) -> None:
    with pytest.raises(ContractViolation, match=r"does not hold all of this release: bring it back with .*dvc pull"):
        Store(root).content(DIGEST)


def test_altered_bytes_of_the_cache_are_never_read(root: Path) -> None:
    put(root / ".dvc" / "cache", CONTENT.replace(b"split", b"SPLIT"))
    with pytest.raises(ContractViolation, match="other bytes than this release"):
        Store(root).content(DIGEST)
    put(root / "far", CONTENT)
    assert Store(root).content(DIGEST) == CONTENT
