"""`python -m tests.torture`: disturbs runs in every way that is listed, and prints what came of it as a table."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path

from tests.torture.ground import Ground, laid, quiet
from tests.torture.play import RUNS, Play
from tests.torture.row import Row, perform, table
from tests.torture.scenarios import Scenario, scenarios

WARM_UP = ("first",)
"""Runs before the reference, so that the caches of the machine are warm when it is measured."""


def main() -> None:
    """Run what is asked for, print the table, and end with 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="scenarios whose name holds one of these")
    parser.add_argument("--kills", type=int, default=40, help="kills at random moments (default 40)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments and the network's troubles")
    parser.add_argument("--jobs", type=int, default=2, help="scenarios at the same time (default 2)")
    parser.add_argument("--out", type=Path, help="a file for the table too")
    parser.add_argument("--keep", type=Path, help="a new folder for the workspaces; those that failed stay")
    parser.add_argument("--list", action="store_true", help="only list the scenarios")
    options = parser.parse_args()
    chosen = [
        scenario
        for scenario in scenarios(options.kills, options.seed)
        if not options.only or any(word in scenario.name for word in options.only)
    ]
    if options.list or not chosen:
        print("\n".join(scenario.name for scenario in chosen) or "no scenario has that in its name: see --list")
        sys.exit(0 if chosen else 2)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what is in the background without it
    quiet()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-torture-", ignore_cleanup_errors=True) as made:
        folder = options.keep.resolve() if options.keep else Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        rows = torture(folder, chosen, options.jobs)
    text = table(rows, time.monotonic() - began)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    sys.exit(0 if rows and all(row.good for row in rows) and len(rows) == len(chosen) else 1)


def torture(folder: Path, chosen: list[Scenario], jobs: int) -> list[Row]:
    """Every scenario of `chosen` in `folder`, `jobs` at a time; services and runs end with it, however it ends."""
    rows: dict[str, Row] = {}
    RUNS.over = False
    try:
        with laid(folder, _say) as ground, ExitStack() as held:
            held.callback(RUNS.end)
            _reference(ground)
            threads = ThreadPoolExecutor(jobs)  # each starts its services itself: the kernel ties them to their thread
            held.callback(threads.shutdown, cancel_futures=True)
            held.callback(RUNS.end)  # first, so that nobody waits for a run that goes on
            for future in as_completed([threads.submit(perform, ground, scenario) for scenario in chosen]):
                row = future.result()
                rows[row.name] = row
                _say(f"{len(rows)} of {len(chosen)}  {row.line}")
    except KeyboardInterrupt:
        _say("stopped")
    return [rows[scenario.name] for scenario in chosen if scenario.name in rows]


def _reference(ground: Ground) -> None:
    """The undisturbed run: the release that all others are held against, and the time that it takes."""
    for name in (*WARM_UP, "reference"):
        play = Play.prepare(ground, name)
        began = time.monotonic()
        play.finish(tries=1)
        ground.seconds = time.monotonic() - began
    ground.reference = play.workspace
    _say(f"an undisturbed run takes {ground.seconds:.1f} s")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
