"""Which cases there are: numbered batches, each made from the seed and its number alone, so any can be run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.canary.check import PRESETS
from tests.canary.tokens import Mint
from tests.fuzz import seeds
from tests.fuzz.bombs import BOMBS
from tests.fuzz.damage import damaged
from tests.fuzz.generate import files
from tests.fuzz.judge import deidentifier

SIZE = 25
# Of twenty batches: made up by Hypothesis, damaged canary files, damaged real files, bombs.
_KINDS = (*("generated", "canary", "real") * 5, *("canary",) * 3, "real", "bomb")

Case = tuple[str, bytes, Mint, str]


def load() -> None:
    """Read files and tables now, so that workers that are forked later need not."""
    seeds.made_up()
    seeds.real()
    for preset in PRESETS:
        deidentifier(preset)


def kind_of(number: int, *, corpus: bool = True) -> str:
    """What batch `number` consists of."""
    kind = _KINDS[number % len(_KINDS)]
    return "canary" if kind == "real" and not (corpus and seeds.real()) else kind


def run(number: int, start: int, each: Callable[[Case], None]) -> None:
    """Give the cases of a batch to `each`: (name, content, canaries, preset)."""
    kind = kind_of(number)
    if kind == "generated":
        _generated(number, start, each)
        return
    for case in _damaged(number, start, kind):
        each(case)


def _damaged(number: int, start: int, kind: str) -> Iterator[Case]:
    random = Random(f"{start}-{number}")
    for place in range(SIZE):
        preset = PRESETS[place % len(PRESETS)]
        if kind == "bomb":
            bomb = random.choice(BOMBS)
            content, mint = bomb(random)
            yield bomb.__name__, content, mint, preset
            continue
        source = random.choice(seeds.made_up() if kind == "canary" else seeds.real())
        yield source.name, damaged(source.content, source.spots, random), source.mint, preset


def _generated(number: int, start: int, each: Callable[[Case], None]) -> None:
    done = 0

    @seed(start * 1_000_003 + number)
    @settings(
        max_examples=SIZE,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(files())
    def one(made: tuple[bytes, Mint]) -> None:
        nonlocal done
        done += 1
        each(("generated", *made, PRESETS[done % len(PRESETS)]))

    one()
