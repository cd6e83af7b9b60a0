"""`python -m tasks.simulate DIR`: make a synthetic hospital."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tasks.core.entry import guarded, quiet_libraries
from tasks.simulate.hospital import simulate


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, make the hospital, say what is in it; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tasks.simulate",
        description="Make a synthetic hospital: DICOM, reports, tables and an answer key.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes another hospital (default 0)")
    parser.add_argument("--patients", type=int, default=24, help="how many patients, at least 8 (default 24)")
    options = parser.parse_args(arguments)
    quiet_libraries()

    def work() -> None:
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("making the hospital", total=None)
            key = simulate(
                options.folder,
                seed=options.seed,
                patients=options.patients,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        counts = ", ".join(f"{count} {modality}" for modality, count in key.expected.instances.items())
        sys.stdout.write(
            f"simulate: {key.expected.patients} patients, {key.expected.studies} studies, "
            f"{key.expected.series} series; instances: {counts}; "
            f"{len(key.planted)} planted identifiers in {options.folder}\n"
        )

    return guarded(work)


if __name__ == "__main__":
    sys.exit(main())
