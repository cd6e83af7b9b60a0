"""Which images look alike: pairs of perceptual hashes that differ in few bits. How one is made is transform's matter.

Curate keeps patients together whose images look alike, and the gates look whether that held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

BITS = 256
NEAR = 8
"""Bits in which two hashes may differ and still be of one picture. See docs/decisions/039 for what was measured."""

Hashes = npt.NDArray[np.uint8]
_CHUNK = 1 << 18


def near_pairs(hashes: Sequence[str], distance: int = NEAR) -> list[tuple[str, str]]:
    """The pairs of different hashes (64 hexadecimal digits) that differ in at most `distance` bits, each pair once.

    Exact: of `distance` + 1 bands of bits two such hashes have at least one in common, so only those that share a
    band are compared. Raises ValueError for what is no hash.
    """
    names = sorted(set(hashes))
    packed = _packed(names)
    bits = np.unpackbits(packed, axis=1)
    found: set[tuple[int, int]] = set()
    for band in np.array_split(np.arange(BITS), distance + 1):
        keys = np.packbits(bits[:, band], axis=1)
        for first, second in _same_key(keys):
            close = np.bitwise_count(packed[first] ^ packed[second]).sum(axis=1) <= distance
            found.update(zip(first[close].tolist(), second[close].tolist(), strict=True))
    return [(names[one], names[two]) for one, two in sorted(found)]


def _packed(names: Sequence[str]) -> Hashes:
    if any(len(name) != BITS // 4 for name in names):
        raise ValueError(f"a perceptual hash has {BITS // 4} hexadecimal digits")
    return np.frombuffer(bytes.fromhex("".join(names)), dtype=np.uint8).reshape(len(names), BITS // 8)


def _same_key(keys: Hashes) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Index pairs (lower, higher) of the rows of `keys` that are equal, in chunks."""
    if not len(keys):
        return
    _, group = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])
    for rows in np.split(order, starts[1:]):
        for place in range(len(rows) - 1):  # few share a band of 28 bits, unless they are alike
            for start in range(place + 1, len(rows), _CHUNK):
                second = rows[start : start + _CHUNK]
                yield np.full(len(second), rows[place]), second
