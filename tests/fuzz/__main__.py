"""`python -m tests.fuzz --cases 20000 --seed 1`: outcomes of damaged and made-up files; fails where one is at fault."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.canary.check import PRESETS
from tests.canary.tokens import Mint
from tests.fuzz.crew import Fault, Result, run
from tests.fuzz.judge import judge


def main() -> None:
    """Run the cases and print, or run a saved file again."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--kind", default="", help="generated, canary, real or bomb alone")
    parser.add_argument("--save", type=Path, help="a folder for the files that fail")
    parser.add_argument("--file", type=Path, help="run one saved file again (canaries are not looked for)")
    parser.add_argument("--preset", choices=PRESETS, default="basic", help="with --file")
    options = parser.parse_args()
    if options.file:
        with TemporaryDirectory() as folder:
            print(judge(options.file.read_bytes(), Mint(), options.preset, Path(folder)))
        return

    def tell(result: Result) -> None:
        done = f"{result.cases} of {options.cases} cases in {result.seconds:.0f} s, {len(result.faults)} faults"
        print(done, file=sys.stderr, flush=True)

    result = run(options.cases, options.seed, options.workers, options.kind, tell)
    if options.save:
        for fault in result.faults:
            save(fault, options.save)
    print(report(result, options.seed, options.save))
    sys.exit(1 if result.faults else 0)


def report(result: Result, start: int, folder: Path | None) -> str:
    """Counts by outcome, and each kind of fault once with an example."""
    kinds = sorted({kind for kind, _ in result.counts})
    outcomes = Counter[str]()
    for (_, outcome), count in result.counts.items():
        outcomes[outcome] += count
    lines = [f"{'outcome':<24}" + "".join(f"{kind:>11}" for kind in kinds) + f"{'all':>9}"]
    for outcome, count in outcomes.most_common():
        lines.append(
            f"{outcome:<24}" + "".join(f"{result.counts[kind, outcome]:>11}" for kind in kinds) + f"{count:>9}"
        )
    rate = 1000 * result.seconds / max(1, result.cases)
    lines.append(
        f"{result.cases} cases (seed {start}), {rate:.1f} ms a case, slowest {result.slowest:.2f} s of CPU; "
        f"{len(result.faults)} faults"
    )
    if result.moved:
        told = ", ".join(f"{name} {count}" for name, count in result.moved.most_common(12))
        lines.append(f"canaries that damage moved into attributes E.1-1 does not list: {result.moved.total()} ({told})")
    examples: dict[str, list[Fault]] = {}
    for fault in result.faults:
        examples.setdefault(_kind(fault), []).append(fault)
    for faults in sorted(examples.values(), key=len, reverse=True):
        first = faults[0]
        lines.append(f"{len(faults):>5} x {first.what[:300]}")
        lines.append(f"        e.g. batch {first.batch}, case {first.place} ({first.name}), {again(first, folder)}")
    return "\n".join(lines)


def save(fault: Fault, folder: Path) -> None:
    """Write the file that a fault came from."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _file_name(fault)).write_bytes(fault.content)


def again(fault: Fault, folder: Path | None) -> str:
    """The command that runs it again."""
    where = (folder or Path("FOLDER")) / _file_name(fault)
    return f"python -m tests.fuzz --preset {fault.preset} --file {where}"


def _file_name(fault: Fault) -> str:
    return f"{fault.batch:05d}-{fault.place:02d}.dcm"


def _kind(fault: Fault) -> str:
    """What faults have in common: the exception and its place, or the attribute."""
    return fault.what.split(" in ")[-1] if fault.what.startswith("leak") else fault.what.split(" for a file")[0][:60]


if __name__ == "__main__":
    main()
