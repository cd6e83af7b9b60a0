"""From the source to images: cuts series into batches and chains extract, de-identify and transform for each.

A batch carries about 500 instances or 256 MB: small enough to retry, large enough that a task run's 10 to 30 ms don't
count. Batches run side by side on threads; the work itself is done by one shared pool of processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture

from tasks.core.batches import cut
from tasks.core.errors import SluiceError, TransientSourceError
from tasks.core.models import Unit
from tasks.core.pool import WorkerPool
from tasks.core.workspace import Workspace
from tasks.deidentify.stage import unfinished as not_deidentified
from tasks.deidentify.task import deidentify_batch
from tasks.extract.select import Selection
from tasks.extract.source import Source
from tasks.extract.task import extract_batch
from tasks.record.ledger import Ledger
from tasks.transform.stage import unfinished as not_transformed
from tasks.transform.task import transform_batch


def process(
    workspace: Workspace,
    ledger: Ledger,
    source: Source,
    selection: Selection,
    units: Sequence[Unit],
    run_key: str,
) -> int:
    """Bring `units` to images and rows; returns how many needed work. Raises if a whole batch failed."""
    fetch = not_deidentified(workspace, ledger, units)
    wanted = {unit.unit for unit in fetch}
    todo = fetch + [unit for unit in not_transformed(workspace, ledger, units) if unit.unit not in wanted]
    if not todo:
        return 0
    batches = list(cut(todo, workspace.settings.run))
    progress = create_progress_artifact(progress=0.0, key="series", description="Series brought to images")
    assert isinstance(progress, UUID)  # in a synchronous flow it is no coroutine
    steps: list[PrefectFuture[int]] = []
    last: list[PrefectFuture[int]] = []
    with WorkerPool(workspace.settings.run.processes) as pool:
        for number, batch in enumerate(batches, 1):
            label = f"batch {number} of {len(batches)}"
            fresh = tuple(unit for unit in batch if unit.unit in wanted)
            clean: list[PrefectFuture[int]] = []
            if fresh:
                fetched = extract_batch.submit(label, workspace, ledger, source, selection, fresh, run_key)
                clean = [
                    deidentify_batch.submit(
                        label, workspace, ledger, fresh, pool, wait_for=[fetched], return_state=False
                    )
                ]
                steps += [fetched, *clean]
            last.append(
                transform_batch.submit(label, workspace, ledger, batch, pool, wait_for=clean, return_state=False)
            )
        for done, future in enumerate(last, 1):
            future.wait()
            update_progress_artifact(progress, 100.0 * done / len(last))
        _raise_first(steps + last)
    return len(todo)


def _raise_first(futures: Sequence[PrefectFuture[int]]) -> None:
    # A failed future that nobody looks at would leave the flow Completed.
    failed = [future.state for future in futures if not future.state.is_completed()]
    for state in failed:
        if state.is_failed() or state.is_crashed():
            get_run_logger().error("%d of %d batch steps did not finish", len(failed), len(futures))
            raise _error_of(state)


def _error_of(state: State[int]) -> SluiceError:
    try:
        state.result()
    except SluiceError as error:
        return error
    except Exception as error:
        return TransientSourceError(f"a batch ended with {type(error).__name__}; run again and it goes on from here")
    return TransientSourceError("a batch did not finish; run again and it goes on from here")
