"""`python -m tests.bench --memory`: the most memory that a multi-frame file of 2 GB takes, up to writing it.

The file is sparse where the file system allows it, its output is not; both are deleted. Works on Linux, where a process
knows its own peak.
"""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

from tests.bench.children import ROOT
from tests.canary.base import base, tag_of
from tests.canary.tokens import Mint
from tests.canary.writing import Element

LIMIT = 300 * 2**20
_SIDE = 1024
_CHILD = """
import sys, time
from pathlib import Path
from tasks.core.pseudonyms import Pseudonymiser
from tasks.deidentify.parts import write
from tests.bench.engine import deidentifier
outcome = deidentifier(Pseudonymiser(bytes(range(32))), check=True, detect=True).deidentify(Path(sys.argv[1]), "item")
reason = outcome.reason.code if outcome.reason else "released"
if outcome.parts:
    write(outcome.parts, Path(sys.argv[2]))
for path in outcome.temporary:
    path.unlink()
peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
print(reason, int(peak) * 1024, time.process_time())
"""


def make_file(path: Path, size: int) -> int:
    """Write a CT whose frames make about `size` bytes, most of them a hole in the file; returns how many frames."""
    frames = size // (2 * _SIDE * _SIDE)
    file = base(Mint())
    for keyword in ("Rows", "Columns"):
        file.body[tag_of(keyword)] = Element("US", struct.pack("<H", _SIDE))
    file.body[tag_of("NumberOfFrames")] = Element("IS", str(frames).encode())
    del file.body[tag_of("PixelData")]
    length = frames * 2 * _SIDE * _SIDE
    with path.open("wb") as handle:
        handle.write(file.content() + struct.pack("<HH2sHL", 0x7FE0, 0x10, b"OW", 0, length))
        handle.truncate(handle.tell() + length)
    return frames


def measure(folder: Path, size: int) -> tuple[str, int, float]:
    """(outcome, peak of resident memory in bytes, seconds of CPU) for a file of `size` bytes."""
    source, target = folder / "large.dcm", folder / "clean.dcm"
    make_file(source, size)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CHILD, str(source), str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    outcome, peak, seconds = done.stdout.split()
    written = target.stat().st_size if target.exists() else 0
    if outcome == "released" and written < size - 4 * _SIDE * _SIDE:
        raise RuntimeError(f"the output has {written} bytes of {size}")
    return outcome, int(peak), float(seconds)


def report(folder: Path, size: int = 2 * 10**9) -> tuple[str, bool]:
    """What to print, and whether memory stayed within its limit with the file released."""
    outcome, peak, seconds = measure(folder, size)
    line = (
        f"{size / 1e9:.1f} GB multi-frame: {outcome}, peak {peak / 2**20:.0f} MB (at most 300), {seconds:.1f} s of CPU"
    )
    return line, outcome == "released" and peak < LIMIT
