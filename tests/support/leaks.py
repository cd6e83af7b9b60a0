"""Search everything under a folder for planted identifiers: raw, unpacked, and in the encodings that software uses."""

from __future__ import annotations

import gzip
import io
import json
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
            escaped = json.dumps(item.value)[1:-1].encode()
            for form in {*item.forms(), escaped, quote(item.value).encode()}:
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
        low = content.lower()
        if len(low) < _SHORTEST:
            return
        data = np.frombuffer(low, dtype=np.uint8).astype(np.uint32)
        prefixes = (data[:-2] << 16) | (data[1:-1] << 8) | data[2:]
        for offset in np.flatnonzero(self._table[prefixes]).tolist():
            for pattern in self._by_prefix[low[offset : offset + _PREFIX]]:
                if low.startswith(pattern, offset):
                    yield self.patterns[pattern]


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


def unpack(content: bytes, depth: int = 0) -> Iterator[bytes]:
    """`content` itself, and what zip, gzip, zlib (git's objects) and Parquet hold in it."""
    yield content
    if depth >= _MAX_DEPTH:
        return
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from unpack(archive.read(name), depth + 1)
    elif content[:2] == b"\x1f\x8b":
        yield from unpack(gzip.decompress(content), depth + 1)
    elif content[:4] == b"PAR1":
        yield pd.read_parquet(io.BytesIO(content)).to_csv().encode()
    elif content[:1] == b"\x78":
        try:
            yield from unpack(zlib.decompress(content), depth + 1)
        except zlib.error:
            return
