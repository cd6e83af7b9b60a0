"""Cutting series into batches: small enough to retry and to hold in quarantine, large enough to be worth a task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tasks.core.models import Unit
from tasks.core.settings import RunSettings


def cut(units: Sequence[Unit], settings: RunSettings) -> Iterator[tuple[Unit, ...]]:
    """Batches of `units`, in order, none over the limits of `settings` unless it is one series."""
    batch: list[Unit] = []
    instances = size = 0
    for unit in units:
        full = instances + unit.expected > settings.batch_instances or size + unit.bytes > settings.batch_bytes
        if batch and full:
            yield tuple(batch)
            batch, instances, size = [], 0, 0
        batch.append(unit)
        instances += unit.expected
        size += unit.bytes
    if batch:
        yield tuple(batch)
