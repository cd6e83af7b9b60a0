"""Batches: every series once and in order, and no batch larger than it may be."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tasks.core.batches import cut
from tasks.core.models import Unit
from tasks.core.settings import RunSettings


def unit(number: int, expected: int, size: int) -> Unit:
    return Unit(
        unit=f"u{number}", patient="p", study="s", modality="CT", expected=expected, bytes=size, fingerprint="f"
    )


SIZES = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), max_size=40)


@given(SIZES, st.integers(1, 50), st.integers(1, 50))
def test_nothing_is_lost_or_moved_and_only_a_single_series_exceeds_a_limit(
    sizes: list[tuple[int, int]], instances: int, size: int
) -> None:
    units = [unit(number, *facts) for number, facts in enumerate(sizes)]
    batches = list(cut(units, RunSettings(batch_instances=instances, batch_bytes=size)))
    assert [one for batch in batches for one in batch] == units
    for batch in batches:
        fits = sum(one.expected for one in batch) <= instances and sum(one.bytes for one in batch) <= size
        assert fits or len(batch) == 1


@given(SIZES, st.integers(1, 50), st.integers(1, 50))
def test_a_batch_ends_only_where_the_next_series_would_not_fit(
    sizes: list[tuple[int, int]], instances: int, size: int
) -> None:
    units = [unit(number, *facts) for number, facts in enumerate(sizes)]
    batches = list(cut(units, RunSettings(batch_instances=instances, batch_bytes=size)))
    for batch, following in itertools.pairwise(batches):
        grown = [*batch, following[0]]
        assert sum(one.expected for one in grown) > instances or sum(one.bytes for one in grown) > size
