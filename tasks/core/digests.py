"""SHA-256 of large files, remembered while size, time and inode stay: a run with nothing new reads none of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.core.files import sha256, write_json
from tasks.core.workspace import Workspace


class FileDigests:
    """What is known of the files under `root`. Not for threads; forgetting it costs only time."""

    def __init__(self, root: Path, known: dict[str, list[str | int]]) -> None:
        self._root = root
        self._known = known
        self.changed = False

    def of(self, path: Path) -> str:
        """The SHA-256 of `path`, read only if the file changed since it was last asked for."""
        status, name = path.stat(), str(path.relative_to(self._root))
        mark = [status.st_size, status.st_mtime_ns, status.st_ino]
        found = self._known.get(name)
        if found is None or found[1:] != mark:
            found = self._known[name] = [sha256(path), *mark]
            self.changed = True
        return str(found[0])

    def rows(self) -> dict[str, list[str | int]]:
        """What is known of files that are still there."""
        return {name: found for name, found in self._known.items() if (self._root / name).exists()}


@contextmanager
def file_digests(workspace: Workspace) -> Iterator[FileDigests]:
    """The digests of files in the workspace's data, kept in data/scratch."""
    note = workspace.scratch / "digests.json"
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        known = {}
    digests = FileDigests(workspace.data, known if isinstance(known, dict) else {})
    yield digests
    if digests.changed:
        write_json(note, digests.rows())
