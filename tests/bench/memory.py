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
engine = deidentifier(Pseudonymiser(bytes(range(32))), check=True, detect=sys.argv[3] == "detect")
outcome = engine.deidentify(Path(sys.argv[1]), "item")
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
        begin = handle.tell()
        handle.truncate(begin + length)
        for frame in range(frames):  # no two alike
            handle.seek(begin + frame * 2 * _SIDE * _SIDE + frame % _SIDE)
            handle.write(struct.pack("<H", 1000 + frame) * _SIDE)
    return frames


def measure(source: Path, target: Path, how: str) -> tuple[str, int, float]:
    """(outcome, peak of resident memory in bytes, seconds of CPU) for a file; `how` is `detect` or `sample`."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CHILD, str(source), str(target), how],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    outcome, peak, seconds = done.stdout.split()
    if outcome == "released" and target.stat().st_size < 0.99 * source.stat().st_size:
        raise RuntimeError(f"the output has {target.stat().st_size} bytes of {source.stat().st_size}")
    target.unlink(missing_ok=True)
    return outcome, int(peak), float(seconds)


def report(folder: Path, size: int = 2 * 10**9) -> tuple[str, bool]:
    """What to print, and whether memory stayed within its limit with the file released."""
    source, target = folder / "large.dcm", folder / "clean.dcm"
    frames = make_file(source, size)
    lines, good = [f"{size / 1e9:.1f} GB, {frames} frames, residual check included (at most 300 MB wanted)"], True
    for how, words in (("sample", "not looked at for text"), ("detect", "looked at for text")):
        outcome, peak, seconds = measure(source, target, how)
        lines.append(f"{words}: {outcome}, peak {peak / 2**20:.0f} MB, {seconds:.1f} s of CPU")
        good &= outcome == "released" and peak < LIMIT
    return "\n".join(lines), good
