"""`python -m tests.scorecard`: plant, de-identify, judge, and print one table a preset."""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.scorecard import claims, history, tables
from tests.scorecard.run import Result, score
from tests.support.places import ROOT, SHARED_DATA

LAST_RUN = "# The last run"


def main() -> int:
    """Run what the command line asks for; 1 where a category fell or lies below its floor."""
    wanted = _arguments()
    if not (SHARED_DATA / "dicom").is_dir():
        print(f"the scorecard plants into the shared corpus, which is not at {SHARED_DATA}", file=sys.stderr)
        return 2
    fell: list[str] = []
    told: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        place = wanted.keep or Path(scratch)
        for profile in ("research", "basic") if wanted.profile == "both" else (wanted.profile,):
            size = {("research", False): "full", ("research", True): "quick", ("basic", False): "basic"}.get(
                (profile, wanted.quick), "quick basic"
            )
            result = score(place / profile, profile, size, wanted.seed, wanted.processes, _tell)
            told.append(tables.report(result))
            print(told[-1], flush=True)
            fell += [f"{profile}: {sentence}" for sentence in _compare(result, wanted)]
    if wanted.report:
        wanted.report.write_text("\n".join(told), encoding="utf-8")
    if wanted.document:
        _document("\n".join(told), wanted.date)
    for sentence in fell:
        print(f"FALLS  {sentence}")
    return 1 if fell else 0


def _compare(result: Result, wanted: argparse.Namespace) -> list[str]:
    tally = history.Tally.of(result)
    fell = history.falls(tally, history.last(history.PATH, result.size, result.profile)) + claims.broken(result)
    if wanted.record:
        history.append(history.PATH, history.entry(result, wanted.date, version("sluice"), _revision()))
        history.write_summary()
    return fell


def _tell(words: str) -> None:
    print(f"  {words}", file=sys.stderr, flush=True)


def _document(told: str, day: str) -> None:
    """Put the tables at the end of docs/scorecard.md, in place of those of the last run."""
    path = ROOT / "docs" / "scorecard.md"
    text = path.read_text(encoding="utf-8").split(LAST_RUN)[0]
    path.write_text(f"{text}{LAST_RUN} of {day}\n\n{told}", encoding="utf-8")


def _revision() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.scorecard", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small one, in about a minute")
    parser.add_argument("--profile", choices=("research", "basic", "both"), default="both")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a new folder that keeps what was planted, the key and the outputs")
    parser.add_argument("--report", type=Path, help="also write the tables there")
    parser.add_argument("--document", action="store_true", help="put the tables into docs/scorecard.md")
    parser.add_argument("--record", action="store_true", help="append the scores to tests/scorecard/history.jsonl")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="the date to record")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
