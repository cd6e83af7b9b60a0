"""An element as it stands in a file, and rows of elements that stand in one file after another."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})


class Element(NamedTuple):
    """An element: `chunk` are all its bytes, its value from `start` on; None where it stays in the file.

    `length` is that of the value, `UNDEFINED` as it stands in the file. Of one that stays there, `at` is where the
    value begins in the source and `end` where the element ends; of others they mean nothing.
    """

    tag: int
    vr: str
    chunk: bytes | None
    start: int
    at: int
    length: int
    end: int

    @property
    def value(self) -> bytes:
        """The bytes of the value; b"" where it stays in the file."""
        return b"" if self.chunk is None else self.chunk[self.start :]


tag_of = itemgetter(0)


@dataclass(eq=False, slots=True, repr=False)
class Row:
    """Elements in memory that stood together, with their bytes; `single` are the rows of one that it is made of."""

    raw: bytes
    elements: tuple[Element, ...]
    single: tuple[Row, ...] = ()
    by_tag: dict[int, Element] = field(init=False)
    sequences: tuple[Element, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.by_tag = {element.tag: element for element in self.elements}
        self.sequences = tuple(element for element in self.elements if element.vr == "SQ")

    @property
    def first(self) -> int:
        """The tag of its first element."""
        return self.elements[0].tag

    @property
    def last(self) -> int:
        """The tag of its last element."""
        return self.elements[-1].tag
