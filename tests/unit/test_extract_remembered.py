"""A folder's memory: nothing is opened twice, whatever changed is seen, and the vault tells nobody what it holds."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import pytest

from tasks.core.pseudonyms import new_key
from tasks.core.workspace import Workspace
from tasks.extract import folder as folders
from tasks.extract import remembered
from tasks.extract.criteria import Criteria
from tasks.extract.folder import FolderSource
from tasks.extract.source import Listing
from tests.support.dicom import make_dicom, make_zip
from tests.support.places import with_params


@pytest.fixture
def source(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two instances, a wrapper of two, one in gzip, a duplicate, and three files that are refused."""
    place = tmp_path / "source"
    place.mkdir()
    (place / "a").write_bytes(make_dicom("1.2.1", PatientName="Roe^Richard"))
    (place / "b").write_bytes(make_dicom("1.2.2"))
    (place / os.fsdecode(b"\xfc.zip")).write_bytes(make_zip({"x": make_dicom("1.2.3"), "y": make_dicom("1.2.4")}))
    (place / "c.gz").write_bytes(gzip.compress(make_dicom("1.2.5")))
    (place / "again").write_bytes(make_dicom("1.2.2"))
    (place / "text").write_text("Report of Roe^Richard")
    (place / "empty").write_bytes(b"")
    (place / "cut").write_bytes(make_dicom("1.2.6")[:140])
    with_params(workspace, extract={"source": "folder", "folder": str(place)})
    monkeypatch.setattr(remembered, "_YOUNG", 0)
    return place


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The locators that were scanned."""
    names: list[str] = []
    scan = folders.scan_file

    def note(opener: object, locator: str, *rest: object) -> object:
        names.append(locator)
        return scan(opener, locator, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(folders, "scan_file", note)
    return names


def look(workspace: Workspace) -> Listing:
    with FolderSource.of(Workspace(workspace.root)) as source:
        return source.list_series(Criteria())


def test_a_second_look_opens_nothing_and_lists_the_same(workspace: Workspace, source: Path, opened: list[str]) -> None:
    first = look(workspace)
    assert len(opened) == 8
    assert first == FolderSource(source, FolderSource.of(workspace)._limits).list_series(Criteria())
    opened.clear()
    assert look(workspace) == first
    assert opened == []


def test_what_is_new_written_to_or_replaced_is_opened(workspace: Workspace, source: Path, opened: list[str]) -> None:
    look(workspace)
    opened.clear()
    status = (source / "b").stat()
    (source / "b").write_bytes(make_dicom("1.2.7"))
    os.utime(source / "b", ns=(status.st_atime_ns, status.st_mtime_ns))  # as a careful copy does
    assert (source / "b").stat().st_size == status.st_size
    (source / "new").write_bytes(make_dicom("1.2.8"))
    (source / "cut").unlink()
    (source / "text").replace(source / "moved")
    listing = look(workspace)
    assert sorted(opened) == ["b", "moved", "new"]
    assert listing == FolderSource(source, FolderSource.of(workspace)._limits).list_series(Criteria())
    opened.clear()
    assert look(workspace) == listing
    assert opened == []


def test_a_file_that_changed_just_now_is_looked_at_again(
    workspace: Workspace, source: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "_YOUNG", 3600 * 10**9)
    look(workspace)
    opened.clear()
    look(workspace)
    assert len(opened) == 8


def test_a_file_that_could_not_be_read_is_looked_at_again(
    workspace: Workspace, source: Path, opened: list[str]
) -> None:
    limits = FolderSource.of(workspace)._limits
    memory = remembered.Memory.of(workspace, source, limits)
    refused = remembered.Refused("a", remembered.Reason.TRANSFER_FAILED)
    memory.learn("a", (1, 0, 0, 1), [refused])
    memory.learn("b", (1, 0, 0, 2), [remembered.Refused("b", remembered.Reason.NOT_DICOM)])
    memory.keep()
    kept = remembered.Memory.of(workspace, source, limits)
    assert kept.recall("a", (1, 0, 0, 1)) is None
    assert kept.recall("b", (1, 0, 0, 2)) is not None
    assert kept.recall("b", (1, 0, 1, 2)) is None


def test_the_vault_holds_it_encrypted_for_this_key_and_account_alone(
    workspace: Workspace, source: Path, opened: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    first = look(workspace)
    place = workspace.vault / "folder-headers"
    sealed = place.read_bytes()
    assert place.stat().st_mode & 0o077 == 0
    assert not any(word in sealed for word in (b"1.2.1", b"P1", b"again"))
    with pytest.raises(zlib.error):
        zlib.decompress(sealed[12:])
    for damage in (sealed[:-1], sealed[:5], b"", sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:]):
        place.write_bytes(damage)
        opened.clear()
        assert look(workspace) == first
        assert len(opened) == 8
    assert "cannot be read" in caplog.text
    workspace.key_file.unlink()
    new_key(workspace.key_file)
    opened.clear()
    assert look(workspace) == first
    assert len(opened) == 8


def test_other_limits_are_another_memory(workspace: Workspace, source: Path, opened: list[str]) -> None:
    look(workspace)
    with_params(workspace, extract={"source": "folder", "folder": str(source), "max_item_bytes": 100})
    opened.clear()
    assert not look(workspace).series
    assert len(opened) == 8
