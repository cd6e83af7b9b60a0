"""`python -m tests.gates`: seed every defect, judge every clean variant, and print which rule said what."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.gates.clean import CLEAN
from tests.gates.ground import Ground, blocking, made_up, of_hospital
from tests.gates.seeded import SEEDED


def main() -> int:
    """1 where a defect passed or was stopped by an unrelated rule, or a clean variant was stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.gates", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="on made-up tables alone, without a hospital")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        grounds = {"made-up tables": made_up(place / "ground")}
        if not quick:
            grounds["a hospital through the stages"] = of_hospital(place / "hospital")
        wrong = sum(_defects(name, ground) for name, ground in grounds.items()) + _clean(place, quick)
    return 1 if wrong else 0


def _defects(name: str, ground: Ground) -> int:
    print(f"Defects seeded into {name}\n")
    print("| defect | stopped by | seen from another side by | unrelated |\n|---|---|---|---|")
    stopped, unrelated = 0, 0
    for seeded in SEEDED:
        fails = ground.fails_of(seeded.plant(ground.curated), seeded.k)
        strays = [rule for rule in fails if rule != seeded.rule and rule not in seeded.also]
        also = [rule for rule in fails if rule in seeded.also]
        stopped, unrelated = stopped + (seeded.rule in fails), unrelated + bool(strays)
        said = f"`{seeded.rule}`" if seeded.rule in fails else "NOT STOPPED"
        print(f"| {seeded.what} | {said} | {_listed(also)} | {_listed(strays)} |", flush=True)
    print(f"\n{stopped} of {len(SEEDED)} stopped by the named rule, {unrelated} of them by an unrelated one too\n")
    return len(SEEDED) - stopped + unrelated


def _clean(place: Path, quick: bool) -> int:
    print("| clean variant | stopped by | warnings |\n|---|---|---|")
    variants = [variant for variant in CLEAN if not (quick and variant.hospital)]
    wrong = 0
    for number, variant in enumerate(variants):
        verdicts = variant.verdicts(place / f"clean-{number}")
        stops = blocking(verdicts)
        wrong += bool(stops)
        warned = [verdict.name for verdict in verdicts if not verdict.passed and verdict.name not in stops]
        print(f"| {variant.what} | {_listed(stops) or 'nothing'} | {_listed(warned)} |", flush=True)
    print(f"\n{wrong} of {len(variants)} clean variants stopped")
    return wrong


def _listed(rules: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{rule}`" for rule in rules)


if __name__ == "__main__":
    sys.exit(main())
