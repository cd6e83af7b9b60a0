"""Start a deployment on the Prefect server and follow it, as the UI does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment

from tasks.core.errors import TransientSourceError

Tick = Callable[[], None]


def start(name: str, parameters: Mapping[str, Any], idempotency_key: str | None = None) -> FlowRun:
    """Create a run of the deployment `name` ("flow/deployment") and return at once."""
    run = run_deployment(
        name=name, parameters=dict(parameters), idempotency_key=idempotency_key, timeout=0, as_subflow=False
    )
    assert isinstance(run, FlowRun)
    return run


def follow(run: FlowRun, tick: Tick, seconds: float = 3600.0) -> FlowRun:
    """Wait until `run` is final, calling `tick()` twice a second; returns the run with its last state."""
    deadline = time.monotonic() + seconds
    with get_client(sync_client=True) as client:
        while True:
            run = client.read_flow_run(run.id)
            if run.state is not None and run.state.is_final():
                return run
            if time.monotonic() > deadline:
                raise TransientSourceError(f"the run did not end within {seconds:.0f} s: look at it in the Prefect UI")
            tick()
            time.sleep(0.5)
