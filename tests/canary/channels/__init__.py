"""The side channels: every other place where a name can travel. Each is a function that puts canaries into a file.

A channel that is `together` can stand in one CT with all the others; one that is not makes a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from tests.canary.base import base
from tests.canary.tokens import Mint, Place
from tests.canary.writing import File

Put = Callable[[File, Mint, Place], None]
# The patient of channels whose canary is a name or an id that the header makes known.
SURNAME, GIVEN, NUMBER = "Qvornhildt", "Thorvinda", "QH-4471-0938"


@dataclass(frozen=True)
class Channel:
    """`put` puts canaries in; `must_release` where refusing the file would be no answer.

    `tolerated` says why a canary that stays is no fault; it is told all the same.
    """

    name: str
    put: Put
    together: bool = True
    must_release: bool = True
    tolerated: str = ""


_channels: dict[str, Channel] = {}


def channel(
    name: str, *, together: bool = True, must_release: bool = True, tolerated: str = ""
) -> Callable[[Put], Put]:
    """Register a channel under a name."""

    def register(put: Put) -> Put:
        _channels[name] = Channel(name, put, together, must_release, tolerated)
        return put

    return register


def all_channels() -> dict[str, Channel]:
    """Every channel by name, in the order in which they are written."""
    for module in ("outside", "private", "values", "bulk", "content", "names", "streams", "objects", "beyond"):
        import_module(f"{__name__}.{module}")
    return _channels


def file_with(chosen: Channel) -> tuple[File, Mint]:
    """The CT with this channel alone."""
    mint = Mint()
    file = base(mint)
    chosen.put(file, mint, Place("channel", chosen.name))
    return file, mint
