"""What was learned of the headers of a series: rows of elements that stand in one file after another.

Slices of one series differ in a dozen elements. Where the bytes of a row stand again, its elements are known without
being read. What was learned never changes what is found, only how fast: a row is taken for what it is only where every
byte of it stands again.
"""

from __future__ import annotations

from tasks.deidentify.headers.element import Element, Row

LONGEST = 1 << 14  # a longer element is read anew each time
_SETTLED = 4  # an element that changed is trusted again after so many equal files
_MOST = 20_000


class Learned:
    """The rows of one encoding by the four bytes that their first tag has, and the elements that keep changing."""

    __slots__ = ("_changing", "rows")

    def __init__(self) -> None:
        self.rows: dict[bytes, Row] = {}
        self._changing: dict[bytes, tuple[bytes, int]] = {}

    def split(self, key: bytes) -> None:
        """Take the row at `key` apart: one of its elements has changed. A row of one is forgotten."""
        row = self.rows.pop(key)
        if not row.single:
            self._changing[key] = (row.raw, 0)
        for single in row.single:
            self.rows[single.raw[:4]] = single

    def learn(self, element: Element) -> None:
        """Remember an element that was read."""
        raw = element.chunk
        if raw is None or len(raw) > LONGEST:
            return
        key = raw[:4]
        before = self._changing.get(key)
        if before is not None:
            count = before[1] + 1 if before[0] == raw else 0
            if count < _SETTLED:
                self._changing[key] = (raw, count)
                return
            del self._changing[key]
        if len(self.rows) >= _MOST:
            self.rows.clear()
        self.rows[key] = Row(raw, (element,))

    def join(self, rows: list[Row]) -> None:
        """Make one row of those that stood beside each other."""
        single = tuple(part for row in rows for part in row.single or (row,))
        elements = tuple(element for row in rows for element in row.elements)
        self.rows[rows[0].raw[:4]] = Row(b"".join(row.raw for row in rows), elements, single)
