"""`python -m tests.ibsi`: a table of how many reference values are met, and each that isn't; fails if any.

`--time` races z-rad on the same arrays instead; fails where we take more than 1.1 times as long.
"""

from __future__ import annotations

import sys

import numpy as np

from tests.ibsi.cases import REFERENCE, load_ct_phantom, run_configurations, run_phantom
from tests.ibsi.compare import compare, read_references
from tests.ibsi.phantom import IMAGE, MASK
from tests.ibsi.timing import ALL, race


def main(arguments: list[str]) -> int:
    """The table of values; with --time that of times against z-rad alone, configurations D and E as well."""
    if not REFERENCE.is_file():
        print(f"no {REFERENCE.name} beside the checkout: put the third-party corpus there")
        return 2
    if "--time" in arguments:
        return print_times()
    references = read_references(REFERENCE)
    print(f"{'data set':18} {'part':12} {'met':>6} {'of':>6} {'seconds':>8}")
    failed = total = 0
    for answer in (run_phantom(np.array(IMAGE), np.array(MASK, bool)), *run_configurations()):
        own = [one for one in references if one.dataset == answer.name]
        for part in ("features", "diagnostics"):
            chosen = [one for one in own if one.family.startswith("Diagnostics") == (part == "diagnostics")]
            if not chosen:
                continue
            score = compare(answer.values, chosen)
            seconds = f"{answer.seconds:8.2f}" if part == "features" else ""
            print(f"{answer.name:18} {part:12} {score.met:6} {score.total:6} {seconds}")
            for tag, value, expected, tolerance in score.missed:
                print(f"    {tag}: {value} instead of {expected} +- {tolerance}")
            failed += score.total - score.met
            total += score.total
        for problem in answer.problems:
            print(f"    {problem}")
    print(f"{'all':31} {total - failed:6} {total:6}")
    return int(failed > 0)


def print_times() -> int:
    image, grid, roi = load_ct_phantom()
    print(f"{'configuration':14} {'ours s':>7} {'z-rad s':>8} {'ratio':>6}  largest relative difference")
    slow = 0
    for name in ALL:
        one = race(name, image, roi.mask, grid.spacing)
        ratio = one.ours / one.theirs
        print(f"{name:14} {one.ours:7.2f} {one.theirs:8.2f} {ratio:6.2f}  {one.difference:.1e} {one.tag}")
        slow += ratio > 1.1
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
