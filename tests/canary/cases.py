"""The canary files: attributes at the top, nested, everything together, each channel, and each encoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.canary.attributes import CARRIERS, put_at_top, put_nested
from tests.canary.base import base
from tests.canary.channels import all_channels, file_with
from tests.canary.tokens import Mint, Place
from tests.canary.writing import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, File

SYNTAXES = {
    "explicit little endian": EXPLICIT,
    "implicit little endian": IMPLICIT,
    "explicit big endian": BIG_ENDIAN,
    "deflated": DEFLATED,
}


@dataclass(frozen=True)
class Case:
    """A file to make: `group` is where its canaries count (top, nested, channels, together)."""

    name: str
    group: str
    make: Callable[[], tuple[File, Mint]]
    must_release: bool = True
    tolerated: str = ""


def cases() -> Iterator[Case]:
    """All of them; the attributes and the file with everything first."""
    yield Case("no canary beyond the CT's own", "top", plain)
    yield Case("every attribute at the top", "top", at_top)
    yield Case("every attribute two sequences deep", "nested", nested)
    yield Case("at the top, nested once, and in channels", "together", partial(together, EXPLICIT, CARRIERS[0][0]))
    for name in SYNTAXES:
        yield Case(f"everything together, {name}", "together", partial(together, SYNTAXES[name]))
    for chosen in all_channels().values():
        make = partial(file_with, chosen)
        yield Case(chosen.name, "channels", make, chosen.must_release, chosen.tolerated)


def plain() -> tuple[File, Mint]:
    """The CT alone."""
    mint = Mint()
    return base(mint), mint


def at_top() -> tuple[File, Mint]:
    """Each attribute of E.1-1 at the top."""
    file, mint = plain()
    put_at_top(file, mint)
    return file, mint


def nested(*groups: str, every: int = 1) -> tuple[File, Mint]:
    """Each attribute (or one of `every` so many) two deep, in each kind of sequence or in those of `groups`."""
    file, mint = plain()
    put_nested(file, mint, *groups, every=every)
    return file, mint


def together(syntax: str = EXPLICIT, *groups: str) -> tuple[File, Mint]:
    """One CT with all of them: every attribute at the top and nested, and all channels that one CT can have at once.

    `groups` are some kinds of sequences to nest in, instead of all.

    A channel takes an attribute's place where both want it. Sequences in UN are left out of big endian, where their
    items would be little endian (PS3.5 6.2.2) and nobody reads them.
    """
    file, mint = plain()
    file.syntax = syntax
    put_at_top(file, mint)
    read = [carrier[0] for carrier in CARRIERS if carrier[2] != "UN" or syntax != BIG_ENDIAN]
    put_nested(file, mint, *(groups or read))
    for chosen in all_channels().values():
        if chosen.together and not (syntax == BIG_ENDIAN and chosen.name.startswith("UN sequences")):
            chosen.put(file, mint, Place("channel", chosen.name))
    return file, mint
