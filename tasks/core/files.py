"""Safe and deterministic file writing: whole or not at all, and the same bytes for the same content."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tasks.core.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@contextmanager
def told_plainly(place: Path) -> Iterator[None]:
    """Turn a full disk, a forbidden or an occupied place into one clear line; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ConfigurationError(
                f"the disk of {place} is full: free some space and run again, nothing is lost"
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise ConfigurationError(f"cannot write {place}: check its owner and permissions") from None
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            raise ConfigurationError(
                f"cannot write {place}: a file lies where a folder must be; move it away"
            ) from None
        raise


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A path beside `target` to write a file to; renamed into place at the end, removed on error."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}.draft")
    with told_plainly(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            draft.replace(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


@contextmanager
def atomic_directory(target: Path) -> Iterator[Path]:
    """An empty directory beside `target`; swapped into place at the end. On error `target` stays as it was."""
    draft = target.with_name(f".{target.name}.draft")
    former = target.with_name(f".{target.name}.former")
    with told_plainly(target):
        if former.exists() and not target.exists():
            former.replace(target)  # a run died between the two renames
        for left in (draft, former):
            shutil.rmtree(left, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            yield draft
            if target.exists():
                target.replace(former)
            draft.replace(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            if former.exists() and not target.exists():
                former.replace(target)
            raise
        shutil.rmtree(former, ignore_errors=True)


def write_text(target: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_path(target) as draft:
        draft.write_text(text, encoding="utf-8")


def write_json(target: Path, value: Any) -> None:
    """Write `value` as JSON with sorted keys and a final newline."""
    write_text(target, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def write_table(frame: pd.DataFrame, target: Path, *, csv: bool = False) -> None:
    """Write `frame` to `target` (.parquet), and beside it as .csv where asked; the same bytes for the same rows."""
    import pyarrow as pa  # here, because it takes a second, and most who write files write no table
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with atomic_path(target) as draft:
        pq.write_table(table, draft, compression="zstd", write_statistics=True, store_schema=False)
    if csv:
        with atomic_path(target.with_suffix(".csv")) as draft:
            frame.to_csv(draft, index=False, lineterminator="\n")


class Streamed(NamedTuple):
    """Content that is too large to be in memory: its size in bytes, and its chunks, asked for one after the other."""

    size: int
    chunks: Iterable[bytes]


def write_zip(target: Path, members: Iterable[tuple[str, bytes | Streamed]]) -> str:
    """Write `members`, sorted by name, stored, with a fixed date; returns the archive's SHA-256."""
    with atomic_path(target) as draft:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, content in sorted(members, key=itemgetter(0)):
                info = zipfile.ZipInfo(name, _ZIP_DATE)
                info.external_attr = 0o644 << 16
                info.create_system = 3
                if isinstance(content, bytes):
                    archive.writestr(info, content)
                    continue
                info.file_size = content.size  # decides whether the member needs ZIP64
                with archive.open(info, "w") as member:
                    for chunk in content.chunks:
                        member.write(chunk)
        return sha256(draft)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def remove_except(root: Path, keep: set[Path], pattern: str) -> int:
    """Delete files under `root` that match `pattern` and are not in `keep`, then empty folders; returns how many."""
    gone = 0
    for path in sorted(root.rglob(pattern)):
        if path.is_file() and path not in keep:
            path.unlink()
            gone += 1
    for folder in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return gone
