"""Taking over from the last release what stays the same, so that a release costs what is new in it.

A file that stays is a hard link to the former release's, which is deleted afterwards: one that keeps its inode and time
is known to DVC, which otherwise hashes it, copies it and deletes it once more. Images are copied from data/images and
not linked to them, since DVC replaces every file that has two names by a copy.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from pathlib import Path

from tasks.core.files import sha256


def keep_image(source: Path, former: Path, goal: Path, expected: str) -> bool:
    """Make `goal` the image `former`, if that has the SHA-256 `expected`, and `source` too; whether it was done.

    `source` is not read where it has the size and time with which it was copied to `former`. Raises `FileNotFoundError`
    where it is missing.
    """
    made = source.stat()
    try:
        held = former.stat()
    except FileNotFoundError:
        return False
    if sha256(former) != expected:
        return False
    untouched = (made.st_size, made.st_mtime_ns) == (held.st_size, held.st_mtime_ns)
    if not untouched and sha256(source) != expected:
        return False
    return _link(former, goal)


def copy_with_time(source: Path, goal: Path) -> None:
    """Copy the bytes and the time of change, by which `keep_image` knows the source again."""
    made = source.stat()
    goal.unlink(missing_ok=True)  # never write into a file that has another name
    shutil.copyfile(source, goal)
    os.utime(goal, ns=(made.st_atime_ns, made.st_mtime_ns))


def keep_unchanged(draft: Path, former: Path, leave: str) -> int:
    """Put the files of `former` in the place of those of `draft` with the same bytes; returns how many.

    The folder `leave` is passed over: its files are laid out by `keep_image`.
    """
    kept = 0
    tops = [top for top in sorted(draft.iterdir()) if top.name != leave]
    for path in (path for top in tops for path in (top, *sorted(top.rglob("*")))):
        other = former / path.relative_to(draft)
        if not path.is_file() or not other.is_file():
            continue
        if filecmp.cmp(other, path, shallow=False):
            aside = path.with_name(f".{path.name}.kept")
            if _link(other, aside):
                aside.replace(path)
                kept += 1
    return kept


def _link(former: Path, goal: Path) -> bool:
    try:
        os.link(former, goal)
    except OSError:  # a file system without links
        return False
    return True
