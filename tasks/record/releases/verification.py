"""Whether a folder is exactly the release that was signed. Needs the folder alone: no workspace, no git, no DVC.

What a signature is belongs into `signing`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.files import sha256, write_json
from tasks.core.models import Frozen
from tasks.record.releases.records import Record, Signature
from tasks.record.releases.signing import check_signature, fingerprint

SIGNATURE = "signature.json"
"""Laid into the dataset's folder at publication. DVC (.dvcignore) and checksums.sha256 leave it out."""
CHECKSUMS = "checksums.sha256"

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


class Verified(Frozen):
    """What was checked. `signer` is the fingerprint of the key; `pinned` says whether the reader had named the key."""

    tag: str
    content: str
    signer: str
    pinned: bool
    files: int
    bytes: int


def lay_signature(record: Record, dataset: Path) -> bool:
    """Put the record's signature into `dataset` if that is what was signed; returns whether it is."""
    listing = dataset / CHECKSUMS
    if record.signed is None or not listing.exists() or sha256(listing) != record.signed.statement.checksums:
        return False
    write_json(dataset / SIGNATURE, record.signed.model_dump(mode="json"))
    return True


def read_signature(folder: Path) -> Signature:
    """The signature in a release's folder."""
    place = folder / SIGNATURE
    try:
        return Signature.model_validate_json(place.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigurationError(
            f"{folder} has no {SIGNATURE}, so it is no published release: `sluice release copy TAG DIR` writes one"
        ) from None
    except (OSError, ValidationError, ValueError):
        raise ContractViolation(f"{place} is damaged: get the release again") from None


def verify(folder: Path, pinned: str | None = None, progress: Callable[[int, int], None] = lambda *_: None) -> Verified:
    """Check signature, every file's checksum, and that nothing was added.

    `pinned` is the public key (hexadecimal) that must have signed; without, the folder vouches for itself only.
    Raises `ContractViolation` that names the first file, by name, that differs, is missing or is too many.
    """
    signed = read_signature(folder)
    check_signature(signed, pinned)
    listing = folder / CHECKSUMS
    if listing.is_symlink() or not listing.is_file() or sha256(listing) != signed.statement.checksums:
        raise ContractViolation(f"{CHECKSUMS} is not the one that was signed for {signed.statement.tag}")
    wanted = _wanted(listing)
    found = _found(folder)
    size = 0
    names = sorted(wanted.keys() | found)
    for done, name in enumerate(names):
        progress(done, len(names))
        if name not in wanted:
            raise ContractViolation(f"{name} does not belong to {signed.statement.tag}: it was added, so delete it")
        if name not in found:
            raise ContractViolation(f"{name} of {signed.statement.tag} is missing: get the release again")
        place = folder / name
        if place.is_symlink() or sha256(place) != wanted[name]:
            raise ContractViolation(f"{name} has other bytes than {signed.statement.tag}: get the release again")
        size += place.stat().st_size
    progress(len(names), len(names))
    return Verified(
        tag=signed.statement.tag,
        content=signed.statement.content,
        signer=fingerprint(signed.public_key),
        pinned=pinned is not None,
        files=len(names),
        bytes=size,
    )


def _wanted(listing: Path) -> dict[str, str]:
    wanted = {}
    for line in listing.read_text(encoding="utf-8").splitlines():
        shape = _LINE.fullmatch(line)
        path = PurePosixPath(shape[2]) if shape else PurePosixPath("/")
        if shape is None or path.is_absolute() or ".." in path.parts:
            raise ContractViolation(f"{CHECKSUMS} has a line that names no file of the folder: do not trust it")
        wanted[shape[2]] = shape[1]
    return wanted


def _found(folder: Path) -> set[str]:
    """Every file by its path, and links to folders, which a release has none of."""
    found = set()
    for at, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(at) / name).is_symlink()]
        found |= {(Path(at) / name).relative_to(folder).as_posix() for name in (*files, *links)}
    return found - {SIGNATURE, CHECKSUMS}
