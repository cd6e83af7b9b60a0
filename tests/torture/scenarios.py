"""The list of scenarios: a name, and what is done to a workspace, which is in `kills`, `outages` and `crowds`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.torture import crowds, kills, outages
from tests.torture.boundaries import points
from tests.torture.play import Play
from tests.torture.proxy import TROUBLES


@dataclass(frozen=True)
class Scenario:
    """`work` disturbs a run and restarts until it ends; `postgres`: where the register is."""

    name: str
    work: Callable[[Play], None]
    postgres: bool = True


def scenarios(random_kills: int, seed: int) -> Iterator[Scenario]:
    """All of them; the long ones first, so that two jobs end at about the same time."""
    for service in ("Orthanc", "PostgreSQL", "Prefect"):
        yield Scenario(f"{service} killed, back after 3 s", outages.service(service, away=3.0))
        yield Scenario(f"{service} killed, away until the run gave up", outages.service(service, away=None))
    for trouble in TROUBLES:
        yield Scenario(f"network: {trouble}", outages.network(trouble, seed))
    yield Scenario("network: cut for 20 s", outages.network("cut", seed))
    yield Scenario("network: flaps each second", outages.network("flaps", seed))
    for zone, kilobytes in outages.ZONES.items():
        yield Scenario(f"disk full in {zone}", outages.disk(zone, kilobytes), postgres=zone != "data/register")
    for hours in (2, -2):
        yield Scenario(f"clock jumps by {hours:+d} h", crowds.clock(hours), postgres=False)
        yield Scenario(f"clock jumps by {hours:+d} h beside another worker", crowds.clock_beside(hours), postgres=False)
    yield Scenario("two workers", crowds.two_workers)
    yield Scenario("two workers on SQLite", crowds.two_workers, postgres=False)
    yield Scenario("two workers, one killed", crowds.one_killed)
    yield Scenario("two workers, one stopped past its lease", crowds.one_stopped)
    for number, point in enumerate(points()):
        yield Scenario(point.title, kills.at(point), postgres=number % 4 < 2)
    yield Scenario("killed three times, the second in recovery", kills.in_recovery)
    yield Scenario("killed between the two renames of a second release", kills.over_a_release)
    chance = random.Random(seed)
    for number in range(random_kills):
        share, group = chance.random(), chance.random() < 0.5
        title = f"kill at {share:.0%} of a run ({'all' if group else 'driver'}) #{number + 1}"
        yield Scenario(title, kills.at_share(share, group), postgres=number % 2 == 0)
