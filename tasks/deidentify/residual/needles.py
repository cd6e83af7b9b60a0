"""One multi-pattern search for all that is wanted, in every encoding, letter case ignored.

Two data bases: `near` for whatever may be text, and `far` for pixel values, where a pattern of four digits would be
found by chance in every other image. Hyperscan's mode for literals ends a pattern at a zero byte, so the patterns are
regular expressions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tasks.deidentify.residual.charsets import writings
from tasks.deidentify.residual.wanted import Rule, Wanted

_LEAST, _LONGEST = 4, 512  # bytes of a pattern; a longer value names nobody
_MOST = 40_000
_BETWEEN_DIGITS = rb"(?:\x00?[ ()./+-]){0,3}\x00?"


@dataclass(frozen=True, slots=True, repr=False)
class Needle:
    """A pattern's meaning: what is wanted, and how it is written (`Written.width`)."""

    wanted: Wanted
    width: int


class Hit(NamedTuple):
    """Where a needle may stand in what was searched; `start` is the first place where one of open length may begin."""

    needle: Needle
    start: int
    end: int


class Search:
    """A compiled search. `longest` is how many bytes a pattern can span.

    Raises `ValueError` for a source that is damaged in such a way that everything in it is a name.
    """

    def __init__(self, everything: Iterable[Wanted]) -> None:
        found: dict[bytes, tuple[int, list[Needle]]] = {}
        for wanted in everything:
            if len(found) > _MOST:
                raise ValueError("the source has more identifiers than can be searched for")
            for pattern, length, needle in _patterns(wanted):
                found.setdefault(pattern, (length, []))[1].append(needle)
        self._patterns = list(found.values())
        self.longest = max((length for length, _ in self._patterns), default=0)
        self.count = len(found)
        near, far = {}, {}
        for number, (pattern, (_, needles)) in enumerate(found.items()):
            if any(needle.wanted.rule is not Rule.DAY for needle in needles):
                near[pattern] = number
            if any(needle.wanted.far for needle in needles):
                far[pattern] = number
        self._near, self._far = _compiled(near), _compiled(far)

    def hits(self, content: bytes | memoryview, *, far: bool = False) -> list[Hit]:
        """What stands in `content`, judged by nothing but its bytes."""
        database = self._far if far else self._near
        if database is None or not content:
            return []
        met: list[tuple[int, int]] = []
        database.scan(content, match_event_handler=_remember, context=met)
        return [
            Hit(needle, end - length, end)
            for number, end in met
            for length, needles in (self._patterns[number],)
            for needle in needles
        ]


def _remember(number: int, _start: int, end: int, _flags: int, met: list[tuple[int, int]]) -> None:
    met.append((number, end))


def _compiled(patterns: dict[bytes, int]) -> Any:
    import hyperscan  # here, because commands that look nothing through should not load it

    if not patterns:
        return None
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=list(patterns),
        ids=list(patterns.values()),
        elements=len(patterns),
        flags=[hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_DOTALL] * len(patterns),
    )
    return database


def _patterns(wanted: Wanted) -> list[tuple[bytes, int, Needle]]:
    """(regular expression, most bytes that it spans, needle) of each way to write what is wanted."""
    text, single = wanted.text, Needle(wanted, 1)
    if wanted.rule is Rule.PHONE:
        return [(_BETWEEN_DIGITS.join(map(_escaped, _letters(text))), len(text) * 8, single)]
    if wanted.rule is Rule.DAY:
        forms = [mark.join((text[:4], text[4:6], text[6:])) for mark in ("", "-")]
        return [(_escaped(form.encode()), len(form), single) for form in forms]
    if wanted.rule is Rule.SHORT_DAY:
        return [(_escaped(text.encode()), len(text), single)]
    return [
        (_escaped(written.content), len(written.content), Needle(wanted, written.width))
        for written in sorted(writings(text))
        if _LEAST <= len(written.content) <= _LONGEST
    ]


def _letters(text: str) -> list[bytes]:
    return [letter.encode() for letter in text]


def _escaped(content: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in content)
