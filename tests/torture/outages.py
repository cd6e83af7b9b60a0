"""What fails beside the run: a service is killed, the network troubled, a disk full."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.torture.play import Play, Unfinished
from tests.torture.proxy import network as troubled
from tests.torture.services import Service, service_of

ZONES = {
    "data/quarantine": 300,
    "data/deidentified": 900,
    "data/images": 60,
    "data/dataset": 90,
    "data/register": 500,
    ".dvc/cache": 500,
}
"""Zones of a workspace, with the kilobytes that are too few for it."""

_ENOUGH = "200m"
_GIVES_UP = 600.0
"""Seconds in which a run must see that a service stays away."""


def service(name: str, away: float | None) -> Callable[[Play], None]:
    """Killed while series are at work; back after `away` seconds, or once the run has ended."""

    def work(play: Play) -> None:
        server: Service = service_of(name, play)
        play.held.callback(server.kill)
        play.environment |= server.environment
        run = play.start()
        if not play.until(run, play.at_work, "the work on series"):
            raise Unfinished(f"the run ended before the kill: {run.words()}")
        server.kill()
        play.disturbed += 1
        if away is None:
            began = time.monotonic()
            code = run.wait(_GIVES_UP)
            play.remark(run, code)
            play.remarks.append(f"it gave up after {time.monotonic() - began:.0f} s")
            server.start()
            play.finish()
            return
        time.sleep(away)
        server.start()
        code = run.wait()
        if code:
            play.remark(run, code)
            play.finish()
        play.check_nobody_lingers()

    return work


def network(trouble: str, seed: int) -> Callable[[Play], None]:
    """Orthanc behind a network with `trouble`; "cut" is one that is gone for 20 seconds, "flaps" for each other."""

    def work(play: Play) -> None:
        net = play.held.enter_context(troubled(play.ground.orthanc.url, trouble, seed))
        play.environment["SLUICE_ORTHANC_URL"] = net.url
        run = play.start()
        if trouble == "cut":
            play.until(run, play.at_work, "the work on series")
            net.cut = True
            time.sleep(20)
            net.cut = False
        while trouble == "flaps" and not run.ended:
            time.sleep(1.0)
            net.cut = not net.cut and play.at_work()
        net.cut = False
        code = run.wait()
        play.disturbed = net.harmed
        if code:
            play.remark(run, code)
            play.finish()
        if not play.disturbed:
            raise Unfinished("no request was harmed")

    return work


def disk(zone: str, kilobytes: int) -> Callable[[Play], None]:
    """A zone on a disk that is too small; after the run has ended the disk grows."""

    def work(play: Play) -> None:
        place = play.workspace.root / zone
        place.mkdir(parents=True, exist_ok=True)
        _mount(place, f"size={kilobytes}k,mode=700")
        play.held.callback(_unmount, place)
        run = play.start()
        code = run.wait()
        if code == 0:
            raise Unfinished(f"{kilobytes} kB were enough for {zone}")
        play.disturbed += 1
        play.remark(run, code)
        _mount(place, f"remount,size={_ENOUGH}")
        play.finish()

    return work


def _mount(place: Path, options: str) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        raise Unfinished("no file system may be mounted here, so no disk can be filled")


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)
