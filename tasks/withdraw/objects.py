"""DVC's objects, in the cache and in remotes: which are the patient's alone, and what older releases keep without them.

A directory's listing (.dir) names files, so it names the patient: it goes, and one without them takes its place, so
that what is left of an older release can still be found. A later withdrawal needs that too: bytes that no listing names
could be anybody's. An object that another patient has as well stays.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tasks.core.errors import ContractViolation
from tasks.core.files import atomic_path
from tasks.withdraw.traces import Traces

LISTING = ".dir"
_SOMEBODY = re.compile(r"[psu][a-z2-7]{12}")
_FILES = Path("files") / "md5"
_OID = re.compile(r"[0-9a-f]{32}(\.dir)?")


class Store(Protocol):
    """A place where DVC keeps objects by their MD5."""

    @property
    def name(self) -> str:
        """What people call it."""

    def sizes(self) -> dict[str, int]:
        """Every object with its size in bytes."""

    def read(self, oid: str) -> bytes:
        """One object."""

    def put(self, oid: str, content: bytes) -> None:
        """Add one."""

    def delete(self, oids: Iterable[str]) -> None:
        """Take some away; one that isn't there is fine."""


@dataclass(frozen=True)
class Folder:
    """A cache, or a remote that is a directory."""

    name: str
    root: Path

    def sizes(self) -> dict[str, int]:
        """Every object with its size in bytes."""
        places = (self.root / _FILES).glob("??/*")
        found = {place.parent.name + place.name: place for place in places if place.is_file()}
        return {oid: place.stat().st_size for oid, place in sorted(found.items()) if _OID.fullmatch(oid)}

    def read(self, oid: str) -> bytes:
        """One object."""
        return self._place(oid).read_bytes()

    def put(self, oid: str, content: bytes) -> None:
        """Add one."""
        place = self._place(oid)
        if not place.exists():
            with atomic_path(place) as draft:
                draft.write_bytes(content)
            place.chmod(0o444)

    def delete(self, oids: Iterable[str]) -> None:
        """Take some away."""
        for oid in oids:
            self._place(oid).unlink(missing_ok=True)
            # What DVC unpacked of a listing lies beside it.
            self._place(oid).with_name(self._place(oid).name + ".unpacked").unlink(missing_ok=True)

    def _place(self, oid: str) -> Path:
        return self.root / _FILES / oid[:2] / oid[2:]


@dataclass(frozen=True)
class Doomed:
    """What goes from each store by its name, with sizes; `listings` leads from old ones to what takes their place."""

    objects: dict[str, dict[str, int]]
    listings: dict[str, str] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def count(self) -> int:
        """How many different objects go."""
        return len({oid for held in self.objects.values() for oid in held})

    @property
    def bytes(self) -> int:
        """How many bytes of different objects go."""
        return sum({oid: size for held in self.objects.values() for oid, size in held.items()}.values())


def find_objects(stores: Sequence[Store], traces: Traces, progress: Callable[[int, int], None]) -> Doomed:
    """The objects that are the patient's alone or name the patient. Reads what its path does not tell; changes nothing.

    Raises `ContractViolation` where a listing is damaged, since then it cannot be said whose bytes are whose.
    """
    sizes = {store.name: store.sizes() for store in stores}
    listings: dict[str, list[dict[str, str]]] = {}
    for store in stores:
        for oid in sizes[store.name]:
            if oid.endswith(LISTING) and oid not in listings:
                listings[oid] = _entries(store, oid)
    paths: dict[str, set[str]] = defaultdict(set)
    for entries in listings.values():
        for entry in entries:
            paths[entry["md5"]].add(entry["relpath"])
    doomed: set[str] = set()
    waiting = [(store, oid) for store in stores for oid in sizes[store.name] if not oid.endswith(LISTING)]
    known: set[str] = set()
    for done, (store, oid) in enumerate(waiting):
        progress(done, len(waiting))
        if oid in known:
            continue
        known.add(oid)
        theirs = {path for path in paths[oid] if traces.in_text(path)}
        others = paths[oid] - theirs
        if (theirs and not others) or (
            not any(_SOMEBODY.search(path) for path in others) and traces.in_content(store.read(oid))
        ):
            doomed.add(oid)
    progress(len(waiting), len(waiting))
    replaced: dict[str, str] = {}
    contents: dict[str, bytes] = {}
    for oid, entries in sorted(listings.items()):
        left = [entry for entry in entries if entry["md5"] not in doomed and not traces.in_text(entry["relpath"])]
        if left != entries:
            content = json.dumps(left, sort_keys=True).encode("utf-8")
            replaced[oid] = hashlib.md5(content, usedforsecurity=False).hexdigest() + LISTING
            contents[replaced[oid]] = content
    doomed |= replaced.keys()
    held = {store.name: {oid: size for oid, size in sizes[store.name].items() if oid in doomed} for store in stores}
    return Doomed(held, replaced, contents)


def purge_objects(stores: Sequence[Store], doomed: Doomed) -> None:
    """Take them away, the listings last: a call that died is finished by the next one."""
    for store in stores:
        held = doomed.objects[store.name]
        for old, new in doomed.listings.items():
            if old in held:
                store.put(new, doomed.contents[new])
        store.delete(oid for oid in held if not oid.endswith(LISTING))
        store.delete(oid for oid in held if oid.endswith(LISTING))


def _entries(store: Store, oid: str) -> list[dict[str, str]]:
    try:
        entries: list[dict[str, str]] = json.loads(store.read(oid))
        _ = [(entry["md5"], entry["relpath"]) for entry in entries]
    except (ValueError, KeyError, TypeError):
        raise ContractViolation(
            f"DVC's listing {oid[:12]} in the {store.name} is damaged: delete it, or `dvc pull` it again, then withdraw"
        ) from None
    return entries
