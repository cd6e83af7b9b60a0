"""What was found about a series or one of its volumes, and what is done about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tasks.core.errors import SluiceError
from tasks.core.findings import Finding
from tasks.core.settings import VolumeSettings


@dataclass(frozen=True, slots=True)
class Note:
    """A finding, how many slices (or volumes) it is about, and the policy that params.yaml has for it."""

    finding: Finding
    count: int
    policy: str

    @property
    def refuses(self) -> bool:
        """Whether there is no volume because of it."""
        return self.policy == "refuse"

    def __str__(self) -> str:
        return f"{self.finding.value} ({self.count}, {self.policy})"


class VolumeRefused(SluiceError):
    """No volume can be made; the message names the findings."""

    exit_code = 2

    def __init__(self, notes: Iterable[Note]) -> None:
        self.notes = tuple(notes)
        told = "; ".join(f"{note.finding.value}: {note.finding.sentence}" for note in self.notes if note.refuses)
        super().__init__(f"no volume can be made: {told or 'there are no images'}")


def noted(finding: Finding, count: int, settings: VolumeSettings) -> Note:
    """`finding` with its policy of params.yaml, else its default."""
    return Note(finding, count, settings.findings.get(finding.value, finding.default))
