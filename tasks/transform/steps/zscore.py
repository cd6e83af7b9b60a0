"""Standardising a volume: mean 0, standard deviation 1."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tasks.core.steps import Parameters, Step
from tasks.transform.steps.block import Block, CannotStep


class ZscoreParameters(Parameters):
    """Which voxels mean and deviation are of."""

    above: float | None = Field(None, description="only voxels above it count, e.g. 0 for MR; null counts all")


def run(block: Block, parameters: ZscoreParameters) -> Block:
    """(values - mean) / standard deviation of the population, both summed in double precision."""
    chosen = block.counted()
    chosen = chosen if parameters.above is None else chosen[chosen > parameters.above]
    if chosen.size == 0 or chosen.min() == chosen.max():
        raise CannotStep("the voxels that count have no spread")
    mean, deviation = float(chosen.mean(dtype=np.float64)), float(chosen.std(dtype=np.float64))
    return block.with_values((block.values - np.float32(mean)) / np.float32(deviation))


STEP = Step("zscore", "volume", "mean 0, standard deviation 1", ZscoreParameters, run, version=2, drops_unit=True)
