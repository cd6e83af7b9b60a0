"""DVC and git of one workspace: making the repository, committing stages, tagging, reading digests.

What a release is, and when it is one, is in `release`. The code's own version is here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from tasks.core.errors import ConfigurationError
from tasks.core.files import write_text
from tasks.core.yaml_text import parse_yaml
from tasks.record.releases.shell import dvc, git, git_as_someone

IGNORED = (
    "/data/quarantine/",
    "/data/vault/",
    "/data/scratch/",
    "/data/register/",
    "/data/services/",
    "/data/docs/",
    "/data/look/",
    "/data/deidentified/",
    "/data/images/",
    "/data/curated/",
    "/data/gates/",
    "/data/dataset/",
)
"""What git never takes: the private zones, and what DVC holds."""

_NOT_DVC = ("/data/dataset/*/signature.json",)
"""What DVC passes over: a signature is the workspace's own, and the bytes that DVC holds must not depend on it."""

_DVC_CONFIG = """[core]
    analytics = false
    check_update = false
"""
_CODE = Path(__file__).resolve().parents[3]


def ensure_repository(root: Path) -> None:
    """Make `root` a git and DVC repository where it isn't one, with analytics off and the zones ignored.

    A workspace inside another repository stays part of it, unless that one ignores the place.
    """
    top = git(root, "rev-parse", "--show-toplevel", check=False)
    if top is None or (_is_elsewhere(root, top) and git(root, "check-ignore", "-q", ".", check=False) is not None):
        git(root, "init", "--quiet", "--initial-branch=main")
        top = str(root)
    _ignore(root / ".gitignore", IGNORED)
    if not (root / ".dvc" / "config").is_file():
        dvc(root, "init", "--force", *(["--subdir"] if _is_elsewhere(root, top) else []))
        write_text(root / ".dvc" / "config", _DVC_CONFIG)
    _ignore(root / ".dvcignore", _NOT_DVC)


def commit_stages(root: Path, stages: Sequence[str]) -> None:
    """Tell DVC that the outputs of `stages` are what they are now, as if it had run them."""
    ensure_repository(root)
    if stages:
        dvc(root, "commit", "--force", *stages)


def is_clean(root: Path) -> bool:
    """Whether `dvc repro` would do nothing."""
    said = dvc(root, "status", "--json") or "{}"
    return said.strip() in ("", "{}")


def digests(root: Path) -> dict[str, str]:
    """The MD5 of each output by its path, as dvc.lock has it (a directory's ends with .dir); empty without one."""
    try:
        lock = parse_yaml((root / "dvc.lock").read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}
    except yaml.YAMLError:
        raise ConfigurationError(f"{root / 'dvc.lock'} is not YAML: take it from git again") from None
    return outputs_of(lock)


def outputs_of(lock: Mapping[str, Any]) -> dict[str, str]:
    """The MD5 of each output by its path, of a dvc.lock that is read already."""
    outs = (out for stage in lock.get("stages", {}).values() for out in stage.get("outs", ()))
    return {str(out["path"]): str(out["md5"]) for out in outs if "md5" in out}


def commit_paths(root: Path, paths: Iterable[Path], message: str) -> str:
    """Commit `paths` and nothing else that is changed or staged; returns the commit. Nothing new is fine."""
    present = sorted(str(path.relative_to(root)) for path in paths if path.exists())
    git(root, "add", "--", *present)
    changed = (git(root, "diff", "--cached", "--name-only", "--relative", "-z", "--", *present) or "").split("\0")[:-1]
    if changed:
        git_as_someone(root, "commit", "--quiet", "--no-gpg-sign", "--only", "-m", message, "--", *changed)
    return head(root)


def commit_and_tag(root: Path, paths: Iterable[Path], tag: str, message: str) -> str:
    """Commit `paths` as `commit_paths` does, and tag the commit; a tag that is there already stays where it is."""
    commit = commit_paths(root, paths, message)
    if tag not in tags(root, tag):
        tag_commit(root, commit, tag, message)
    return commit


def tag_commit(root: Path, commit: str, tag: str, message: str) -> None:
    """Put an annotated tag on `commit`."""
    git_as_someone(root, "tag", "--annotate", "--no-sign", "-m", message, tag, commit)


def commit_of(root: Path, path: Path) -> str | None:
    """The commit that last changed `path`, or None where git has never seen it."""
    found = git(root, "log", "-1", "--format=%H", "--", str(path.relative_to(root)), check=False)
    return (found or "").strip() or None


def fetch_version(root: Path, path: Path, revision: str, target: Path) -> bool:
    """Copy what DVC holds of `path` at `revision` to `target`; False where it no longer holds it."""
    where = str(path.relative_to(root))
    return dvc(root, "get", ".", where, "--rev", revision, "--out", str(target), check=False) is not None


def tags(root: Path, pattern: str) -> dict[str, str]:
    """The commit of each tag that matches `pattern`."""
    shape = "--format=%(refname:strip=2) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
    lines = (git(root, "tag", "--list", shape, pattern) or "").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def head(root: Path) -> str:
    """The commit that is checked out; `ConfigurationError` where there is none yet."""
    return (git(root, "rev-parse", "--verify", "HEAD") or "").strip()


def code_version() -> str:
    """Which Sluice this is: `git describe` of a checkout, else the package's version."""
    try:
        package = version("sluice")
    except PackageNotFoundError:
        package = "unknown"
    if not (_CODE / ".git").exists():
        return package
    described = git(_CODE, "describe", "--always", "--dirty", "--match", "v*", check=False)
    return f"{package}+{described.strip()}" if described else package


def _is_elsewhere(root: Path, top: str) -> bool:
    return Path(top.strip()).resolve() != root.resolve()


def _ignore(place: Path, wanted: Sequence[str]) -> None:
    lines = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
    missing = [line for line in wanted if line not in lines]
    if missing:
        write_text(place, "\n".join([*lines, *missing]) + "\n")
