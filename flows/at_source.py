"""The source and the PACS against what was taken: counts for status and the run's artifact, and what is stuck there.

From the last look at the source and the last pull; no server is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flows.remedies import GO_ON, Stuck
from tasks.core.models import Frozen
from tasks.core.workspace import Workspace
from tasks.extract.pacs.book import Shortfall, shortfalls
from tasks.record.ledger import Ledger
from tasks.record.sightings import Seen, Sighting, read_sightings


class AtSource(Frozen):
    """The source and the PACS against what was taken, as (series, instances)."""

    arriving: int
    late: tuple[int, int]
    deleted_kept: tuple[int, int]
    deleted_lost: tuple[int, int]
    changed: tuple[int, int]
    short_of_pacs: tuple[int, int]
    uncounted_by_pacs: int


class Pictured:
    """The sightings and the shortfalls of a workspace, read once."""

    def __init__(self, workspace: Workspace, ledger: Ledger) -> None:
        self.sightings = read_sightings(ledger.database)
        self.short, self.uncounted = short_of_pacs(workspace, self.sightings)
        self.held = workspace.settings.extract.incomplete == "hold"

    def counts(self) -> AtSource:
        """All of it in counts."""
        return AtSource(
            arriving=self._in_state(Seen.ARRIVING),
            late=_sum(self.sightings, "late"),
            deleted_kept=_sum(self.sightings, "gone"),
            deleted_lost=_sum(self.sightings, "lost"),
            changed=_sum(self.sightings, "changed"),
            short_of_pacs=(len(self.short), sum(missing for missing, _ in self.short.values())),
            uncounted_by_pacs=self.uncounted,
        )

    def stuck(self) -> Iterator[Stuck]:
        """What doesn't move because of the source or the PACS."""
        arriving = self._in_state(Seen.ARRIVING)
        if arriving:
            why = "instances of them came just before the last look, and more may come"
            yield Stuck(
                what="arriving", series=arriving, instances=None, why=why, remedy="taken once stable", command=GO_ON
            )
        for shortfall in Shortfall:
            missing = [count for count, why in self.short.values() if why is shortfall]
            if missing:
                standing = "held back" if self.held else "released without them (extract.incomplete)"
                why = f"{shortfall.sentence}; {standing}"
                yield Stuck(
                    what="short of the PACS",
                    series=len(missing),
                    instances=sum(missing),
                    why=why,
                    remedy=shortfall.remedy,
                    command="sluice pull",
                )
        if self.uncounted:
            why, remedy = Shortfall.UNCOUNTED.sentence, Shortfall.UNCOUNTED.remedy
            yield Stuck(what="uncounted", series=self.uncounted, instances=None, why=why, remedy=remedy, command=None)
        series, instances = _sum(self.sightings, "gone")
        if series:
            why = "deleted at the source after they were taken; the dataset has them still (extract.deleted: keep)"
            remedy = "nothing to do; `extract.deleted: drop` takes them out of the next release"
            yield Stuck(what="deleted", series=series, instances=instances, why=why, remedy=remedy, command=None)

    def _in_state(self, state: Seen) -> int:
        return sum(sighting.state is state for sighting in self.sightings.values())


Short = dict[str, tuple[int, Shortfall]]


def short_of_pacs(workspace: Workspace, sightings: Mapping[str, Sighting]) -> tuple[Short, int]:
    """(missing, why) of each series of which the PACS has more than the source, and how many it would not count.

    What came by another way since the pull counts as arrived.
    """
    short: Short = {}
    uncounted = 0
    for entry in shortfalls(workspace):
        here = sightings[entry.unit].here if entry.unit in sightings else 0
        if entry.expected is None:
            uncounted += 1
        elif (missing := entry.expected - max(entry.arrived, here)) > 0:
            short[entry.unit] = (missing, Shortfall.of(entry.reason or Shortfall.NOT_ASKED))
    return short, uncounted


def _sum(sightings: Mapping[str, Sighting], name: str) -> tuple[int, int]:
    counts = [count for sighting in sightings.values() if (count := getattr(sighting, name))]
    return len(counts), sum(counts)
