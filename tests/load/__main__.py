"""Run it and print the tables: `python -m tests.load [--instances 20000] [--source folder] [--step year]
[--hospital FOLDER]`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from flows.commands.initialise import make_workspace
from flows.params_file import set_params
from flows.services.orthanc import start_orthanc, upload, wait_until_stable
from flows.services.stack import Stack
from tasks.core.cohort import read_cohort
from tasks.core.workspace import VARIABLE, Workspace
from tasks.record.ledger import Ledger
from tasks.simulate.hospital import simulate
from tests.load.counted import FOLDER
from tests.load.processes import Watch
from tests.support.places import ROOT

A_PATIENT = 23
"""Instances that a patient of the synthetic hospital has, about."""

FIRST, LAST = "2018-01-01", "2026-12-31"
_FLAT = 1.1


def main() -> None:
    """Make the hospital, run the backfill, run again with nothing new, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--instances", type=int, default=20_000)
    parser.add_argument("--source", choices=("folder", "orthanc"), default="folder")
    parser.add_argument("--step", choices=("week", "month", "year"), default="year")
    parser.add_argument("--folder", type=Path, default=Path("load"), help="a new folder; removed at the end")
    parser.add_argument("--hospital", type=Path, help="one that was made before; --instances doesn't matter then")
    parser.add_argument("--keep", action="store_true", help="leave the folder there")
    given = parser.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True)
    try:
        hospital = given.hospital.resolve() if given.hospital else _make_hospital(folder, given.instances)
        _measure(folder, hospital, given.source, given.step)
    finally:
        if not given.keep:
            shutil.rmtree(folder)


def _make_hospital(folder: Path, instances: int) -> Path:
    began = time.monotonic()
    simulate(folder / "hospital", patients=max(8, instances // A_PATIENT))
    _say(f"hospital made in {time.monotonic() - began:.0f} s")
    return folder / "hospital"


def _measure(folder: Path, hospital: Path, source: str, step: str) -> None:
    workspace = _workspace(folder, hospital, source)
    counts = folder / "counts"
    counts.mkdir()
    os.environ |= {VARIABLE: str(workspace.root), FOLDER: str(counts), "PYTHONPATH": str(ROOT)}
    if source == "orthanc":
        with start_orthanc(folder / "orthanc") as orthanc:
            began = time.monotonic()
            sent = upload(orthanc, hospital / "dicom")
            wait_until_stable(orthanc, 120)
            _say(f"{sent} sent to Orthanc in {time.monotonic() - began:.0f} s")
            os.environ |= orthanc.environment
            _runs(workspace, counts, step)
    else:
        _runs(workspace, counts, step)


def _workspace(folder: Path, hospital: Path, source: str) -> Workspace:
    workspace = make_workspace(folder / "workspace")
    pipeline = workspace.root / "prefect.yaml"
    text = pipeline.read_text(encoding="utf-8")
    pipeline.write_text(text.replace("flows.build_dataset.build_dataset", "tests.load.counted.build_dataset"))
    values = {
        "extract.source": source,
        "extract.folder": str(hospital / "dicom") if source == "folder" else None,
        "extract.labels_csv": str(hospital / "labels.csv"),
        "extract.ehr_csv": str(hospital / "ehr.csv"),
    }
    return set_params(workspace, values)


def _runs(workspace: Workspace, counts: Path, step: str) -> None:
    with Stack(workspace, say=_say) as stack:
        stack.wait()
        os.environ.update(stack.environment)
        stack.start_worker()
        for deploying in counts.iterdir():  # it imports the flow too, and is no part of a backfill
            deploying.unlink()
        watch = Watch(os.getpid())
        try:
            wall = _sluice("backfill", FIRST, LAST, "--step", step, by="tests.load.backfill")
        finally:
            watch.end()
        _costs(watch, [json.loads(path.read_text(encoding="utf-8")) for path in counts.glob("*.json")], wall)
        _memory(watch)
        again = _sluice("run")
    with Ledger.open(workspace) as ledger:
        cohort = read_cohort(workspace)
        tally = ledger.tally(cohort)
    _say(f"\n{tally.expected} instances in {len(cohort.units)} series, {tally.released} released")
    _say(f"the books balance: {tally.balances}")
    _say(f"a run that finds nothing new: {again:.1f} s, {1000 * again / len(cohort.units):.2f} s a 1,000 series")


def _sluice(*words: str, by: str = "flows") -> float:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", by, *words], capture_output=True, text=True, check=False)
    _say(done.stdout.strip() or done.stderr.strip())
    if done.returncode:
        raise SystemExit(f"sluice {words[0]} ended with {done.returncode}: {done.stderr}")
    return time.monotonic() - began


def _costs(watch: Watch, counted: list[dict[str, Any]], wall: float) -> None:
    work = sum(one["work"] + one["children"] for one in counted)
    outside = {
        role: [one["own"] - one["work"] for one in counted if one["role"] == role] for role in ("window", "backfill")
    }
    parts = {
        "Prefect's server": watch.seconds("prefect server"),
        "Prefect's worker": watch.seconds("worker"),
        "the backfill, outside of its look at the source": sum(outside["backfill"]),
        f"{len(outside['window'])} runs, outside the stages (start, imports, Prefect, leases)": sum(outside["window"]),
    }
    total = work + sum(parts.values())
    _say(f"\n| CPU time of the backfill, {wall:.0f} s | s | share |\n|---|---|---|")
    _say(f"| the stages' work | {work:.0f} | {work / total:.1%} |")
    for name, seconds in parts.items():
        _say(f"| {name} | {seconds:.0f} | {seconds / total:.1%} |")
    _say(f"| orchestration in all | {total - work:.0f} | {1 - work / total:.1%} |")


def _memory(watch: Watch) -> None:
    _say("\n| largest process, MB | second quarter | last quarter | most | flat |\n|---|---|---|---|---|")
    for role, second, last, most in watch.rows():
        _say(f"| {role} | {second:.0f} | {last:.0f} | {most:.0f} | {'yes' if last <= _FLAT * second else 'NO'} |")


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


main()
