"""The command `sluice deidentify` in processes of its own: what it costs to start, and what a file costs after that.

It is run on some files and on five times as many; the difference is what the further files cost. It always checks for
residue. One worker, so that the ratio to a copy says what the work costs and not how it is spread.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path
from shutil import rmtree

from tests.bench.children import Child, Unavailable

_SLUICE = Path(sys.executable).with_name("sluice")


def report(files: list[Path], rounds: int, folder: Path) -> str:
    """What to print of the command on `files`, a copy of the same files measured in between."""
    folder.mkdir(parents=True)
    key = folder / "key"
    key.write_text(bytes(range(32)).hex())
    key.chmod(0o600)
    copy = Child("copyfile", files[0], folder / "copyfile")
    few, every, copied = [], [], []
    fewer = len(files) // 5
    try:
        for _ in range(rounds):
            few.append(_cpu(files[:fewer], key, folder))
            every.append(_cpu(files, key, folder))
            copied.append(copy.run(files)["cpu"])
    except Unavailable as error:
        return f"sluice command: not run: {error}"
    finally:
        copy.close()
    each = (statistics.median(every) - statistics.median(few)) / (len(files) - fewer)
    ratio = each / (statistics.median(copied) / len(files))
    start = statistics.median(few) - each * fewer
    return (
        f"sluice command, one worker, {len(files)} files: start-up {1000 * start:.0f} ms of CPU, "
        f"each further file {1000 * each:.3f} ms, {ratio:.2f} x copyfile"
    )


def _cpu(files: list[Path], key: Path, folder: Path) -> float:
    """Seconds of CPU for a run on `files` into a new folder; raises `Unavailable` where it refuses one."""
    source, target = folder / "in", folder / "out"
    for place in (source, target):
        rmtree(place, ignore_errors=True)
    source.mkdir()
    for number, path in enumerate(files):
        os.link(path, source / f"{number:06d}.dcm")
    process = subprocess.Popen(
        [str(_SLUICE), "deidentify", str(source), str(target), "--key-file", str(key), "--workers", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.read().decode(errors="replace")
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    written = sum(1 for _ in target.rglob("*.dcm"))
    if process.returncode or written != len(files):
        last = (said.strip().splitlines() or ["nothing said"])[-1]
        raise Unavailable(f"it ended with {process.returncode} and {written} of {len(files)} files: {last}")
    return used.ru_utime + used.ru_stime
