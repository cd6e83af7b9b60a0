"""`python -m tests.bench`: CPU a file of this engine, a plain copy and other de-identifiers on the same files."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench import command, memory, sets
from tests.bench.children import BENCH
from tests.bench.rounds import Times, measure, table
from tests.bench.work import PROGRAMS

COMMAND = "sluice command"
NAMES = (*PROGRAMS, COMMAND)
NOTE = """CPU is user and system time, without starting, importing and the first file. Outputs are new files. `sluice`
is without the residual check, `sluice+check` and `sluice command` are with it; text detection is sampled out in all
of them, `sluice+detection` looks at every image. Ratios are those of
the best rounds, and beside them the middle ones of the rounds' own ratios, which other work on the machine disturbs."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", default=",".join(NAMES), help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--files", type=int, default=60, help="images of the made-up series (default 60)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds (default 7)")
    parser.add_argument("--real", action="store_true", help="also the real files of the corpus beside the checkout")
    parser.add_argument("--memory", action="store_true", help="instead: the peak memory of a 2 GB file")
    parser.add_argument("--folder", type=Path, default=BENCH, help="where files are written (default .bench)")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(NAMES)}")
    options.folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        folder = Path(made)
        if options.memory:
            line, good = memory.report(folder)
            print(line)
            sys.exit(0 if good else 1)
        chosen = [sets.made_up(folder / "in", options.files)]
        if options.real:
            chosen += sets.real()
        for number, (what, files) in enumerate(chosen):
            programs = [name for name in names if name != COMMAND]
            times = measure(programs, files, options.rounds, folder / f"out{number}")
            print(f"{what}, {options.rounds} rounds\n{table(times)}\n", flush=True)
            if number == 0:
                print(f"{_verdict(times)}{NOTE}\n", flush=True)
        if COMMAND in names:
            _, files = sets.made_up(folder / "many", max(options.files, 300))
            print(command.report(files, 3, folder / "command"))


def _verdict(times: list[Times]) -> str:
    """How the wanted ratios of the issue are met."""
    by_name = {each.name: each for each in times if each.rounds}
    wanted = (
        ("sluice", "copyfile", 2.5, False),
        ("sluice+check", "copyfile", 4.0, False),
        ("dicognito", "sluice", 12.0, True),
        ("dicom-anonymizer", "sluice", 12.0, True),
    )
    lines = []
    for name, other, bound, at_least in wanted:
        if name in by_name and other in by_name:
            ratio = by_name[name].ratio(by_name[other])
            met = ratio >= bound if at_least else ratio <= bound
            bounds = f"at {'least' if at_least else 'most'} {bound:g} wanted"
            lines.append(f"{name} : {other} = {ratio:.2f}, {bounds}: {'met' if met else 'NOT MET'}")
    return "\n".join(lines) + "\n" if lines else ""


if __name__ == "__main__":
    main()
