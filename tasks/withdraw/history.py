"""Git's history without a patient: cohort.lock and splits.lock name pseudonyms, so their old versions are rewritten.

`git fast-export | git fast-import`, with the blobs changed in between. Commits and tags keep message, author and date,
and get new hashes from the first one that named the patient. Only for a repository that is the workspace's own.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from tasks.core.cohort import render
from tasks.core.errors import ConfigurationError
from tasks.core.models import Cohort
from tasks.core.workspace import Workspace
from tasks.record.releases.shell import git
from tasks.withdraw.traces import Traces
from tasks.withdraw.zones import cohort_without

_EXPORT = (
    *("fast-export", "--all", "--show-original-ids", "--signed-tags=strip", "--tag-of-filtered-object=rewrite"),
    *("--reencode=no", "--use-done-feature"),
)


def is_own(root: Path) -> bool:
    """Whether the repository is the workspace's alone, and no other one is known to have its commits."""
    top = git(root, "rev-parse", "--show-toplevel", check=False)
    return (
        bool(top) and Path((top or "").strip()).resolve() == root.resolve() and not (git(root, "remote") or "").strip()
    )


def count_versions(workspace: Workspace, traces: Traces) -> int:
    """How many versions of files in git's history name the patient."""
    if git(workspace.root, "rev-parse", "--verify", "HEAD", check=False) is None:
        return 0
    return sum(traces.in_bytes(content) for _, content in _blobs(workspace.root))


def rewrite(workspace: Workspace, traces: Traces) -> dict[str, str]:
    """Rewrite the history; returns the new hash of each commit that has one. Objects of before are deleted."""
    root = workspace.root
    with tempfile.TemporaryDirectory(dir=workspace.scratch) as folder:
        marks = Path(folder) / "marks"
        export = _start(root, *_EXPORT, stdout=subprocess.PIPE)
        into = _start(root, "fast-import", "--force", "--quiet", f"--export-marks={marks}", stdin=subprocess.PIPE)
        assert export.stdout is not None
        assert into.stdin is not None
        former = _copy(export.stdout, into.stdin, traces)
        into.stdin.close()
        if export.wait() or into.wait():
            raise ConfigurationError(
                f"git's history in {root} could not be rewritten: run `git fsck`, then withdraw again"
            )
        new = dict(line.split() for line in marks.read_text(encoding="ascii").splitlines())
    git(root, "reset", "--quiet", "--mixed")
    for name in ("ORIG_HEAD", "FETCH_HEAD"):
        (root / ".git" / name).unlink(missing_ok=True)
    git(root, "reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    git(root, "gc", "--quiet", "--prune=now")
    return {old: new[mark] for mark, old in former.items() if new.get(mark, old) != old}


def _copy(source: IO[bytes], target: IO[bytes], traces: Traces) -> dict[str, str]:
    """Pass the stream on with other blobs; returns the former hash of each commit by its mark."""
    former: dict[str, str] = {}
    kind, mark = "", ""
    while line := source.readline():
        word, _, rest = line.partition(b" ")
        if word in (b"blob\n", b"commit", b"tag"):
            kind, mark = word.decode().strip(), ""
        elif word == b"mark":
            mark = rest.decode().strip()
        elif word == b"original-oid" and kind == "commit":
            former[mark] = rest.decode().strip()
        if word != b"data":
            target.write(line)
            continue
        content = source.read(int(rest))
        if kind == "blob":
            content = _rewritten(content, traces)
        target.write(b"data %d\n" % len(content) + content)
    return former


def _rewritten(content: bytes, traces: Traces) -> bytes:
    if not traces.in_bytes(content):
        return content
    try:
        return render(cohort_without(Cohort.model_validate_json(content), traces)).encode()
    except ValidationError:
        pass
    text = content.decode("utf-8", "surrogateescape")
    try:
        lock = json.loads(text)
        left = {patient: split for patient, split in lock["patients"].items() if patient not in traces.patients}
        text = json.dumps({**lock, "patients": left}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    return traces.without(text).encode("utf-8", "surrogateescape")


def _blobs(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every version of every file in the history, by its hash."""
    listed = git(root, "rev-list", "--objects", "--all") or ""
    names = "".join(line.split()[0] + "\n" for line in listed.splitlines() if line)
    process = _start(root, "cat-file", "--batch", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    for name in names.splitlines():
        process.stdin.write(name.encode() + b"\n")
        process.stdin.flush()
        found, kind, size = process.stdout.readline().decode().split()
        content = process.stdout.read(int(size) + 1)[:-1]
        if kind == "blob":
            yield found, content
    process.stdin.close()
    process.wait()


def _start(
    root: Path, *arguments: str, stdin: int = subprocess.DEVNULL, stdout: int | None = None
) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.Popen(
        ["git", "-c", "core.ignorecase=false", *arguments], cwd=root, env=environment, stdin=stdin, stdout=stdout
    )
