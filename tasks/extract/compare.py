"""What a look at the source found against what was taken before: late, deleted, and changed under the same UID.

The cost is two statements and whatever changed: a look that finds nothing new does no work a series.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tasks.core.models import Cohort, Item, State, Unit
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.extract.select import Selection, make_unit
from tasks.extract.source import Series
from tasks.record.ledger import Ledger
from tasks.record.sightings import Marks, Seen, Sighting, read_marks, read_sightings

logger = logging.getLogger(__name__)

_ON_THE_WAY = frozenset({State.DISCOVERED, State.EXTRACTED})


@dataclass
class Compared:
    """What follows for the cohort. `kept` are units that the source no longer has and the dataset keeps, `dropped`
    those that leave with them; `sightings` are what is new to the ledger, with the `marks` that changed.
    """

    units: dict[str, Unit]
    refused: list[Item] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    sightings: list[Sighting] = field(default_factory=list)
    marks: dict[str, Marks] = field(default_factory=dict)

    @classmethod
    def plain(cls, selection: Selection) -> Compared:
        """What was found, as it was found."""
        return cls({unit.unit: unit for unit in selection.cohort.units})


def compare(workspace: Workspace, before: Cohort | None, selection: Selection, ledger: Ledger) -> Compared:
    """Compare a look with the cohort `before` and with the sightings in the ledger."""
    known = read_sightings(ledger.database)
    former = {unit.unit: unit for unit in before.units} if before else {}
    states = ledger.states(former.values())
    taken = {name for name, state in states.items() if state not in _ON_THE_WAY} - selection.left_over
    keep = workspace.settings.extract.deleted == "keep"
    compared, key = Compared.plain(selection), workspace.pseudonymiser
    fresh = [
        name
        for name, unit in compared.units.items()
        if name not in known or name not in former or former[name].fingerprint != unit.fingerprint
    ]
    was = read_marks(ledger.database, fresh)
    seen = {name: _there(known, name, here) for name, here in selection.here.items()}
    for name in fresh:
        seen[name] = _look_closer(
            compared, selection, key, seen[name], former.get(name), was.get(name), keep=keep and name in taken
        )
    selection.leave_out({item.item for item in compared.refused})
    seen |= _not_there(compared, selection, known, former, taken, keep=keep)
    compared.sightings = [sighting for name, sighting in sorted(seen.items()) if known.get(name) != sighting]
    return compared


def unit_of_deleted(item: Item) -> str:
    """The unit that an item refused as `deleted-at-source` stands for."""
    return item.item.rsplit("-", 1)[0]


def _there(known: Mapping[str, Sighting], name: str, here: int) -> Sighting:
    """A series that was looked at: nothing of it is missing unless a closer look says so."""
    return known.get(name, Sighting(unit=name, state=Seen.THERE)).model_copy(
        update={"state": Seen.THERE, "here": here, "gone": 0}
    )


def _look_closer(
    compared: Compared,
    selection: Selection,
    key: Pseudonymiser,
    sighting: Sighting,
    former: Unit | None,
    was: Marks | None,
    *,
    keep: bool,
) -> Sighting:
    """Compare a series instance by instance; puts the unit that follows, and its marks, into `compared`."""
    name, series = sighting.unit, selection.found[sighting.unit]
    marks = {key.token("sop", found.sop_uid): found for found in series.instances}
    sizes = {mark: found.size for mark, found in marks.items()}
    if was is None:
        compared.marks[name] = sizes
        return sighting
    changed = {mark for mark in sizes.keys() & was.keys() if sizes[mark] != was[mark]}
    late, gone = len(sizes.keys() - was.keys()), len(was.keys() - sizes.keys())
    if former and keep and gone and not late and not changed:
        compared.units[name] = former
        return sighting.model_copy(update={"gone": gone, "changed": 0})
    if changed:
        _refuse_changed(compared, key, series, {marks[mark].locator for mark in changed})
    compared.marks[name] = {mark: was.get(mark, size) for mark, size in sizes.items()}
    told = {"changed": len(changed)}
    if former:
        told |= {"late": sighting.late + late, "lost": sighting.lost + gone}
        if late:
            logger.info("series %s: %d instances came after it was taken; it is done again", name, late)
    return sighting.model_copy(update=told)


def _refuse_changed(compared: Compared, key: Pseudonymiser, series: Series, locators: set[str]) -> None:
    """Refuse the instances at `locators`, which hold other bytes than were taken under their UIDs before."""
    compared.refused += [Item.refused(key.item(locator), Reason.UID_COLLISION) for locator in sorted(locators)]
    left = tuple(found for found in series.instances if found.locator not in locators)
    unit, _ = make_unit(replace(series, instances=left), key)
    if left:
        compared.units[unit.unit] = unit
    else:
        del compared.units[unit.unit]


def _not_there(
    compared: Compared,
    selection: Selection,
    known: Mapping[str, Sighting],
    former: Mapping[str, Unit],
    taken: set[str],
    *,
    keep: bool,
) -> dict[str, Sighting]:
    """The series that are held back, still arriving, or no longer at the source."""
    found = {
        name: _there(known, name, selection.here[name]).model_copy(update={"state": Seen.SHORT})
        for name in selection.short
    }
    for name in selection.unstable_units:
        former_sighting = known.get(name, Sighting(unit=name, state=Seen.ARRIVING))
        found[name] = former_sighting.model_copy(update={"state": Seen.ARRIVING})
    if selection.present is None:
        return found
    for name in former.keys() - selection.present:
        sighting = known.get(name, Sighting(unit=name, state=Seen.GONE))
        expected = former[name].expected
        if keep and name in taken:
            compared.kept.add(name)
            found[name] = sighting.model_copy(update={"state": Seen.GONE, "here": 0, "gone": expected})
            continue
        compared.dropped.add(name)
        lost = {"state": Seen.GONE, "here": 0, "gone": 0, "lost": sighting.lost + expected}
        found[name] = sighting.model_copy(update=lost)
        if name not in taken:
            items = (f"{name}-{number}" for number in range(expected))
            compared.refused += [Item.refused(item, Reason.DELETED_AT_SOURCE) for item in items]
    waiting = {name for name, sighting in known.items() if sighting.state in (Seen.ARRIVING, Seen.SHORT)}
    for name in waiting - selection.present - former.keys():
        found[name] = known[name].model_copy(update={"state": Seen.GONE, "here": 0})
    return found
