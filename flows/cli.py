"""The `sluice` command. What it does, the Prefect UI does too; `sluice COMMAND --help` is enough to start."""

from __future__ import annotations

import os
import sys
import threading

import typer

from flows.commands import (
    cohort,
    deidentify,
    demo,
    deployments,
    enhance,
    features,
    gates,
    initialise,
    lineage,
    look,
    model,
    params,
    profile,
    pull,
    query,
    register,
    release,
    reproduce,
    retry,
    run,
    sample,
    status,
    steps,
    up,
    volumes,
    withdraw,
)

_FAREWELL = 20.0

app = typer.Typer(
    name="sluice",
    help="From a hospital's Orthanc to a de-identified, versioned dataset and a model that knows its patients.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("init")(initialise.init)
app.command("pull")(pull.pull)
app.command("run")(run.run)
app.command("status")(status.status)
app.command("retry")(retry.retry)
app.command("gates")(gates.gates)
app.command("waive")(gates.waive)
app.add_typer(register.app, name="register")
app.add_typer(release.app, name="release")
app.command("reproduce")(reproduce.reproduce)
app.command("query")(query.query)
app.add_typer(cohort.app, name="cohort")
app.command("sample")(sample.sample)
app.command("up")(up.up)
app.command("backfill")(deployments.backfill)
app.command("train")(run.train)
app.add_typer(model.app, name="model")
app.command("lineage")(lineage.lineage)
app.command("withdraw")(withdraw.withdraw)
app.command("params")(params.params)
app.command("reasons")(params.reasons)
app.command("deidentify")(deidentify.deidentify)
app.command("verify")(deidentify.verify)
app.command("key")(deidentify.key)
app.command("inspect")(volumes.inspect)
app.command("convert")(volumes.convert)
app.command("steps")(steps.steps)
app.command("look")(look.look)
app.command("features")(features.features)
app.add_typer(enhance.app, name="enhance")
app.add_typer(profile.app, name="profile")
app.command("simulate")(demo.simulate)
app.command("demo")(demo.demo)


def main() -> None:
    """Entry point of the `sluice` script."""
    try:
        app()
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else int(end.code is not None))
        raise


def _leave(code: int) -> None:
    """See to it that the process ends: Prefect's client waits for good to hand its events to a server that is gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    last = threading.Timer(_FAREWELL, os._exit, (code,))
    last.daemon = True
    last.start()
