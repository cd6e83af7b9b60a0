"""The demo: a made-up hospital's Orthanc, every service, the main job and a model; all that is started is stopped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from prefect.client.schemas.objects import FlowRun
from rich.console import Console
from rich.progress import Progress

from flows import deployed
from flows.commands.initialise import make_workspace
from flows.params_file import set_params
from flows.services.orthanc import find_orthanc, upload, wait_until_stable
from flows.services.stack import Stack
from flows.summary import print_summary
from flows.watch import Watch
from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.workspace import VARIABLE, Workspace

MARK = ".sluice-demo"


def demonstrate(directory: Path, seed: int, patients: int, console: Console) -> None:
    """Make the demo anew in `directory` and run it to its summary."""
    began = time.monotonic()
    root = directory.resolve()
    _fresh(root)
    hospital = root / "hospital"
    simulation = _simulation(hospital, seed, patients)
    workspace = make_workspace(root / "workspace")
    with_orthanc = find_orthanc() is not None
    if not with_orthanc:
        console.print("Orthanc is not installed, so the demo reads the hospital's files from a folder instead")
    workspace = set_params(
        workspace,
        {
            "extract.source": "orthanc" if with_orthanc else "folder",
            "extract.folder": None if with_orthanc else "../hospital/dicom",
            "extract.labels_csv": "../hospital/labels.csv",
            "extract.ehr_csv": "../hospital/ehr.csv",
            "export.name": "heart",
            "export.title": "Synthetic hearts",
            "export.description": "CT, MR, radiographs and ultrasound of patients who do not exist.",
            "export.license": "CC0-1.0",
            "export.creator": "Sluice demo",
        },
    )
    os.environ[VARIABLE] = str(workspace.root)
    with Stack(workspace, with_orthanc) as stack:
        with console.status("making the hospital; starting Prefect, MLflow and Orthanc"):
            if simulation.wait() != 0:
                raise ConfigurationError("the synthetic hospital could not be made: see above")
            stack.wait()
        os.environ.update(stack.environment)
        _fill(stack, hospital / "dicom", console)
        with console.status("registering the deployments"):
            stack.start_worker()
        built = _run_deployment(workspace, "build_dataset/build_dataset", "from the source to a release", console)
        trained = _run_deployment(workspace, "train_model/train_model", "training the baseline", console)
        print_summary(workspace, console)
    for name, run in (("build_dataset", built), ("train_model", trained)):
        if run.state:
            console.print(f"{name:<14} {run.state.name}: {run.state.message}", markup=False)
    console.print(f"took           {time.monotonic() - began:.0f} s; everything that was started is stopped")
    console.print(
        f"to look around sluice up --workspace {_shown(workspace.root)}{' --orthanc' if with_orthanc else ''}"
    )


def _simulation(target: Path, seed: int, patients: int) -> subprocess.Popen[bytes]:
    command_line = [
        sys.executable,
        "-m",
        "tasks.simulate",
        str(target),
        "--seed",
        str(seed),
        "--patients",
        str(patients),
    ]
    return subprocess.Popen(command_line)


def _fresh(root: Path) -> None:
    if root.exists() and any(root.iterdir()):
        if not (root / MARK).exists():
            raise ConfigurationError(f"{root} is not empty and no demo: choose another place with --directory")
        shutil.rmtree(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / MARK).touch()


def _fill(stack: Stack, folder: Path, console: Console) -> None:
    if stack.orthanc is None:
        return
    with Progress(console=console) as progress:
        bar = progress.add_task("filling Orthanc", total=None)
        counts = upload(stack.orthanc, folder, lambda done, total: progress.update(bar, completed=done, total=total))
    console.print(
        f"Orthanc took {counts.accepted} instances, {counts.already} more it had already, "
        f"and it refused {counts.refused} files as damaged or not DICOM"
    )
    with console.status("waiting until Orthanc calls every series stable"):
        wait_until_stable(stack.orthanc)


def _run_deployment(workspace: Workspace, name: str, title: str, console: Console) -> FlowRun:
    run = deployed.start(name, {})
    with Watch(workspace, console, title) as watch:
        run = deployed.follow(run, watch.tick)
    if run.state is None or not run.state.is_completed():
        reason = run.state.message if run.state else "no state"
        raise ContractViolation(f"{name.split('/')[0]} ended {run.state_name}: {reason}")
    return run


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
