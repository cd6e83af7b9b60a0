"""DVC's stores of a workspace: its cache, and remotes by DVC's own means (SSH, S3) or as the directories they are.

A remote that is no directory is reached by a DVC in a process of its own, with the credentials that DVC knows. It goes
on until the withdrawal is through, since DVC takes seconds to start.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tasks.core.errors import ConfigurationError
from tasks.record.releases.host_keys import CHECKED
from tasks.record.releases.stored import cache_of
from tasks.withdraw.objects import Folder, Store

logger = logging.getLogger(__name__)

_PROGRAM = (
    CHECKED
    + """
import json, re, sys
from dvc.repo import Repo
odb = Repo(sys.argv[1]).cloud.get_remote_odb(name=sys.argv[2])
fs = odb.fs.fs
answers, sys.stdout = sys.stdout, sys.stderr

def held():
    fs.invalidate_cache()
    found = fs.find(odb.path, detail=True)
    return {"".join(path.split("/")[-2:]): (path, facts["size"]) for path, facts in found.items()}

def delete_versions(paths):
    # A bucket may keep what is deleted; each version has to be named. One that keeps none has the version "null".
    bucket, root, _ = fs.split_path(odb.path)
    keys, more, marks = {fs.split_path(path)[1] for path in paths}, True, {}
    while more:
        page = fs.call_s3("list_object_versions", Bucket=bucket, Prefix=root, **marks)
        rows = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        named = [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in rows if row["Key"] in keys]
        if named:
            done = fs.call_s3("delete_objects", Bucket=bucket, Delete={"Objects": named, "Quiet": True})
            if done.get("Errors"):
                raise PermissionError("versions")
        more = page.get("IsTruncated", False)
        marks = {"KeyMarker": page.get("NextKeyMarker", ""), "VersionIdMarker": page.get("NextVersionIdMarker", "")}

for line in sys.stdin:
    asked, answer = json.loads(line), None
    if asked["do"] == "sizes":
        answer = {oid: size for oid, (_, size) in held().items() if re.fullmatch(r"[0-9a-f]{32}([.]dir)?", oid)}
    elif asked["do"] == "read":
        odb.fs.get_file(odb.oid_to_path(asked["oid"]), asked["file"])
    elif asked["do"] == "put":
        from dvc_objects.fs import localfs
        odb.add(asked["file"], localfs, asked["oid"])
    elif asked["do"] == "delete":
        # Names that are no digest are drafts which a push left that broke off: anybody's bytes are in them.
        def doomed():
            return [path for oid, (path, _) in held().items() if oid in asked["oids"] or ".tmp" in oid]
        if "s3" in odb.fs.protocol:
            try:
                delete_versions(doomed())
            except (OSError, NotImplementedError):
                answer = "versions stay"
        if left := doomed():
            odb.fs.remove(left)
    print(json.dumps(answer), file=answers, flush=True)
"""
)
_REMOTES = """
import json, sys
from dvc.repo import Repo
remotes = Repo(sys.argv[1]).config["remote"]
print(json.dumps({name: str(remotes[name]["url"]) for name in remotes}))
"""
_SITE = "import sys; from dvc.repo import Repo; print(Repo(sys.argv[1]).site_cache_dir)"


class Remote:
    """A remote that is no directory. Its DVC is started with the first question, and ends with this object."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self._root = root
        self._child: subprocess.Popen[str] | None = None

    def sizes(self) -> dict[str, int]:
        """Every object with its size in bytes."""
        found: dict[str, int] = self._ask({"do": "sizes"})
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
        """Take some away, with all versions that an S3 bucket keeps of them; warns where it doesn't let us."""
        if (wanted := list(oids)) and self._ask({"do": "delete", "oids": wanted}):
            logger.warning(
                "the bucket of DVC's remote %s did not let older versions be listed and deleted: if it keeps any, "
                "delete those of %d objects by hand (s3:ListBucketVersions and s3:DeleteObjectVersion are needed)",
                *(self.name, len(wanted)),
            )

    def _ask(self, asked: dict[str, object]) -> Any:
        if self._child is None:
            self._child = _start(_PROGRAM, self._root, self.name, stdin=subprocess.PIPE)
            weakref.finalize(self, _end, self._child)
        stdin, stdout = self._child.stdin, self._child.stdout
        assert stdin is not None
        assert stdout is not None
        answer = ""
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(asked) + "\n")
            stdin.flush()
            answer = stdout.readline()
        if not answer:
            self._child = None
            raise _silent(self.name)
        return json.loads(answer)


def stores_of(root: Path) -> list[Store]:
    """The cache and every remote of the workspace at `root`."""
    stores: list[Store] = [Folder("cache", cache_of(root))]
    configured: dict[str, str] = json.loads(_program(_REMOTES, root))
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
    place = Path(_program(_SITE, root).strip())
    for entry in place.iterdir() if place.is_dir() else ():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _program(program: str, root: Path) -> str:
    child = _start(program, root, "", stdin=subprocess.DEVNULL)
    out, _ = child.communicate()
    if child.returncode:
        raise _silent("")
    return out


def _start(program: str, root: Path, name: str, *, stdin: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(root), name],
        cwd=root,
        env={**os.environ, "DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1"},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _end(child: subprocess.Popen[str]) -> None:
    with contextlib.suppress(BrokenPipeError, subprocess.TimeoutExpired):
        child.communicate(timeout=10)
    child.kill()
    child.wait()


def _silent(name: str) -> ConfigurationError:
    place = f"remote {name}" if name else "repository"
    return ConfigurationError(
        f"DVC's {place} does not answer: check its address, the host's key in ~/.ssh/known_hosts and the credentials "
        "(`dvc remote list`), then withdraw again"
    )
