"""SIGKILL: at an exact place, at a share of the time that a run takes, in the recovery itself, over a release."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.torture.boundaries import LEDGER, Point
from tests.torture.play import Play, Unfinished


def at(point: Point) -> Callable[[Play], None]:
    """Killed at `point`, and started again at once, as a supervisor does."""

    def work(play: Play) -> None:
        if point.there:
            _slow_commits(play)
        if point.whom == "pool":
            _without_its_helper(play, point)
            return
        play.kill_at(point)
        play.finish()

    return work


def at_share(share: float, group: bool) -> Callable[[Play], None]:
    """Killed after `share` of the time that an undisturbed run takes."""

    def work(play: Play) -> None:
        run = play.start()
        time.sleep(share * play.ground.seconds)
        if run.ended:
            play.remarks.append("it was over before")
        else:
            run.kill(group=group)
            play.disturbed += 1
        play.finish()

    return work


def in_recovery(play: Play) -> None:
    """Killed at work, then while it puts that right, then in what it had left."""
    play.kill_at(Point("record deidentify", f"{LEDGER}.record", "before", 3, "^deidentify$", whom="group"))
    play.kill_at(Point("the return of leases", f"{LEDGER}.return_leases", "after"))
    play.kill_at(Point("record transform", f"{LEDGER}.record", "after", 2, "^transform$"))
    play.finish()


def over_a_release(play: Play) -> None:
    """Killed between taking the former release away and putting the new one in its place."""
    play.finish()
    (play.workspace.dataset / "release.json").unlink()  # so that the next run makes it again
    away = r"/dataset/\.heart\.former$"
    play.kill_at(Point("the rename of the former release", "pathlib:Path.replace", "after", 1, away))
    play.finish()


def _without_its_helper(play: Play, point: Point) -> None:
    """A process of the pool dies: the run itself does its work again, and needs no restart."""
    run = play.start(point)
    code = run.wait()
    if not (play.folder / "marks-1.struck").exists():
        raise Unfinished(f"no process of the pool came to {point.name}")
    play.disturbed += 1
    if code:
        play.remark(run, code)
        play.finish()
    play.check_nobody_lingers()


def _slow_commits(play: Play) -> None:
    """A hook that takes a second, so that a kill surely comes while git holds its lock."""
    hook = Path(play.workspace.root / ".git" / "hooks" / "pre-commit")
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nsleep 2\n")
    hook.chmod(0o755)
