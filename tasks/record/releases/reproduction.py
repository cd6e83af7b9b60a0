"""Making a release again in a place of its own, and finding the first byte that differs.

The place is a clone at the commit that the release was made of. The key is read where it is, the source is asked
again, and nothing of the workspace is written but the clone in its scratch. Showing progress is up to the command.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.models import Frozen
from tasks.core.workspace import VARIABLE, Workspace
from tasks.record.opt_outs import copy_opt_outs
from tasks.record.releases.environment import differences, environment
from tasks.record.releases.records import Record
from tasks.record.releases.release import STAGES
from tasks.record.releases.shell import git
from tasks.record.releases.stored import Store, cache_of
from tasks.record.releases.versioning import digests
from tasks.record.withdrawals import commit_now

_PRIVATE = ("SLUICE_REGISTER_URL", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
"""What would lead the stages to the books, or git to the repository, of the workspace itself."""

_CHUNK = 1 << 20


class FirstByte(Frozen):
    """Where two versions of a file part. `ours` and `theirs` are byte values, None where that side ends or lacks it."""

    output: str
    file: str
    offset: int
    recorded: int | None
    made: int | None

    @property
    def sentence(self) -> str:
        """The difference in one line."""
        was, now = ("nothing" if value is None else f"0x{value:02x}" for value in (self.recorded, self.made))
        return f"{self.output}/{self.file} differs first at byte {self.offset}: recorded {was}, made now {now}"


class Reproduction(Frozen):
    """What came of it. `outputs` maps each output to whether it is the same; `versions` are (recorded, here)."""

    tag: str
    outputs: dict[str, bool]
    first: FirstByte | None
    versions: dict[str, tuple[str, str]]
    place: Path

    @property
    def same(self) -> bool:
        """Whether every output is the same to the byte."""
        return all(self.outputs.values())


def reproduce(
    workspace: Workspace,
    record: Record,
    place: Path | None = None,
    *,
    keep: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Reproduction:
    """Make the release again at `place` (else in scratch), and compare; `progress` is called with each stage's name.

    Raises `ConfigurationError` where `place` is taken, and `ContractViolation` where a stage does not get through.
    """
    with _scratch(workspace, record, place, keep=keep) as clone:
        _repro(clone, workspace, progress)
        progress("compare")
        return held_against(workspace, record, clone)


@contextmanager
def _scratch(workspace: Workspace, record: Record, place: Path | None, *, keep: bool) -> Iterator[Workspace]:
    """A clone at the commit that the release was made of: its records are those before it, as they were then."""
    at = (place or workspace.scratch / f"reproduce-{record.name}-v{record.number}").resolve()
    if place is None:
        shutil.rmtree(at, ignore_errors=True)  # one that was stopped
    if at.exists() and (not at.is_dir() or any(at.iterdir())):
        raise ConfigurationError(f"{at} is not empty: name a new folder")
    at.parent.mkdir(parents=True, exist_ok=True)
    top = Path((git(workspace.root, "rev-parse", "--show-toplevel") or "").strip())
    try:
        git(at.parent, "clone", "--quiet", "--shared", "--no-checkout", str(top), str(at))
        git(at, "checkout", "--quiet", "--detach", commit_now(workspace, record.commit))
        clone = Workspace(at / workspace.root.resolve().relative_to(top.resolve()))
        (clone.root / ".dvc" / "config.local").write_text(_config(workspace), encoding="utf-8")
        _link_inputs(workspace, clone)
        clone.prepare()
        copy_opt_outs(workspace, clone)
        yield clone
    finally:
        if not keep:
            shutil.rmtree(at, ignore_errors=True)


def _config(workspace: Workspace) -> str:
    """A cache of the clone's own, so that nothing is taken for made; the workspace's, to read former releases from."""
    former = cache_of(workspace.root).resolve()
    return f"[core]\n    remote = former\n['remote \"former\"']\n    url = {former}\n[cache]\n    dir = cache\n"


def _link_inputs(workspace: Workspace, clone: Workspace) -> None:
    """What params.yaml names relative to the workspace and git does not hold is there for the clone too."""
    extract = clone.settings.extract
    for name in (extract.folder, extract.cohort_csv, extract.labels_csv, extract.ehr_csv, extract.opt_out_csv):
        if name is None or Path(name).is_absolute():
            continue
        wanted, there = clone.root / name, workspace.resolve(name)
        if there.exists() and not wanted.exists():
            wanted.parent.mkdir(parents=True, exist_ok=True)
            wanted.symlink_to(there.resolve())


def _repro(clone: Workspace, workspace: Workspace, progress: Callable[[str], None]) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {name: value for name, value in os.environ.items() if name not in _PRIVATE}
    environment |= {"PATH": path, VARIABLE: str(clone.root), "SLUICE_KEY_FILE": str(workspace.key_file.resolve())}
    environment |= {"DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "dvc", "repro", "--no-run-cache"]
    with subprocess.Popen(
        command, cwd=clone.root, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        stage, said = "", ""
        for line in child.stdout:
            for name in STAGES:
                if f"'{name}'" in line and "tage '" in line:
                    stage = name
                    progress(name)
            said = line.strip().removeprefix("sluice: ") if line.startswith("sluice: ") else said
    if child.returncode:
        raise ContractViolation(
            f"it cannot be made again: the stage {stage or 'extract'} ended with an error; "
            f"{said or 'run `dvc repro` in the folder that --keep leaves, to see it'}"
        )


def held_against(workspace: Workspace, record: Record, clone: Workspace) -> Reproduction:
    """What DVC holds in `clone` against what it held of the release, output by output."""
    recorded, made = Store(workspace.root), Store(clone.root)
    before = recorded.outputs(record.commit)
    after = digests(clone.root)
    names = list(dict.fromkeys([*before, *after]))
    outputs = {name: before.get(name) == after.get(name) for name in names}
    first = next((_first(recorded, made, record, clone, name) for name in names if not outputs[name]), None)
    versions = differences(record.environment, environment()) if record.environment else {}
    return Reproduction(tag=record.tag, outputs=outputs, first=first, versions=versions, place=clone.root)


def _first(recorded: Store, made: Store, record: Record, clone: Workspace, output: str) -> FirstByte:
    """The first file, by its path, that is not the same in an output, and the byte."""
    before, after = recorded.outputs(record.commit).get(output), digests(clone.root).get(output)
    if not (before and before.endswith(".dir") and after and after.endswith(".dir")):
        text = git(recorded.root, "show", f"{record.commit}:./{output}", check=False) or ""
        folder, _, name = output.rpartition("/")
        return parted(folder, name, iter([text.encode()]), _pieces(clone.root / output))
    one, two = recorded.listing(before), made.listing(after)
    name = next(name for name in sorted(one.keys() | two.keys()) if one.get(name) != two.get(name))
    pieces = _pieces(recorded.locate(one[name])) if name in one else iter(())
    others = _pieces(made.locate(two[name])) if name in two else iter(())
    return parted(output, name, pieces, others)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as handle:
        while piece := handle.read(_CHUNK):
            yield piece


def parted(output: str, name: str, before: Iterator[bytes], after: Iterator[bytes]) -> FirstByte:
    """Where two files that differ part; piece by piece, so that one of gigabytes is never in memory."""
    left, right, at = b"", b"", 0
    while True:
        left, right = left or next(before, b""), right or next(after, b"")
        length = min(len(left), len(right))
        if left[:length] != right[:length]:
            step = next(place for place in range(length) if left[place] != right[place])
            return FirstByte(output=output, file=name, offset=at + step, recorded=left[step], made=right[step])
        if not length:
            return FirstByte(
                output=output, file=name, offset=at,
                recorded=left[0] if left else None, made=right[0] if right else None,
            )  # fmt: skip
        left, right, at = left[length:], right[length:], at + length
