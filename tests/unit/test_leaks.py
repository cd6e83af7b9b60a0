"""The search for leaks finds what is hidden the way tools hide it; else its zero hits would mean nothing."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import sqlite3
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image, PngImagePlugin

from tasks.simulate.model import Kind, Planted
from tests.support.leaks import Needles, git_objects, search, search_bytes

NAME = "Brzęczyszczykiewicz^Grzegorz"
PLAIN = "O'Neill & Ferreira"
NEEDLES = Needles(Planted(value=value, kind=Kind.NAME, patient=None, where=()) for value in (NAME, PLAIN))


def _zip(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", content)
    return target.getvalue()


def _png(content: bytes) -> bytes:
    target, texts = io.BytesIO(), PngImagePlugin.PngInfo()
    texts.add_itxt("Comment", content.decode(), zip=True)
    Image.new("L", (4, 4)).save(target, "PNG", pnginfo=texts)
    return target.getvalue()


def _zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content * 3)
    return sink.getvalue().to_pybytes()


def _parquet(content: bytes) -> bytes:
    target = io.BytesIO()
    pd.DataFrame({"a": [content.decode()] * 3}).to_parquet(target, compression="zstd")
    return target.getvalue()


def _sqlite(content: bytes) -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE t (a BLOB)")
        database.execute("INSERT INTO t VALUES (?)", (zlib.compress(bytes(9000) + content + bytes(9000), 0),))
        database.commit()
        return database.serialize()


@pytest.mark.parametrize("value", [NAME, PLAIN])
@pytest.mark.parametrize(
    "hide",
    [bytes, gzip.compress, zlib.compress, _zip, _zstd, _png, _parquet, _sqlite, lambda raw: _zip(gzip.compress(raw))],
)
def test_a_value_is_found_in_what_compresses_it(value: str, hide: Callable[[bytes], bytes]) -> None:
    content = hide(f"before {value} after".encode())
    assert [leak.value for leak in search_bytes(content, NEEDLES, Path("x"))][:1] == [value]


@pytest.mark.parametrize("value", [NAME, PLAIN])
@pytest.mark.parametrize(
    "write",
    [
        str.encode,
        lambda text: text.upper().encode(),
        lambda text: text.encode("utf-16-le"),
        lambda text: json.dumps(text).encode(),
        lambda text: quote(text).encode(),
        lambda text: html.escape(text).encode(),
        lambda text: text.encode().hex().encode(),
        *(lambda text, lead=lead: base64.b64encode(b"x" * lead + text.encode() + b"tail") for lead in range(3)),
    ],
)
def test_a_value_is_found_in_what_encodes_it(value: str, write: Callable[[str], bytes]) -> None:
    assert search_bytes(b"before " + write(value) + b" after", NEEDLES, Path("x"))


def test_a_value_is_found_in_a_name_a_wal_and_a_commit_and_nothing_where_nothing_is(tmp_path: Path) -> None:
    assert search(tmp_path, NEEDLES) == ([], 0)
    (tmp_path / f"{NAME}.txt").touch()
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (a TEXT)")
        database.execute("INSERT INTO t VALUES (?)", (PLAIN,))
        database.commit()
        found, _ = search(tmp_path, NEEDLES)
        assert {leak.path.name for leak in found} == {f"{NAME}.txt", "a.db-wal"}
    repository = tmp_path / "git"
    quiet = ["git", "-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run([*quiet, "init", "-q", str(repository)], check=True)
    subprocess.run([*quiet, "commit", "-q", "--allow-empty", "-m", NAME], cwd=repository, check=True)
    subprocess.run(["git", "gc", "-q"], cwd=repository, check=True)
    assert search_bytes(git_objects(repository), NEEDLES, repository)


def test_a_value_across_the_border_of_two_blocks_is_found() -> None:
    content = bytes(2**24 - 5) + PLAIN.encode() + bytes(10)
    assert search_bytes(content, NEEDLES, Path("x"))
