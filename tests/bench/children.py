"""The programs as child processes: an environment of its own for each, and rounds on command.

Environments are made once under `.bench/` in the checkout, with venv and pip; a program that cannot be installed is
left out, and the table says so.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / ".bench"
WORK = Path(__file__).with_name("work.py")
# Release numbers are those that the issue measured.
REQUIREMENTS = {
    "dicognito": ("dicognito==0.19.0",),
    "dicom-anonymizer": ("dicom-anonymizer==2.1.0",),
    "deid": ("deid==0.4.13",),
}


class Unavailable(Exception):
    """A program that cannot run here; the text says why."""


class Child:
    """One program, started and warm."""

    def __init__(self, name: str, warm_up: Path, folder: Path) -> None:
        """Start `name` and let it handle one file; raises `Unavailable`."""
        self.name = name
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder.parent / f"{name}.log").open("w+")
        self._process = subprocess.Popen(
            [str(interpreter(name)), str(WORK), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.run([warm_up])

    def run(self, files: list[Path], *, overwrite: bool = False) -> dict[str, Any]:
        """Handle the files into new ones: {"cpu": seconds, "refused": count}. Deleting the old is not counted.

        With `overwrite` the old ones stay and are written over.
        """
        for old in self.folder.iterdir() if not overwrite else ():
            old.unlink()
        order = json.dumps({"files": [str(path) for path in files], "folder": str(self.folder)})
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(order + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._process.wait()
            self._log.seek(0)
            raise Unavailable((self._log.read().strip().splitlines() or ["it ended without a word"])[-1])
        result: dict[str, Any] = json.loads(answer)
        return result

    def close(self) -> None:
        """End the program and delete what it wrote."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._log.close()
        shutil.rmtree(self.folder)


def interpreter(name: str) -> Path:
    """The Python that runs `name`; makes its environment where there is none yet. Raises `Unavailable`."""
    wanted = REQUIREMENTS.get(name)
    if wanted is None:
        return Path(sys.executable)
    folder = BENCH / name
    python, stamp = folder / "bin" / "python", folder / ".requirements"
    if not stamp.exists() or stamp.read_text().split() != list(wanted):
        print(f"installing {' '.join(wanted)} into {folder.relative_to(ROOT)}", flush=True)
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Unavailable((done.stderr.strip().splitlines() or ["pip failed"])[-1])
        stamp.write_text("\n".join(wanted))
    return python
