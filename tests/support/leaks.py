"""Search everything under a folder for planted identifiers: raw, unpacked, and in the encodings that software uses.

What it can find is shown by tests/unit/test_leaks.py.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import html
import io
import json
import sqlite3
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from tasks.simulate.model import Planted

_MAX_DEPTH = 3
_PREFIX = 3
_SHORTEST = 4
_SHORTEST_CODED = 10  # a coded form is found by chance sooner, since its alphabet is smaller
_BLOCK = 2**24
_ZSTD, _PNG, _SQLITE = b"\x28\xb5\x2f\xfd", b"\x89PNG\r\n\x1a\n", b"SQLite format 3\0"


@dataclass(frozen=True)
class Leak:
    """Where a planted value was found: the file, the value, and what kind of identifier it is."""

    path: Path
    value: str
    kind: str


class Needles:
    """Planted values prepared for one pass over many bytes; letters are compared without case."""

    def __init__(self, planted: Iterable[Planted]) -> None:
        self.patterns: dict[bytes, tuple[str, str]] = {}
        for item in planted:
            for form in _forms(item):
                if len(form) >= _SHORTEST:
                    self.patterns[form.lower()] = (item.value, item.kind)
        self._by_prefix: dict[bytes, list[bytes]] = {}
        for pattern in self.patterns:
            self._by_prefix.setdefault(pattern[:_PREFIX], []).append(pattern)
        self._table = np.zeros(2**24, dtype=bool)
        for prefix in self._by_prefix:
            self._table[int.from_bytes(prefix, "big")] = True

    def find(self, content: bytes) -> Iterator[tuple[str, str]]:
        """The (value, kind) of each planted value in `content`."""
        overlap = max(map(len, self.patterns), default=0)
        for begin in range(0, max(1, len(content)), _BLOCK):  # the look-up takes four times the bytes it looks at
            yield from self._find(content[begin : begin + _BLOCK + overlap].lower())

    def _find(self, low: bytes) -> Iterator[tuple[str, str]]:
        if len(low) < _SHORTEST:
            return
        data = np.frombuffer(low, dtype=np.uint8).astype(np.uint32)
        prefixes = (data[:-2] << 16) | (data[1:-1] << 8) | data[2:]
        for offset in np.flatnonzero(self._table[prefixes]).tolist():
            for pattern in self._by_prefix[low[offset : offset + _PREFIX]]:
                if low.startswith(pattern, offset):
                    yield self.patterns[pattern]


def _forms(item: Planted) -> set[bytes]:
    """The bytes by which software may write a value: in each encoding, in capitals (of letters that bytes.lower does
    not know), escaped, and coded."""
    cases = {item.value} if item.value.isascii() else {item.value, item.value.upper(), item.value.lower()}
    return {form for case in cases for form in _written(item.model_copy(update={"value": case}))}


def _written(item: Planted) -> Iterator[bytes]:
    text, raw = item.value, item.value.encode("utf-8", "surrogateescape")
    yield from item.forms()
    yield from (json.dumps(text)[1:-1].encode(), quote(text).encode(), html.escape(text).encode())
    yield repr(text)[1:-1].encode("utf-8", "surrogateescape")
    coded = [raw.hex().encode()]
    for lead in range(3):  # base64 reads three bytes at a time, so where the value begins changes its letters
        letters = base64.b64encode(bytes(lead) + raw)
        coded.append(letters[(0, 2, 3)[lead] : len(letters) - (0, 3, 2)[(lead + len(raw)) % 3]])
    yield from (form for form in coded if len(form) >= _SHORTEST_CODED)


def search(root: Path, needles: Needles, skip: Iterable[Path] = ()) -> tuple[list[Leak], int]:
    """Every planted value under `root`, in names, contents and what is compressed in them; and the bytes searched."""
    left_out = tuple(skip)
    leaks: list[Leak] = []
    searched = 0
    for path in sorted(root.rglob("*")):
        if any(path.is_relative_to(place) for place in left_out):
            continue
        leaks += [Leak(path, *hit) for hit in needles.find(str(path.relative_to(root)).encode())]
        if not path.is_file() or path.is_symlink():
            continue
        for content in unpack(path.read_bytes()):
            searched += len(content)
            leaks += [Leak(path, *hit) for hit in set(needles.find(content))]
    return leaks, searched


def search_bytes(content: bytes, needles: Needles, place: Path) -> list[Leak]:
    """Every planted value in `content`, which has no file of its own (a dump, a process's environment)."""
    return [Leak(place, *hit) for part in unpack(content) for hit in set(needles.find(part))]


def git_objects(root: Path) -> bytes:
    """Everything that a repository keeps, packed or not, reachable or not, with its log of references."""
    command = ["git", "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(command, cwd=root, capture_output=True, check=True).stdout


def unpack(content: bytes, depth: int = 0) -> Iterator[bytes]:
    """`content` itself, and what zip, gzip, zlib (git's objects), zstd, Parquet, PNG and SQLite hold in it."""
    yield content
    if depth >= _MAX_DEPTH:
        return
    if content[:4] == b"PK\x03\x04":
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                yield member.comment
                yield from unpack(archive.read(member), depth + 1)
    elif content[:2] == b"\x1f\x8b":
        with contextlib.suppress(OSError, EOFError, zlib.error):
            yield from unpack(gzip.decompress(content), depth + 1)
    elif content[:4] == b"PAR1":
        yield pd.read_parquet(io.BytesIO(content)).to_csv().encode()
    elif content[:4] == _ZSTD:
        with contextlib.suppress(OSError):
            yield from unpack(_zstd(content), depth + 1)
    elif content[:8] == _PNG:
        yield from _png_texts(content)
    elif content[:16] == _SQLITE:
        for cell in _cells(content):
            yield from unpack(cell, depth + 1)
    elif content[:1] == b"\x78":
        with contextlib.suppress(zlib.error):
            yield from unpack(zlib.decompress(content), depth + 1)


def _zstd(content: bytes) -> bytes:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        return bytes(stream.read())


def _png_texts(content: bytes) -> Iterator[bytes]:
    """The chunks that hold text, inflated where they are deflated; the picture itself is looked at elsewhere."""
    at = len(_PNG)
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">L4s", content, at)
        chunk = content[at + 8 : at + 8 + length]
        if kind in (b"zTXt", b"iTXt", b"iCCP", b"eXIf"):
            for start in (position for position in range(len(chunk)) if chunk[position] == 0x78):
                with contextlib.suppress(zlib.error):
                    yield zlib.decompressobj().decompress(chunk[start:])
        at += 12 + length


def _cells(content: bytes) -> Iterator[bytes]:
    """Every cell whole: in the file a long one lies in pieces, and one that was compressed begins anywhere."""
    with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(sqlite3.connect(":memory:")) as database:
        # One in WAL mode cannot be opened from memory; this changes the copy's format, not what is in it.
        database.deserialize(content[:18] + b"\x01\x01" + content[20:])
        database.text_factory = bytes
        names = [row[0].decode() for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            with contextlib.suppress(sqlite3.DatabaseError):  # a virtual table whose module isn't here
                for row in database.execute(f'SELECT * FROM "{name}"'):
                    texts = [cell for cell in row if isinstance(cell, bytes)]
                    yield b"\n".join(texts)
                    yield from (cell for cell in texts if cell[:1] in b"P\x1f\x28\x78\x89S" and len(cell) > _SHORTEST)
