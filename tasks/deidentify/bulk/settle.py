"""Files that share a SOPInstanceUID, settled over the whole source after each was looked at by itself.

Which files they are the journal knows by number; the source is walked once more to find them, and only their bytes
are compared. Also here: what an earlier run left in the target and this one refuses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tasks.core.errors import UnitError
from tasks.core.files import sha256
from tasks.core.pool import WorkerPool
from tasks.deidentify.bulk.crew import batch_size, cut, in_time, spread
from tasks.deidentify.bulk.journal import Journal
from tasks.deidentify.bulk.target import Target
from tasks.deidentify.bulk.unwrap import GZIP, unwrapped
from tasks.deidentify.bulk.walk import Entry, Origin


def digest_batch(source: str, batch: tuple[Entry, ...]) -> list[str]:
    """The digest of each file's bytes, without their wrapper; one of its own where they cannot be read."""
    return [_digest(Path(f"{source}/{entry.locator}"), entry.number) for entry in in_time(batch)]


def settle_repeats(journal: Journal, origin: Origin, target: Target, pool: WorkerPool, processes: int) -> int:
    """Decide on files with the same SOPInstanceUID and take outputs away that must go; returns how many there were."""
    numbers = journal.repeated()
    if not numbers:
        return 0
    batches = cut(_chosen(origin, numbers), batch_size(len(numbers), processes))

    def digests() -> Iterator[tuple[int, str]]:
        for results in spread(pool, processes, digest_batch, str(origin.root), batches):
            yield from ((entry.number, digest) for entry, digest in results if digest is not None)

    for path in journal.settle(digests()):
        remove_output(target, path)
    return len(numbers)


def sweep(journal: Journal, target: Target) -> int:
    """Take away outputs of earlier runs that this run refuses; returns how many others it knows nothing of."""
    journal.index_outputs()
    strangers = 0
    for path in target.outputs():
        if journal.has_path(path):
            continue
        if journal.refuses(path.rpartition("/")[2]):
            remove_output(target, path)
        else:
            strangers += 1
    return strangers


def remove_output(target: Target, path: str) -> None:
    """Delete an output, and the folders that held nothing else."""
    place = target.root / path
    place.unlink(missing_ok=True)
    for folder in place.parents:
        if folder == target.root:
            return
        try:
            folder.rmdir()
        except OSError:  # something else is in it
            return


def still_there(row_path: str, target: Target) -> bool:
    """Whether an output that an interrupted run wrote is still in its place; a refused file has none."""
    return not row_path or os.path.isfile(f"{target.root}/{row_path}")  # noqa: PTH113


def _chosen(origin: Origin, numbers: Sequence[int]) -> Iterator[Entry]:
    wanted = iter(numbers)
    number = next(wanted, None)
    for entry in origin.walk():
        if entry.number == number:
            yield entry
            number = next(wanted, None)


def _digest(path: Path, number: int) -> str:
    try:
        with path.open("rb") as handle:
            head = handle.read(132)
        if head[128:] == b"DICM" or not head.startswith(GZIP):
            return sha256(path)
        with unwrapped(path) as inside:
            return sha256(inside)
    except (OSError, UnitError):
        return f"unread {number}"  # equal to nothing
