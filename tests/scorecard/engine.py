"""Running the de-identifier as its users do: the command `sluice deidentify` over a folder, with its mapping.

The only module of the scorecard that knows of the project's own code; it imports none of it.
"""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.places import ROOT

REFUSED_SOME = 5
TIMEOUT = 3600
TELL_EVERY = 30.0  # seconds

Told = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """What a run left: the outputs, what became of each file of the source, and the mapping in MIDI-B's form."""

    target: Path
    outcomes: dict[str, str]  # path in the source -> "kept" or a reason
    uids: dict[str, str]
    patients: dict[str, str]
    seconds: float


def deidentify(source: Path, place: Path, profile: str, workers: int, told: Told = lambda _: None) -> Run:
    """De-identify `source` into `place`/out; raises `RuntimeError` with the command's words where it fails.

    `told` hears now and then how many outputs there are.
    """
    key, target, mapping = place / "key", place / "out", place / "mapping"
    _write_key(key)
    command = [sys.executable, "-m", "flows", "deidentify", str(source), str(target), "--key-file", str(key)]
    command += ["--profile", profile, "--mapping", str(mapping), "--workers", str(workers), "--no-dicomdir"]
    started = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        words = _words_of(running, target, started, told)
    if running.returncode not in (0, REFUSED_SOME):
        raise RuntimeError(f"sluice deidentify ended with {running.returncode}: {words[-2000:]}")
    outcomes = {row["path"]: row["outcome"] for row in _rows(mapping / "files.csv")}
    uids, patients = (_pairs(mapping / name) for name in ("uid.csv", "patient.csv"))
    return Run(target, outcomes, uids, patients, time.monotonic() - started)


def _words_of(running: subprocess.Popen[str], target: Path, started: float, told: Told) -> str:
    """What the command says, once it is done."""
    while True:
        try:
            return running.communicate(timeout=TELL_EVERY)[0]
        except subprocess.TimeoutExpired:
            seconds = time.monotonic() - started
            told(f"de-identified {sum(1 for _ in target.rglob('*.dcm'))} after {seconds:.0f} s")
            if seconds > TIMEOUT:
                running.kill()
                raise


def _write_key(path: Path) -> None:
    """A key that is always the same, so that a score is, too."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(hashlib.sha256(b"the scorecard's key").hexdigest() + "\n")


def _pairs(path: Path) -> dict[str, str]:
    return {row["id_old"]: row["id_new"] for row in _rows(path)}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
        return list(csv.DictReader(handle))
