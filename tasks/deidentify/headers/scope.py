"""Where an element stands when it is rewritten: what its new bytes depend on beside its own, and what is remembered."""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.deidentify.headers.encoding import Encoding
from tasks.deidentify.rules import tables

_LONGEST_KEPT = 4096
_MOST_KEPT = 8192


@dataclass(repr=False)
class Scope:
    """Where an element stands: all that its new value depends on beside its own bytes, and what was worked out here."""

    encoding: Encoding
    parent: str
    depth: int
    terms: tuple[str, ...]
    iod: int | None
    done: dict[bytes, bytes | None] = field(default_factory=dict)
    private: dict[str, dict[bytes, bytes | None]] = field(default_factory=dict)


@dataclass(repr=False)
class Blocks:
    """Private blocks of a data set by the tag of their creator: their names, and the creators not yet written."""

    names: dict[int, str] = field(default_factory=dict)
    unwritten: dict[int, bytes] = field(default_factory=dict)

    def add(self, other: Blocks) -> None:
        """Take over what stood in elements before."""
        self.names |= other.names
        self.unwritten |= other.unwritten


def dummy_sequence(tag: int, encoding: Encoding) -> bytes:
    """A sequence of one item that says nothing: a code in a code sequence, else an empty item."""
    body = b""
    if tables.name_of(tag).endswith("CodeSequence"):
        body = b"".join(
            encoding.element(part, vr, value)
            for part, vr, value in (
                (0x00080100, "SH", b"REMOVED"),
                (0x00080102, "SH", b"99SLUICE"),
                (0x00080104, "LO", b"Removed"),
            )
        )
    content = encoding.item(body, undefined=False)
    return encoding.header(tag, "SQ", len(content)) + content


def keep(done: dict[bytes, bytes | None], chunk: bytes, new: bytes | None) -> None:
    """Remember what an element of ordinary length became; what was remembered is let go when it is too much."""
    if len(chunk) <= _LONGEST_KEPT:
        if len(done) >= _MOST_KEPT:
            done.clear()
        done[chunk] = new
