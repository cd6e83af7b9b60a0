"""Writing: whole or not at all, whatever goes wrong, and the same bytes for the same content."""

from __future__ import annotations

import errno
import random
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from tasks.core.errors import ConfigurationError
from tasks.core.files import (
    Streamed,
    atomic_directory,
    atomic_path,
    remove_except,
    sha256,
    told_plainly,
    write_json,
    write_table,
    write_text,
    write_zip,
)


class Stopped(BaseException):
    """A run that is interrupted."""


def half_a_file(target: Path) -> None:
    with atomic_path(target) as draft:
        draft.write_text("half")
        assert target.read_text() == "before"
        raise Stopped


def half_a_directory(target: Path) -> None:
    with atomic_directory(target) as draft:
        assert list(draft.iterdir()) == []
        (draft / "third").write_text("half")
        raise Stopped


def test_a_file_that_is_not_finished_leaves_the_former_one(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"
    write_text(target, "before")
    with pytest.raises(Stopped):
        half_a_file(target)
    assert target.read_text() == "before"
    assert list(target.parent.iterdir()) == [target]


def test_a_directory_is_swapped_as_a_whole_or_stays(tmp_path: Path) -> None:
    target = tmp_path / "dataset"
    for content in ("first", "second"):
        with atomic_directory(target) as draft:
            (draft / content).write_text(content)
    assert [path.name for path in target.iterdir()] == ["second"]
    with pytest.raises(Stopped):
        half_a_directory(target)
    assert [path.name for path in target.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_directory_whose_run_died_between_the_two_renames_comes_back(tmp_path: Path) -> None:
    target = tmp_path / "dataset"
    with atomic_directory(target) as draft:
        (draft / "first").write_text("first")
    target.rename(tmp_path / ".dataset.former")
    (tmp_path / ".dataset.draft").mkdir()
    (tmp_path / ".dataset.draft" / "half").write_text("half")
    with pytest.raises(Stopped):
        half_a_directory(target)
    assert [path.name for path in target.iterdir()] == ["first"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "is full: free some space"),
        (errno.EDQUOT, "is full: free some space"),
        (errno.EACCES, "check its owner and permissions"),
        (errno.EROFS, "check its owner and permissions"),
        (errno.ENOTDIR, "a file lies where a folder must be"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_in_one_line(tmp_path: Path, number: int, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as told, told_plainly(tmp_path):
        raise OSError(number, "words of the system", "SOURCE^NAME")
    assert "SOURCE" not in str(told.value)


def test_other_errors_of_the_system_pass(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="odd"), told_plainly(tmp_path):
        raise OSError(errno.EIO, "odd")


def test_a_zip_depends_on_its_members_only(tmp_path: Path) -> None:
    members = [(f"{number}.dcm", bytes([number]) * number) for number in range(20)]
    shuffled = random.Random(1).sample(members, len(members))
    digests = [
        write_zip(tmp_path / "a.zip", members),
        write_zip(tmp_path / "b.zip", iter(shuffled)),
        write_zip(
            tmp_path / "c.zip",
            ((name, Streamed(len(content), (content[:3], content[3:]))) for name, content in members),
        ),
        sha256(tmp_path / "b.zip"),
    ]
    assert len(set(digests)) == 1
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == dict(members)
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_table_depends_on_its_rows_only(tmp_path: Path) -> None:
    frame = pd.DataFrame({"unit": pd.array(["a", None], dtype="string"), "rows": pd.array([1, None], dtype="Int64")})
    write_table(frame, tmp_path / "a.parquet", csv=True)
    sorted_apart = frame.iloc[::-1].set_index(pd.Index([7, 3])).iloc[::-1]
    sorted_apart.attrs["made"] = "today"
    write_table(sorted_apart, tmp_path / "b.parquet", csv=True)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes() == b"unit,rows\na,1\n,\n"
    read = pd.read_parquet(tmp_path / "a.parquet", dtype_backend="numpy_nullable")
    pd.testing.assert_frame_equal(read.astype(frame.dtypes), frame)


def test_json_depends_on_its_values_only(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": "ä", "a": 1})
    write_json(tmp_path / "b.json", {"a": 1, "b": "ä"})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "a": 1,\n  "b": "ä"\n}\n'


def test_what_is_not_kept_goes_with_the_folders_that_it_empties(tmp_path: Path) -> None:
    for name in ("a/1.png", "a/2.png", "b/c/3.png", "d/4.txt"):
        write_text(tmp_path / name, "x")
    assert remove_except(tmp_path, {tmp_path / "a/1.png"}, "*.png") == 2
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left == {"a", "a/1.png", "d", "d/4.txt"}
