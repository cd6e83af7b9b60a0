"""Several workers on one workspace, and clocks that jump under them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.torture.boundaries import LEDGER, Point
from tests.torture.play import Play, Run, Unfinished

LEASE = 8.0
_STOP = Point("record deidentify", f"{LEDGER}.record", "before", 3, "^deidentify$", whom="stop")


def two_workers(play: Play) -> None:
    """Both end well, and one of them releases."""
    _all_well(play, [play.start(), play.start()])


def one_killed(play: Play) -> None:
    """One is killed at work; the other needs no restart."""
    first = play.start(Point("record transform", f"{LEDGER}.record", "before", 2, "^transform$", whom="group"))
    other = play.start()
    if first.wait() != -signal.SIGKILL:
        play.remarks.append("the first found no work, so none was killed")
    else:
        first.killed_at = time.monotonic()
        play.disturbed += 1
    _all_well(play, [other])


def one_stopped(play: Play) -> None:
    """One stands still until its series were taken over, then goes on; both end well."""
    first = play.start(_STOP)
    struck = play.folder / "marks-1.struck"
    if not play.until(first, struck.exists, "the stop"):
        raise Unfinished(f"the run ended before the stop: {first.words()}")
    play.disturbed += 1
    other = play.start()
    time.sleep(LEASE + 4.0)
    first.child.send_signal(signal.SIGCONT)
    _all_well(play, [first, other])


def clock(hours: int) -> Callable[[Play], None]:
    """The machine's clock jumps while series are at work."""

    def work(play: Play) -> None:
        run = _jumping(play, hours)
        if code := run.wait():
            play.remark(run, code)
            play.finish()

    return work


def clock_beside(hours: int) -> Callable[[Play], None]:
    """The clock of one worker jumps, and the other's doesn't: leases end early, or never."""

    def work(play: Play) -> None:
        run = _jumping(play, hours)
        _all_well(play, [run, play.start()])

    return work


def _jumping(play: Play, hours: int) -> Run:
    library = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
    if library is None:
        raise Unfinished("libfaketime is not installed: apt-get install libfaketime")
    shift = play.folder / "clock"
    shift.write_text("+0\n")
    faked = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(shift)}
    run = play.start(more={**faked, "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    if not play.until(run, play.at_work, "the work on series"):
        raise Unfinished(f"the run ended before the jump: {run.words()}")
    shift.write_text(f"{hours * 3600:+d}\n")
    play.disturbed += 1
    return run


def _all_well(play: Play, runs: list[Run]) -> None:
    for run in runs:
        if code := run.wait():
            play.remark(run, code)
            play.restarts += 1
            play.finish()
    play.check_nobody_lingers()
