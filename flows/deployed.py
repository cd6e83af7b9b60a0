"""Start a deployment on the Prefect server and follow it, as the UI does. A server that is away is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from tenacity import retry, retry_if_exception, stop_after_delay, wait_exponential

from flows.shown import is_away
from tasks.core.errors import TransientSourceError

Tick = Callable[[], None]
_PATIENCE = 600.0

_patiently = retry(
    stop=stop_after_delay(_PATIENCE),
    wait=wait_exponential(multiplier=1, max=20),
    retry=retry_if_exception(is_away),
    reraise=True,
)


def start(name: str, parameters: Mapping[str, Any], idempotency_key: str | None = None) -> FlowRun:
    """Create a run of the deployment `name` ("flow/deployment") and return at once."""
    run = run_deployment(
        name=name, parameters=dict(parameters), idempotency_key=idempotency_key, timeout=0, as_subflow=False
    )
    assert isinstance(run, FlowRun)
    return run


@_patiently
def start_once(name: str, parameters: Mapping[str, Any], idempotency_key: str) -> FlowRun:
    """`start`, asked again while the server is away: the key makes that harmless."""
    return start(name, parameters, idempotency_key)


@_patiently
def look(run: FlowRun) -> FlowRun:
    """The run as it is now."""
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run.id)


def follow(run: FlowRun, tick: Tick = lambda: None, seconds: float = 3600.0, every: float = 0.5) -> FlowRun:
    """Wait until `run` is final, calling `tick()` at each look; returns the run with its last state."""
    deadline = time.monotonic() + seconds
    while True:
        run = look(run)
        if run.state is not None and run.state.is_final():
            return run
        if time.monotonic() > deadline:
            raise TransientSourceError(f"the run did not end within {seconds:.0f} s: look at it in the Prefect UI")
        tick()
        time.sleep(every)
