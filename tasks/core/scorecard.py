"""What the last scorecard of de-identification said, as it comes with the package: of which engine, and how well.

`python -m tests.scorecard --record` writes scorecard.json; docs/scorecard.md says what is scored.
"""

from __future__ import annotations

from pathlib import Path

from tasks.core.models import Frozen

PLACE = Path(__file__).with_name("scorecard.json")
FLOOR = 0.999
"""Share of all rows that must pass: the best of MIDI-B had 0.9993."""


class Scorecard(Frozen):
    """`engine` is the VERSION of tasks.deidentify that was scored; `overall` the share of rows that passed, of the
    worse profile; `strays` how many identifiers were found beyond the answer key."""

    date: str
    engine: int
    overall: float
    strays: int

    @property
    def passes(self) -> bool:
        """Whether it is good enough to publish what this engine makes."""
        return self.overall >= FLOOR and not self.strays


def read_scorecard() -> Scorecard:
    """The scorecard that comes with the package."""
    return Scorecard.model_validate_json(PLACE.read_text(encoding="utf-8"))
