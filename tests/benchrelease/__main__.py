"""`python -m tests.benchrelease` (`make bench-release`): times and bytes of a large release, as a Markdown table.

Commands are timed from cold, as a user waits for them: interpreter, imports and all; the best of some rounds, by the
clock and by the processor. `import dvc.repo` is beside them, to tell how busy the machine is and what DVC itself takes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tasks.core.workspace import VARIABLE, Workspace
from tasks.export.stage import export
from tasks.record.ledger import Ledger
from tasks.record.releases.release import STAGES, publish
from tasks.record.releases.versioning import commit_stages
from tests.benchrelease.made import SLICES, fill, size_of
from tests.support.fake_stages import copy_pipeline
from tests.support.places import ROOT, make_workspace
from tests.support.timed import Timed, best_of

STATUS, DIFF = 3.0, 2.0
"""Seconds that `dvc status` and `sluice release diff` may take, by the issue."""


def main() -> int:
    """Make the releases, time what is asked of them, print the table; 1 where a bound isn't met."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchrelease", description=__doc__)
    parser.add_argument("--instances", type=int, default=10_000, help="of the first release (default 10000)")
    parser.add_argument("--rounds", type=int, default=3, help="of each timed command (default 3)")
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="where it is made (default .bench)")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        rows = list(_measured(Path(made).resolve(), max(options.instances // SLICES, 2), options.rounds))
    print("| what | measured | wanted |\n|---|---|---|")
    for what, told, wanted, _ in rows:
        print(f"| {what} | {told} | {wanted} |")
    return 0 if all(good for *_, good in rows) else 1


def _measured(root: Path, series: int, rounds: int) -> Iterator[tuple[str, str, str, bool]]:
    workspace = make_workspace(root / "workspace")
    copy_pipeline(ROOT, workspace)
    cache, store = workspace.root / ".dvc" / "cache", workspace.root / "data"
    first = fill(workspace, 0, series)
    whole = _released(workspace)
    held = size_of(cache)
    told = f"{series * SLICES} instances, {first / 1e6:.1f} MB of images and archives"
    yield f"first release: {told}", f"{whole}, {held / 1e6:.1f} MB in DVC's cache", "", True
    seconds = _best(rounds, [sys.executable, "-c", "import dvc.repo"], workspace.root)
    yield "`import dvc.repo` alone", str(seconds), "", True
    seconds = _best(rounds, [sys.executable, "-m", "dvc", "status"], workspace.root)
    yield "`dvc status`, nothing changed", str(seconds), f"{STATUS:g} s", seconds.wall <= STATUS
    added = fill(workspace, series, series + 1)
    once = _released(workspace)
    grown = size_of(cache) - held
    share = 1 / series
    spent = f"{once} ({once.wall / whole.wall:.0%} of the whole, {once.cpu / whole.cpu:.0%} of its CPU)"
    told = f"{spent}, {grown / 1e6:.2f} MB for {added / 1e6:.2f} MB of its own"
    yield f"one study more ({share:.1%} of it)", told, "in proportion", True
    listings = sum(path.stat().st_size for path in cache.rglob("*.dir")) / 2
    tables = sum(path.stat().st_size for path in store.rglob("*.parquet"))
    yield "  of which listings and tables, once a release", f"{listings / 1e6:.2f} + {tables / 1e6:.2f} MB", "", True
    sluice = [sys.executable, "-m", "flows", "release"]
    seconds = _best(rounds, [*sluice, "diff", "v1", "v2"], workspace.root)
    yield "`sluice release diff v1 v2`", str(seconds), f"{DIFF:g} s", seconds.wall <= DIFF
    seconds = _best(rounds, [*sluice, "verify", str(workspace.dataset)], workspace.root)
    yield "`sluice release verify`", str(seconds), "", True
    seconds = _best(rounds, [*sluice, "list"], workspace.root)
    yield "`sluice release list`", str(seconds), "", True


def _released(workspace: Workspace) -> Timed:
    """Seconds from the curated tables to a published release: export, DVC, commit, tag and register."""
    before, begun = os.times(), time.monotonic()
    export(workspace)
    commit_stages(workspace.root, STAGES)
    with Ledger.open(workspace) as ledger:
        made = publish(workspace, ledger)
    assert made is not None
    return Timed(time.monotonic() - begun, sum(os.times()[:4]) - sum(before[:4]))


def _best(rounds: int, command: list[str], root: Path) -> Timed:
    return best_of(rounds, command, root, {VARIABLE: str(root), "PYTHONPATH": str(ROOT)})


if __name__ == "__main__":
    sys.exit(main())
