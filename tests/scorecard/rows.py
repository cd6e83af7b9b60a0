"""Collecting the rows of one instance: what is planted at a place, and what the preset then asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from tests.scorecard import table
from tests.scorecard.answers import Check
from tests.scorecard.phrases import Phrase
from tests.scorecard.place import Place, Step, at


@dataclass
class Rows:
    """The rows of one instance under one preset; a row that is already there is not added again."""

    profile: str
    checks: dict[tuple[str, Place, str], Check] = field(default_factory=dict)
    taken: set[Place] = field(default_factory=set)  # places that were planted: the sweep leaves them alone

    def add(
        self, category: str, place: Place, text: str = "", *, whole: bool = False, why: str = "", vr: str = ""
    ) -> None:
        """One row. `vr` tells what bytes mean that come back without a VR."""
        check = Check(category, place, text, whole, why, {"vr": vr} if vr else {})
        self.checks.setdefault((category, place, text), check)

    def gone(self, place: Place, text: str, *, whole: bool = False, why: str = "planted") -> None:
        """`text` must not be at `place`."""
        self.taken.add(place)
        self.add("text_removed", place, text, whole=whole, why=why)

    def phrase(self, place: Place, phrase: Phrase, why: str = "planted") -> None:
        """The rows of a description: its identifiers go; its other words stay where the preset cleans it."""
        self.taken.add(place)
        for text, whole in phrase.go:
            self.add("text_removed", place, text, whole=whole, why=why)
        if self.demand(place) == "clean" and self.is_kept(place[:-1]):
            for text in phrase.stay:
                self.add("text_retained", place, text, why=why)

    def demand(self, place: Place) -> str:
        """What E.1-1 asks for at a place."""
        return table.demand(place[-1].tag, self.profile)

    def is_kept(self, path: Iterable[Step]) -> bool:
        """Whether each sequence that leads to a place must be kept: beyond the table, or its items are cleaned."""
        return all(not step.tag >> 16 & 1 and table.demand(step.tag, self.profile) in ("", "clean") for step in path)


def put(dataset: Dataset, value: object, *names: str | int) -> Place:
    """Set the attribute at a place by keywords, making the sequences that lead to it; gives the place."""
    *path, keyword = names
    for name, number in zip(path[::2], path[1::2], strict=True):
        assert isinstance(name, str)
        assert isinstance(number, int)
        sequence = dataset.get(name)
        if sequence is None:
            setattr(dataset, name, [])
            sequence = dataset[name].value
        while len(sequence) <= number:
            sequence.append(Dataset())
        dataset = sequence[number]
    setattr(dataset, str(keyword), value)
    return at(*names)
