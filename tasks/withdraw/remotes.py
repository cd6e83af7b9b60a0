"""DVC's stores of a workspace: its cache, and remotes by DVC's own means (SSH, S3) or as the directories they are.

A remote that is no directory is reached by a DVC in a process of its own, with the credentials that DVC knows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tasks.core.errors import ConfigurationError
from tasks.record.releases.stored import cache_of
from tasks.withdraw.objects import Folder, Store

_PROGRAM = """
import json, sys
from dvc.repo import Repo
odb = Repo(sys.argv[1]).cloud.get_remote_odb(name=sys.argv[2])
asked = json.load(sys.stdin)
if asked["do"] == "sizes":
    print(json.dumps({oid: odb.fs.size(odb.oid_to_path(oid)) for oid in odb.all()}))
elif asked["do"] == "read":
    odb.fs.get_file(odb.oid_to_path(asked["oid"]), asked["file"])
elif asked["do"] == "put":
    from dvc_objects.fs import localfs
    odb.add(asked["file"], localfs, asked["oid"])
elif asked["do"] == "delete":
    odb.fs.remove([odb.oid_to_path(oid) for oid in asked["oids"] if odb.exists(oid)])
"""
_REMOTES = """
import json, sys
from dvc.repo import Repo
remotes = Repo(sys.argv[1]).config["remote"]
print(json.dumps({name: str(remotes[name]["url"]) for name in remotes}))
"""
_SITE = "import sys; from dvc.repo import Repo; print(Repo(sys.argv[1]).site_cache_dir)"


@dataclass(frozen=True)
class Remote:
    """A remote that is no directory."""

    name: str
    root: Path

    def sizes(self) -> dict[str, int]:
        """Every object with its size in bytes."""
        found: dict[str, int] = json.loads(self._ask({"do": "sizes"}))
        return found

    def read(self, oid: str) -> bytes:
        """One object."""
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "object"
            self._ask({"do": "read", "oid": oid, "file": str(place)})
            return place.read_bytes()

    def put(self, oid: str, content: bytes) -> None:
        """Add one."""
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "object"
            place.write_bytes(content)
            self._ask({"do": "put", "oid": oid, "file": str(place)})

    def delete(self, oids: Iterable[str]) -> None:
        """Take some away."""
        if wanted := list(oids):
            self._ask({"do": "delete", "oids": wanted})

    def _ask(self, asked: dict[str, object]) -> str:
        return _program(_PROGRAM, self.root, self.name, json.dumps(asked))


def stores_of(root: Path) -> list[Store]:
    """The cache and every remote of the workspace at `root`."""
    stores: list[Store] = [Folder("cache", cache_of(root))]
    configured: dict[str, str] = json.loads(_program(_REMOTES, root, "", ""))
    for name, url in sorted(configured.items()):
        place = Path(url)
        if "://" in url:
            stores.append(Remote(name, root))
        elif place.is_dir():
            stores.append(Folder(f"remote {name}", place))
        else:
            raise ConfigurationError(
                f"DVC's remote {name} is not there: mount it, or `dvc remote remove {name}` if it is gone for good"
            )
    return stores


def forget_site_cache(root: Path) -> None:
    """Delete what DVC remembers of the workspace's files outside of it: paths and digests, which it finds out anew."""
    place = Path(_program(_SITE, root, "", "").strip())
    for entry in place.iterdir() if place.is_dir() else ():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _program(program: str, root: Path, name: str, given: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, str(root), name],
        cwd=root,
        env={**os.environ, "DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1"},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        place = f"remote {name}" if name else "repository"
        raise ConfigurationError(
            f"DVC's {place} does not answer: check its address and credentials (`dvc remote list`), then withdraw again"
        )
    return done.stdout
