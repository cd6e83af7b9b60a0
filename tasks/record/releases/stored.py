"""Reading what DVC holds of a release by its tag, file by file, without checking anything out and without DVC.

Git has dvc.lock at the tag; that names a listing in DVC's cache, and the listing names each file's bytes.
"""

from __future__ import annotations

import configparser
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.yaml_text import parse_yaml
from tasks.record.releases.shell import dvc, git
from tasks.record.releases.versioning import outputs_of

_FILES = Path("files") / "md5"


@dataclass
class Store:
    """What DVC holds for the workspace at `root`."""

    root: Path
    _outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    _listings: dict[str, dict[str, str]] = field(default_factory=dict)
    _places: list[Path] | None = None

    def outputs(self, revision: str) -> dict[str, str]:
        """The MD5 of each output at `revision`, in the order of the stages; a directory's ends with .dir."""
        if revision not in self._outputs:
            self._outputs[revision] = outputs_of(self._yaml(revision, "dvc.lock"))
        return self._outputs[revision]

    def params(self, revision: str) -> dict[str, Any]:
        """params.yaml at `revision`, as it was written."""
        return self._yaml(revision, "params.yaml")

    def listing(self, digest: str) -> dict[str, str]:
        """The MD5 of each file of the directory `digest` (ends with .dir) by its path, sorted."""
        if digest not in self._listings:
            entries = json.loads(self.content(digest))
            self._listings[digest] = {str(entry["relpath"]): str(entry["md5"]) for entry in entries}
        return self._listings[digest]

    def files(self, revision: str, output: str) -> dict[str, str]:
        """The MD5 of each file of the directory that is `output` at `revision`."""
        digest = self.outputs(revision).get(output)
        if digest is None:
            raise ConfigurationError(f"{revision} has no {output}: it is no release of this workspace")
        return self.listing(digest)

    def table(self, revision: str, output: str, name: str) -> bytes:
        """One file of the directory that is `output` at `revision`, checked."""
        files = self.files(revision, output)
        if name not in files:
            raise ContractViolation(f"{revision} holds no {name} in {output}")
        return self.content(files[name])

    def content(self, digest: str) -> bytes:
        """The bytes with this MD5; a copy that has others by now counts as none, as it does for DVC."""
        damaged = False
        for path in self._copies(digest):
            found = path.read_bytes()
            if hashlib.md5(found, usedforsecurity=False).hexdigest() == digest.removesuffix(".dir"):
                return found
            damaged = True
        if damaged:
            raise ContractViolation(
                f"DVC's cache holds other bytes than this release ({digest[:12]}): delete that file of the cache, then "
                "bring it back with `git checkout <tag> && dvc pull`"
            )
        raise _absent(digest)

    def locate(self, digest: str) -> Path:
        """Where the bytes with this MD5 are, in the cache or in a remote that is a directory."""
        found = next(self._copies(digest), None)
        if found is None:
            raise _absent(digest)
        return found

    def _copies(self, digest: str) -> Iterator[Path]:
        paths = (place / _FILES / digest[:2] / digest[2:] for place in self._all_places())
        return (path for path in paths if path.exists())

    def _all_places(self) -> list[Path]:
        if self._places is None:
            self._places = list(_places(self.root))
        return self._places

    def _yaml(self, revision: str, name: str) -> dict[str, Any]:
        text = git(self.root, "show", f"{revision}:./{name}", check=False)
        if text is None:
            raise ConfigurationError(f"git has no {name} at {revision}: `git fetch --tags` brings missing tags")
        return _parsed(text, f"{name} at {revision}")


def _absent(digest: str) -> ContractViolation:
    return ContractViolation(
        "DVC's cache does not hold all of this release: bring it back with "
        f"`git checkout <tag> && dvc pull`, unless it was purged ({digest[:12]})"
    )


def _parsed(text: str, what: str) -> dict[str, Any]:
    try:
        found = parse_yaml(text)
    except yaml.YAMLError:
        raise ContractViolation(f"{what} is not YAML: take it from git again") from None
    return found if isinstance(found, dict) else {}


def cache_of(root: Path) -> Path:
    """DVC's cache of the workspace at `root`."""
    default = root / ".dvc" / "cache"
    configured = _config(root).get("cache", "dir", fallback=None)
    if configured:
        return (root / ".dvc" / configured).resolve()
    if not default.exists() and (told := dvc(root, "cache", "dir", check=False)):
        return Path(told.strip())
    return default


def _places(root: Path) -> Iterator[Path]:
    yield cache_of(root)
    config = _config(root)
    for section in config.sections():
        url = config.get(section, "url", fallback="")
        if "remote" in section and url and "://" not in url:
            yield (root / ".dvc" / url).resolve()


def _config(root: Path) -> configparser.ConfigParser:
    config = configparser.ConfigParser(interpolation=None, strict=False)
    config.read([root / ".dvc" / "config", root / ".dvc" / "config.local"], encoding="utf-8")
    return config
