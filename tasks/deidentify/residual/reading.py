"""One source file being read for what identifies in it, element by element, with what was learned of its series."""

from __future__ import annotations

import struct

from tasks.deidentify.residual import elements, walk
from tasks.deidentify.residual.elements import ITEM, ITEM_END, PIXELS, SEQUENCE_END, UNDEFINED, Encoding, Lost
from tasks.deidentify.residual.identifying import NOTHING, Collected, Token, identifying, printable, tells, together
from tasks.deidentify.residual.inflate import inflated
from tasks.deidentify.residual.learned import Branch, Run
from tasks.deidentify.residual.view import Reader

_WINDOW = 2**16
_LARGEST = 128 * 2**20  # bytes of a header that are taken into memory
_BULK = 2**20  # a longer value that is neither text nor sequence is passed over without being read
_RUN = 2**14  # a longer element is read anew each time
_MOST = 2**21  # elements, rows of them and items that are read of one file, some seconds' worth
_DEEPEST = 24  # sequences in sequences that are read with runs; what is deeper is read without
_LE, _BE = struct.Struct("<H"), struct.Struct(">H")
_DULL: tuple[set[bytes], set[bytes]] = (set(), set())  # tags and VRs, as bytes, of what tells nothing; big endian ones
_TEXT = frozenset((b"SQ", b"UN", b"UT", b"UC", b"LT", b"ST", b"UR", b""))


class _Short(Exception):
    """More of the file is needed."""


class _Plain(Exception):
    """A sequence whose items have a character set or an encoding of their own is read without runs."""


class Reading:
    """One file being read: `data` is a window of its bytes, of which the first is byte `base` of the file."""

    def __init__(self, reader: Reader, retained: frozenset[str], window: int) -> None:
        self.reader, self.retained = reader, retained
        self.base, self.data = 0, reader.read(0, window)
        self.found: list[Collected] = []
        self.encoding = Encoding()
        self.longest = 0
        self._steps = 0

    def file_meta(self, branch: Branch) -> int:
        """Read preamble and file meta; where the data set begins, whose encoding is found and which is inflated."""
        at = elements.begin(self.data)
        if at == 132 and (preamble := self.data[:128]).strip(b"\0"):
            self.found.extend(Collected(frozenset({Token("place", "preamble", run)})) for run in printable(preamble))
        if self.data[at : at + 2] == b"\2\0":
            self.encoding = elements.guessed(self.data[at:])
            at = self._until_bulk(at, branch, meta=True)
            if elements.is_deflated(self.data[:at]):
                self.reader = inflated(self.reader, at)
                self.data = self.reader.read(0, max(at + 16, len(self.data)))
        self.encoding = elements.guessed(self.data[at : at + 8])
        return at

    def data_set(self, at: int, branch: Branch) -> None:
        """Read the elements from `at` on. Raises `Lost` or `struct.error`."""
        while at < self.reader.size:
            at = self._until_bulk(at, branch)
            if at < self.reader.size:
                at = self._after_bulk(at)

    def _until_bulk(self, at: int, branch: Branch, *, meta: bool = False) -> int:
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
        _, _, start, length = elements.header(self.reader.read(at, 12), 0, self.encoding)
        at += start
        if length != UNDEFINED:
            return min(at + length, self.reader.size)
        return elements.after_far_fragments(self.reader, at, self.encoding)

    def _elements(self, at: int, end: int, branch: Branch, place: tuple[int, int], item: int | None) -> int:
        """Read elements up to `end`; at the top (`item` None) up to bulk, and in an `item` of length UNDEFINED up to
        its delimiter. `place` is the tag of the sequence and how deep it is. Where it came to."""
        data, runs, changing, found = self.data, branch.runs, branch.changing, self.found
        short = None if self.encoding.implicit else _BE if self.encoding.big else _LE
        dull = _DULL[self.encoding.big]
        meta = item is None and place[0]
        row: list[Run] = []
        while at < end:
            self._step()
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
            tag, written, start, length = elements.header(data, at, self.encoding)
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
                if short is not None and written in elements.SHORT and not tells(tag, written):
                    dull.add(head)
            at = after
        if len(row) > 1:
            branch.join(row)
        if item == UNDEFINED:
            raise _Short
        return at

    def _element(
        self, tag: int, written: bytes, start: int, length: int, end: int, branch: Branch, place: tuple[int, int]
    ) -> int:
        """Read one element's value; where it ends."""
        vr = written or elements.known_vr(tag)
        if length == UNDEFINED:
            if tag in PIXELS or vr in (b"OB", b"OW"):
                return elements.after_fragments(self.data, start, self.encoding)
            return self._sequence(tag, written, start, None, end, branch, place)
        after = start + length
        if after > end:
            raise _Short
        if vr == b"SQ" or (vr == b"UN" and elements.holds_items(self.data, start, length)):
            return self._sequence(tag, written, start, after, end, branch, place)
        judged = tells(tag, written)
        if judged:
            parent = elements.keyword_of(place[0])
            told = identifying(tag, judged, self.data[start:after], None, parent, self.retained)
            if told is not NOTHING:
                self.found.append(told)
        return after

    def _sequence(
        self, tag: int, written: bytes, start: int, stop: int | None, end: int, branch: Branch, place: tuple[int, int]
    ) -> int:
        told = len(self.found)
        if written != b"UN" and place[1] < _DEEPEST:
            try:
                return self._items(start, stop, end, branch.below.setdefault(tag, Branch()), (tag, place[1] + 1))
            except _Plain:
                del self.found[told:]
        encoding = Encoding(True, False) if written == b"UN" else self.encoding
        reading = walk.Walk(self.data, start, end if stop is None else stop, encoding).items(stop, tag)
        try:
            for leaf in reading:
                self._step()
                if judged := tells(leaf.tag, leaf.vr):
                    value, parent = self.data[leaf.start : leaf.end], elements.keyword_of(leaf.parent)
                    self.found.append(identifying(leaf.tag, judged, value, leaf.charset, parent, self.retained))
        except Lost:
            if self.base + len(self.data) < self.reader.size:
                raise _Short from None  # it may only go on behind the window
            raise
        return reading.at

    def _items(self, at: int, stop: int | None, end: int, branch: Branch, place: tuple[int, int]) -> int:
        """Read a sequence's items up to `stop`, or up to the delimiter where that is None; where it ends."""
        charset = b"\0\x08\0\5" if self.encoding.big else b"\x08\0\5\0"
        bound = end if stop is None else stop
        while stop is None or at < stop:
            self._step()
            tag, _, start, length = elements.header(self.data, at, self.encoding)
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

    def _step(self) -> None:
        """Count. Raises `ValueError` where there is too much to read."""
        self._steps += 1
        if self._steps > _MOST:
            raise ValueError("too many elements")

    @staticmethod
    def _is_bulk(tag: int, written: bytes, length: int, group: int) -> bool:
        """Whether an element at the top is not taken into memory, or follows the file meta `group` that is read."""
        if tag in PIXELS or (group and tag >> 16 != group):
            return True
        return _BULK <= length < UNDEFINED and (written or elements.known_vr(tag)) not in _TEXT
