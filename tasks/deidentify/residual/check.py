"""The residual check: a second look at the finished bytes for what identified the patient in the source.

Independent of the engine: it reads the source and the output by itself (walk.py), decides by itself what identifies
(identifying.py, wanted.py), and searches every byte of the output and its name in every usual encoding (needles.py).
What is found is judged by where it stands (judge.py). It tells attributes, never values.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

from tasks.deidentify.parts import Parts
from tasks.deidentify.residual import documents, elements, escapes
from tasks.deidentify.residual.collect import Collector
from tasks.deidentify.residual.identifying import Collected, Token
from tasks.deidentify.residual.identity import wanted
from tasks.deidentify.residual.inflate import inflated
from tasks.deidentify.residual.judge import Judge
from tasks.deidentify.residual.layout import Layout
from tasks.deidentify.residual.lenient import seen_in
from tasks.deidentify.residual.needles import Hit, Search
from tasks.deidentify.residual.view import Reader, View
from tasks.deidentify.residual.wanted import Wanted

CHUNK = 4 * 2**20
_MOST_SEARCHES = 32
_EDGE = 2**13
_READ = "the text of the pixels"
CLOSED = "a document that cannot be looked into"


class Stretch(Enum):
    """What a stretch of the output is searched as."""

    HEADER = "everything that is no pixel value"
    PIXELS = "pixel values, in which short texts stand by chance"
    EDGE = "the ends of pixel data: text stands before the coded values of a stream, and behind the last row"


class ResidualCheck:
    """One a process: keeps the search of a patient and what it learned of a series' header for the next file."""

    def __init__(self, retained: frozenset[str], dates: str) -> None:
        """`retained` are keywords that the profile keeps on purpose; `dates` is REMOVED, MODIFIED or UNMODIFIED."""
        self._dates = dates
        self._collector = Collector(retained)
        self._searches: OrderedDict[frozenset[Token], tuple[Search, list[Wanted]]] = OrderedDict()
        self._buffer = bytearray()

    def residue(
        self, source: Parts, output: Parts, name: str, shift: int, texts: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """What of `source` is left in `output`, in its file `name` or in `texts` (read from its pixels), sorted.

        Each as `PatientName in StudyDescription`; () where it is clean. `shift` is by how many days dates were moved,
        where they were. Raises `ValueError` where source or output cannot be read, and `OSError` as reading files does.
        """
        with View(source) as before, View(output) as after:
            collected, reader = self._collector.collect(before)
            search, everything = self._search(collected.tokens)
            try:
                look = self._looked_through(collected, reader, search, after, output, shift)
            except struct.error:
                raise elements.Lost("the output ends within an element") from None
            look.text(name.encode("utf-8", "replace"), "the file name")
            for text in texts:
                look.text(text.encode("utf-8", "replace"), _READ)
                look.found.update(f"{keyword} in {_READ}" for keyword in seen_in(text, everything))
        return tuple(sorted(look.found))

    def _moved(self, shift: int) -> int | None:
        return shift if self._dates == "MODIFIED" else None

    def _search(self, tokens: frozenset[Token]) -> tuple[Search, list[Wanted]]:
        known = self._searches.get(tokens)
        if known is None:
            dated = self._dates != "UNMODIFIED"
            everything = wanted(tokens if dated else frozenset(one for one in tokens if one.kind != "day"))
            known = self._searches[tokens] = Search(everything), everything
            if len(self._searches) > _MOST_SEARCHES:
                self._searches.popitem(last=False)
        else:
            self._searches.move_to_end(tokens)
        return known

    def _looked_through(
        self, collected: Collected, source: Reader, search: Search, after: View, output: Parts, shift: int
    ) -> _Look:
        reader: Reader = after
        if elements.is_deflated(after.read(0, 1024)):
            reader, output = inflated(after, elements.data_set_of(after.read(0, 2**16))), ()
        look = _Look(search, Judge(source, collected, Layout(reader, output), self._moved(shift), search.count))
        for start, end, stretch in _stretches(look.judge.layout.pixels, reader.size):
            for at, content in self._chunks(reader, start, end, search.longest):
                look.at_place(content, at, stretch)
                if stretch is Stretch.PIXELS and at == start:
                    look.at_place(content[:_EDGE], at, Stretch.EDGE)
                if stretch is Stretch.PIXELS and at + len(content) == end:
                    look.at_place(content[-_EDGE:], max(at, end - _EDGE), Stretch.EDGE)
        return look

    def _chunks(self, reader: Reader, start: int, end: int, longest: int) -> Iterator[tuple[int, memoryview]]:
        """The bytes from `start` to `end`, CHUNK at a time, each with the last bytes of the one before it."""
        if isinstance(reader, View) and (whole := reader.held(start, end)) is not None:
            yield start, whole
            return
        if len(self._buffer) < min(CHUNK, end - start):
            self._buffer = bytearray(min(CHUNK, max(end - start, 2**20)))
        buffer = memoryview(self._buffer)
        while start < end:
            count = reader.fill(buffer[: end - start], start)
            yield start, buffer[:count]
            if start + count >= end:
                return
            start += count - min(longest, count // 2)


class _Look:
    """One output being searched."""

    def __init__(self, search: Search, judge: Judge) -> None:
        self.search, self.judge = search, judge
        self.found: set[str] = set()

    def at_place(self, content: memoryview, at: int, stretch: Stretch) -> None:
        """Search a stretch of the output, or a chunk of it, that begins at byte `at`."""
        pixels = stretch is not Stretch.HEADER
        for needle, start, end in self.search.hits(content, far=stretch is Stretch.PIXELS):
            verdict = self.judge.verdict(Hit(needle, start + at, end + at), among_pixels=pixels)
            if verdict is not None:
                self.found.add(verdict)
        if stretch is Stretch.HEADER and (signs := escapes.signs(content)):
            self._add(self._undone(bytes(content), signs), "escaped text or a document")

    def text(self, content: bytes, place: str) -> None:
        """Search text of its own, which stands at `place`."""
        self._add(self._judged(content), place)
        if signs := escapes.signs(content):
            self._add(self._undone(content, signs), place)

    def _add(self, keywords: Iterable[str], place: str) -> None:
        try:
            self.found.update(f"{keyword} in {place}" for keyword in keywords)
        except documents.Closed:
            self.found.add(CLOSED)

    def _undone(self, content: bytes, signs: set[int]) -> Iterator[str]:
        for text in escapes.undone(content, signs):
            yield from self._judged(text)

    def _judged(self, content: bytes) -> Iterator[str]:
        reader = View((content,))
        for hit in self.search.hits(content):
            if (verdict := self.judge.verdict(hit, reader)) is not None:
                yield verdict


def _stretches(pixels: list[tuple[int, int]], size: int) -> Iterator[tuple[int, int, Stretch]]:
    """What to search, from where to where and as what."""
    at = 0
    for start, end in pixels:
        if start > at:
            yield at, start, Stretch.HEADER
        yield start, end, Stretch.PIXELS
        at = end
    if at < size:
        yield at, size, Stretch.HEADER
