"""How a plain function becomes a Prefect task: retried on what may pass, never cached, and silent about patients.

The ledger knows what is done, so Prefect's own cache and persisted results are off.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import flow_run
from prefect.tasks import exponential_backoff

from tasks.core.entry import plainly, quiet_libraries
from tasks.core.errors import SluiceError, TransientSourceError
from tasks.core.files import told_plainly
from tasks.core.workspace import Workspace
from tasks.record.models.openlineage import running

P = ParamSpec("P")
R = TypeVar("R")

RETRIES = 3


class UnexpectedError(SluiceError):
    """A bug or a broken machine, told by type and place only: the original text may quote a header."""

    exit_code = 70


def retryable(
    name: str, *, retries: int = RETRIES, run_name: str | None = None
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Decorate a plain function as the task `name`."""

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        return task(
            name=name,
            task_run_name=run_name,
            retries=retries,
            retry_delay_seconds=exponential_backoff(backoff_factor=2),
            retry_jitter_factor=1,
            retry_condition_fn=_may_pass,
            cache_policy=NO_CACHE,
            persist_result=False,
            log_prints=False,
        )(_silenced(function, name))

    return decorate


def _silenced(function: Callable[P, R], name: str) -> Callable[P, R]:
    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        quiet_libraries()
        try:
            workspace = Workspace.find()
            with told_plainly(workspace.data), running(workspace, name, str(flow_run.id or "")) as told:
                told.result = function(*args, **kwargs)
                return told.result  # type: ignore[no-any-return]
        except SluiceError:
            raise
        except Exception as error:
            raise UnexpectedError(plainly(error)) from None

    return call


def _may_pass(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    try:
        state.result()
    except TransientSourceError:
        return True
    except BaseException:
        return False
    return False
