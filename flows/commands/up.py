"""`sluice up`: the services, the pages and a worker of this workspace, until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from flows.commands.common import WorkspaceOption, command, console, open_workspace


@command
def up(
    workspace: WorkspaceOption = None,
    orthanc: Annotated[
        bool, typer.Option("--orthanc", help="Start an Orthanc of our own too, kept in data/services/orthanc.")
    ] = False,
) -> None:
    """Start Prefect, MLflow and a worker, register the deployments, and keep them running until Ctrl-C.

    The Prefect UI then offers build_dataset, backfill, train_model and others, each with a form. The pages of data/docs
    and data/look (gates, lineage, contact sheets) are served too, and artifacts of runs link to them. These three
    listen on loopback, and ask for the passwords that are printed here.
    """
    from flows.services.orthanc import binds_every_interface
    from flows.services.stack import Stack

    place = open_workspace(workspace)
    _ = place.pseudonymiser
    done = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: done.set())
    with Stack(place, with_orthanc=orthanc) as stack:
        with console.status("starting Prefect, MLflow and the pages"):
            stack.wait()
        with console.status("registering the deployments of prefect.yaml"):
            stack.start_worker()
        for name, address in stack.addresses().items():
            console.print(f"{name:<9} {address}")
        if stack.orthanc and binds_every_interface(stack.orthanc):
            console.print(
                "this Orthanc is too old to bind loopback alone: it refuses who isn't local; close its port in the "
                "firewall too"
            )
        console.print("a worker is waiting for runs; Ctrl-C stops everything")
        while not done.wait(2):
            stack.check()
        console.print("stopping")
