"""`python -m tests.benchtransform`: DICOM to PNG beside the plain way, and `features` beside z-rad, as Markdown.

Fails (exit code 1) where an uncompressed slice is not at least 4 times faster, 8 and 16 bit, by the middle round.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from tests.benchtransform.rounds import lines, measure
from tests.benchtransform.slices import ENCODINGS, write_slices
from tests.benchtransform.ways import WAYS, prepare

WANTED = 4.0
ONE = "ours, file to PNG"


def main(arguments: list[str]) -> int:
    """Measure and print; 1 where a figure is not met."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchtransform", description=__doc__)
    parser.add_argument("--slices", type=int, default=12, help="slices of the made-up series (default 12)")
    parser.add_argument("--rounds", type=int, default=9, help="rounds (default 9)")
    parser.add_argument("--only", choices=("png", "features"), help="one of the two tables")
    options = parser.parse_args(arguments)
    prepare()
    failed = 0
    if options.only != "features":
        failed += pictures(options.slices, options.rounds)
    if options.only != "png":
        from tests.benchtransform.features import report

        failed += report(max(3, options.rounds // 3))
    return int(failed > 0)


def pictures(count: int, rounds: int) -> int:
    """The table of pictures; how many figures are not met."""
    print("| 512² CT slice to 256² PNG | way | CPU ms a slice, min / median / max | times faster, paired |")
    print("|---|---|---|---|")
    failed = 0
    memory = Path("/dev/shm")  # where there is one, so that no disk is measured
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        for encoding in ENCODINGS:
            files = write_slices(Path(made) / encoding.replace(" ", ""), encoding, count)
            for bits in (8, 16) if encoding == "uncompressed" else (8,):
                names = list(WAYS) if encoding == "uncompressed" else ["plain", ONE]
                timed = measure(names, files, Path(made) / "out", bits, rounds)
                print("\n".join(lines(f"{encoding}, {bits} bit", timed)), flush=True)
                if encoding == "uncompressed":
                    ratio = statistics.median(timed[1].ratios(timed[0]))
                    failed += ratio < WANTED
    print(
        f"\nAt least {WANTED:g} times faster is wanted, file to PNG, uncompressed: {'NOT MET' if failed else 'met'}\n"
    )
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
