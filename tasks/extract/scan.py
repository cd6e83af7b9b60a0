"""Turning one file of a folder into what it holds: instances with their identity, or refusals with their reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tasks.core.reasons import Reason
from tasks.extract.archives import DAMAGED, MAX_DEPTH, BombError, Budget, Opener
from tasks.extract.criteria import Header
from tasks.extract.header import read_identity
from tasks.extract.sniff import WINDOW, Kind, sniff
from tasks.extract.source import Found, Refused


@dataclass(frozen=True, repr=False)
class Instance:
    """An instance of a folder, and what series it belongs to."""

    found: Found
    header: Header


@dataclass(frozen=True)
class Limits:
    """`max_item_bytes`: the largest instance; `max_ratio`: to how many times its size a file may unpack."""

    max_item_bytes: int
    max_ratio: int


def scan_file(opener: Opener, locator: str, size: int, limits: Limits) -> Iterator[Instance | Refused]:
    """What the file of `size` bytes at `locator` holds; at least one entry, so that every file is accounted for.

    A wrapper that can be read stands for its members, and isn't counted itself.
    """
    return _scan(opener, locator, size, limits, Budget(size * limits.max_ratio), 0)


def _scan(
    opener: Opener, locator: str, size: int, limits: Limits, budget: Budget, depth: int
) -> Iterator[Instance | Refused]:
    if size == 0:
        yield Refused(locator, Reason.EMPTY_FILE)
        return
    try:
        with opener.open(locator) as stream:
            head = stream.read(WINDOW)
            kind = sniff(head, size)
            if kind is Kind.DICOM:
                if size > limits.max_item_bytes:
                    yield Refused(locator, Reason.OVERSIZED)
                    return
                inflated = min(limits.max_item_bytes, size * limits.max_ratio)
                identity = read_identity(stream, head, size, inflated)
                if isinstance(identity, Reason):
                    yield Refused(locator, identity)
                else:
                    yield Instance(Found(locator, size, identity.sop_uid), identity.header)
                return
        if kind is Kind.OTHER:
            yield Refused(locator, Reason.NOT_DICOM)
            return
        yield from _unwrap(opener, locator, kind, limits, budget, depth)
    except (*DAMAGED, BombError):
        yield Refused(locator, Reason.BAD_ARCHIVE)
    except OSError:
        yield Refused(locator, Reason.TRANSFER_FAILED)


def _unwrap(
    opener: Opener, locator: str, kind: Kind, limits: Limits, budget: Budget, depth: int
) -> Iterator[Instance | Refused]:
    if depth == MAX_DEPTH:
        yield Refused(locator, Reason.BAD_ARCHIVE)
        return
    if kind is Kind.GZIP:
        inner, inner_size = opener.gunzip(locator, budget)
        yield from _scan(opener, inner, inner_size, limits, budget, depth + 1)
        return
    members = opener.unzip(locator, budget)
    if members is None:
        yield Refused(locator, Reason.NOT_DICOM)
    elif not members:
        yield Refused(locator, Reason.EMPTY_FILE)
    for member in members or ():
        if member.reason:
            yield Refused(member.locator, member.reason)
        else:
            yield from _scan(opener, member.locator, member.size, limits, budget, depth + 1)
