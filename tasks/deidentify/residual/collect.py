"""Everything that identifies in a source file, collected by a walk of its own over the file's bytes."""

from __future__ import annotations

import struct

from tasks.deidentify.residual import salvage
from tasks.deidentify.residual.elements import Encoding, Lost
from tasks.deidentify.residual.identifying import Collected, together
from tasks.deidentify.residual.learned import Branch
from tasks.deidentify.residual.reading import Reading
from tasks.deidentify.residual.view import Reader

_WINDOW = 2**16
_SALVAGED = 2**22


class Collector:
    """Collects from source files; keeps what it learned of a series. One a process."""

    def __init__(self, retained: frozenset[str]) -> None:
        self._retained = retained
        self._branches: dict[Encoding | None, Branch] = {}
        self._window = _WINDOW

    def collect(self, view: Reader) -> tuple[Collected, Reader]:
        """Everything that identifies in a file, and the file to read it from: inflated where it was deflated.

        What follows a place where the bytes are no elements is searched for what looks like one. Raises `ValueError`
        where neither tells who the patient is: then a search would prove nothing.
        """
        reading = Reading(view, self._retained, self._window)
        found, telling = reading.found, {"name", "number", "uid"}
        try:
            at = reading.file_meta(self._branch(None))
            reading.data_set(at, self._branch(reading.encoding))
            self._window = max(4096, reading.longest + 1024)
        except (Lost, struct.error):
            found.extend(salvage.elements(reading.data[:_SALVAGED], reading.encoding, self._retained))
            telling = {"name"}
        collected = together(found)
        if not any(token.kind in telling or token.keyword == "PatientID" for token in collected.tokens):
            raise ValueError("the source cannot be read, so there is nothing to search for")
        return collected, reading.reader

    def _branch(self, encoding: Encoding | None) -> Branch:
        return self._branches.setdefault(encoding, Branch())
