"""What dciodvfy (Debian's dicom3tools) has against a file: its lines of errors, or None where it isn't installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

_VALUE = re.compile(r"<[^<>]*>(?= for value)|\[[^\]]*\]|= <[^>]*>")

_UNREAD = ("Error - Tags out of order", "Error - Information Object Not found")


def errors(path: Path) -> Counter[str] | None:
    """The errors of a file, values taken out, by how often each comes."""
    program = shutil.which("dciodvfy")
    if program is None:
        return None
    done = subprocess.run([program, str(path)], capture_output=True, check=False, timeout=120)
    lines = (done.stderr + done.stdout).decode("latin-1").splitlines()
    return Counter(_VALUE.sub("", line).strip() for line in lines if line.startswith("Error"))


def new_errors(source: Path, output: Path) -> tuple[str, ...] | None:
    """Errors of `output` that `source` does not have; None where dciodvfy is missing or cannot read the source."""
    before, after = errors(source), errors(output)
    if before is None or after is None or any(line.startswith(_UNREAD) for line in before):
        return None
    return tuple(sorted(set(after) - set(before)))
