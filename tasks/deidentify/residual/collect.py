"""Walking a source file for what identifies in it, at next to no cost from the second file of a series on.

The elements of one series differ in a dozen places. A run is a row of elements that stood in the last file too: where the
same bytes stand again, all of it is passed over and what it told is known. What differs is read, and is left out of
runs until it has stopped changing. What was learned never changes what is found, only how fast.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from tasks.deidentify.residual import salvage, walk
from tasks.deidentify.residual.identifying import NOTHING, Collected, Token, identifying, printable, tells, together
from tasks.deidentify.residual.view import Reader, inflated
from tasks.deidentify.residual.walk import ITEM, ITEM_END, PIXELS, SEQUENCE_END, UNDEFINED, Encoding, Lost

_WINDOW = 2**16
_LARGEST = 128 * 2**20  # bytes of a header that are taken into memory
_BULK = 2**20  # a longer value that is neither text nor sequence is passed over without being read
_RUN = 2**14  # a longer element is read anew each time
_SETTLED = 4  # an element that changed is trusted again after so many equal files
_DEEPEST = 24  # sequences in sequences that are read with runs; what is deeper is read without
_MOST_RUNS = 20_000
_LE, _BE = struct.Struct("<H"), struct.Struct(">H")
_DULL: tuple[set[bytes], set[bytes]] = (set(), set())  # tags and VRs, as bytes, of what tells nothing; big endian ones
_TEXT = frozenset((b"SQ", b"UN", b"UT", b"UC", b"LT", b"ST", b"UR", b""))


class _Short(Exception):
    """More of the file is needed."""


class _Plain(Exception):
    """A sequence whose items have a character set or an encoding of their own is read without runs."""


@dataclass(slots=True, repr=False)
class _Run:
    """Elements that stood together: their bytes, what they told, and the run that each was before."""

    raw: bytes
    told: Collected
    single: list[_Run] = field(default_factory=list)


@dataclass(slots=True, repr=False)
class _Branch:
    """What is known of the elements at one place of the tree: runs by the tag they begin with, and what changes.

    Of what changes there are the last bytes, how often they stood again, and what they told.
    """

    runs: dict[bytes, _Run] = field(default_factory=dict)
    changing: dict[bytes, tuple[bytes, int, Collected]] = field(default_factory=dict)
    below: dict[int, _Branch] = field(default_factory=dict)

    def split(self, key: bytes) -> None:
        """Take the run at `key` apart; a single element has changed."""
        run = self.runs.pop(key)
        if not run.single:
            self.changing[key] = (b"", 0, NOTHING)
        for single in run.single:
            self.runs[single.raw[:4]] = single

    def learn(self, key: bytes, raw: bytes, told: Collected) -> None:
        """Remember an element that was read."""
        if key not in self.changing:
            if len(self.runs) > _MOST_RUNS:
                self.runs.clear()
            self.runs[key] = _Run(raw, told)
        else:
            self.changing[key] = (raw, 0, told)

    def met_again(self, key: bytes) -> Collected:
        """An element that changes has its last bytes again; what it tells."""
        raw, count, told = self.changing[key]
        if count < _SETTLED:
            self.changing[key] = (raw, count + 1, told)
        else:
            del self.changing[key]
            self.runs[key] = _Run(raw, told)
        return told

    def join(self, row: list[_Run]) -> None:
        """Make one run of those that stood in a row."""
        single = [part for run in row for part in run.single or [run]]
        told = together([run.told for run in row])
        self.runs[row[0].raw[:4]] = _Run(b"".join(run.raw for run in row), told, single)


class Collector:
    """Collects from source files; keeps what it learned of a series. One a process."""

    def __init__(self, retained: frozenset[str]) -> None:
        self._retained = retained
        self._branches: dict[Encoding | None, _Branch] = {}
        self._window = _WINDOW

    def collect(self, view: Reader) -> tuple[Collected, Reader]:
        """Everything that identifies in a file, and the file to read it from: inflated where it was deflated.

        What follows a place where the bytes are no elements is searched for what looks like one. Raises `ValueError`
        where neither tells who the patient is: then a search would prove nothing.
        """
        reading = _Reading(view, self._retained, self._window)
        found = reading.found
        try:
            at = reading.file_meta(self._branch(None))
            reading.data_set(at, self._branch(reading.encoding))
        except (Lost, struct.error):
            found.extend(salvage.elements(reading.data, reading.encoding, self._retained))
            collected = together(found)
            if not any(token.kind == "name" or token.keyword == "PatientID" for token in collected.tokens):
                raise ValueError("the source cannot be read, so there is nothing to search for") from None
            return collected, reading.reader
        self._window = max(4096, reading.longest + 1024)
        return together(found), reading.reader

    def _branch(self, encoding: Encoding | None) -> _Branch:
        return self._branches.setdefault(encoding, _Branch())


class _Reading:
    """One file being read: `data` is a window of its bytes, of which the first is byte `base` of the file."""

    def __init__(self, reader: Reader, retained: frozenset[str], window: int) -> None:
        self.reader, self.retained = reader, retained
        self.base, self.data = 0, reader.read(0, window)
        self.found: list[Collected] = []
        self.encoding = Encoding()
        self.longest = 0

    def file_meta(self, branch: _Branch) -> int:
        """Read preamble and file meta; where the data set begins, whose encoding is found and which is inflated."""
        at = walk.begin(self.data)
        if at == 132 and (preamble := self.data[:128]).strip(b"\0"):
            self.found.extend(Collected(frozenset({Token("place", "preamble", run)})) for run in printable(preamble))
        if self.data[at : at + 2] == b"\2\0":
            self.encoding = walk.guessed(self.data[at:])
            at = self._until_bulk(at, branch, meta=True)
            if walk.is_deflated(self.data[:at]):
                self.reader = inflated(self.reader, at)
                self.data = self.reader.read(0, max(at + 16, len(self.data)))
        self.encoding = walk.guessed(self.data[at : at + 8])
        return at

    def data_set(self, at: int, branch: _Branch) -> None:
        """Read the elements from `at` on. Raises `Lost` or `struct.error`."""
        while at < self.reader.size:
            at = self._until_bulk(at, branch)
            if at < self.reader.size:
                at = self._after_bulk(at)

    def _until_bulk(self, at: int, branch: _Branch, *, meta: bool = False) -> int:
        """Read up to pixels or other bulk; where that takes more of the file than the window has, begin again."""
        if not self.base <= at < self.base + len(self.data):
            self.base, self.data = at, self.reader.read(at, _WINDOW)
        told = len(self.found)
        while True:
            whole = self.base + len(self.data) >= self.reader.size
            try:
                reached = self._elements(at - self.base, len(self.data), branch, (2 if meta else 0, 0), None)
            except (_Short, struct.error):
                pass
            else:
                if whole or reached < len(self.data):
                    self.longest = max(self.longest, reached)
                    return self.base + reached
            if whole or len(self.data) >= _LARGEST:
                raise Lost("the bytes end within an element")
            del self.found[told:]
            self.data = self.reader.read(self.base, min(4 * len(self.data), _LARGEST))

    def _after_bulk(self, at: int) -> int:
        """Where the pixels or other bulk at `at` end. What is cut short ends with the file."""
        tag, _, start, length = walk.header(self.reader.read(at, 12), 0, self.encoding)
        at += start
        if length != UNDEFINED:
            return min(at + length, self.reader.size)
        return walk.after_far_fragments(self.reader, at, self.encoding)

    def _elements(self, at: int, end: int, branch: _Branch, place: tuple[int, int], item: int | None) -> int:
        """Read elements up to `end`; at the top (`item` None) up to bulk, and in an `item` of length UNDEFINED up to
        its delimiter. `place` is the tag of the sequence and how deep it is. Where it came to."""
        data, runs, changing, found = self.data, branch.runs, branch.changing, self.found
        short = None if self.encoding.implicit else _BE if self.encoding.big else _LE
        dull = _DULL[self.encoding.big]
        meta = item is None and place[0]
        row: list[_Run] = []
        while at < end:
            key = data[at : at + 4]
            run = runs.get(key)
            if run is not None:
                after = at + len(run.raw)
                if after <= end and data.startswith(run.raw, at):
                    if run.told is not NOTHING:
                        found.append(run.told)
                    row.append(run)
                    at = after
                else:
                    branch.split(key)
                continue
            if row:
                if len(row) > 1:
                    branch.join(row)
                row = []
            if key in changing and (raw := changing[key][0]) and data.startswith(raw, at) and at + len(raw) <= end:
                found.append(branch.met_again(key))
                at += len(raw)
                continue
            if short is not None and (head := data[at : at + 6]) in dull and not meta:
                after = at + 8 + short.unpack_from(data, at + 6)[0]
                if after > end:
                    raise _Short
                branch.learn(key, data[at:after], NOTHING)
                at = after
                continue
            tag, written, start, length = walk.header(data, at, self.encoding)
            if item is None and self._is_bulk(tag, written, length, place[0]):
                return at
            if tag >> 16 == 0xFFFE:
                if tag == ITEM:
                    raise Lost("an item outside any sequence")
                at = start
                if tag == ITEM_END and item == UNDEFINED:
                    return at
                continue
            told = len(found)
            after = self._element(tag, written, start, length, end, branch, place)
            if after - at <= _RUN:
                branch.learn(key, data[at:after], together(found[told:]))
                if short is not None and written in walk.SHORT and not tells(tag, written):
                    dull.add(head)
            at = after
        if len(row) > 1:
            branch.join(row)
        if item == UNDEFINED:
            raise _Short
        return at

    def _element(
        self, tag: int, written: bytes, start: int, length: int, end: int, branch: _Branch, place: tuple[int, int]
    ) -> int:
        """Read one element's value; where it ends."""
        vr = written or walk.known_vr(tag)
        if length == UNDEFINED:
            if tag in PIXELS or vr in (b"OB", b"OW"):
                return walk.after_fragments(self.data, start, self.encoding)
            return self._sequence(tag, written, start, None, end, branch, place)
        after = start + length
        if after > end:
            raise _Short
        if vr == b"SQ" or (vr == b"UN" and walk.holds_items(self.data, start, length)):
            return self._sequence(tag, written, start, after, end, branch, place)
        judged = tells(tag, written)
        if judged:
            parent = walk.keyword_of(place[0])
            told = identifying(tag, judged, self.data[start:after], None, parent, self.retained)
            if told is not NOTHING:
                self.found.append(told)
        return after

    def _sequence(
        self, tag: int, written: bytes, start: int, stop: int | None, end: int, branch: _Branch, place: tuple[int, int]
    ) -> int:
        told = len(self.found)
        if written != b"UN" and place[1] < _DEEPEST:
            try:
                return self._items(start, stop, end, branch.below.setdefault(tag, _Branch()), (tag, place[1] + 1))
            except _Plain:
                del self.found[told:]
        encoding = Encoding(True, False) if written == b"UN" else self.encoding
        reading = walk.Walk(self.data, start, end if stop is None else stop, encoding).items(stop, tag)
        for leaf in reading:
            if judged := tells(leaf.tag, leaf.vr):
                value, parent = self.data[leaf.start : leaf.end], walk.keyword_of(leaf.parent)
                self.found.append(identifying(leaf.tag, judged, value, leaf.charset, parent, self.retained))
        return reading.at

    def _items(self, at: int, stop: int | None, end: int, branch: _Branch, place: tuple[int, int]) -> int:
        """Read a sequence's items up to `stop`, or up to the delimiter where that is None; where it ends."""
        charset = b"\0\x08\0\5" if self.encoding.big else b"\x08\0\5\0"
        bound = end if stop is None else stop
        while stop is None or at < stop:
            tag, _, start, length = walk.header(self.data, at, self.encoding)
            if tag == SEQUENCE_END:
                return start
            if tag != ITEM:
                raise Lost("no item where a sequence should have one")
            if self.data.startswith(charset, start):
                raise _Plain
            after = bound if length == UNDEFINED else start + length
            if after > bound:
                raise _Short
            at = self._elements(start, after, branch, place, length)
        return at

    @staticmethod
    def _is_bulk(tag: int, written: bytes, length: int, group: int) -> bool:
        """Whether an element at the top is not taken into memory, or follows the file meta `group` that is read."""
        if tag in PIXELS or (group and tag >> 16 != group):
            return True
        return _BULK <= length < UNDEFINED and (written or walk.known_vr(tag)) not in _TEXT
