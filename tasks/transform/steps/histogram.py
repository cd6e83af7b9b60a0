"""Matching a histogram to percentile landmarks (Nyul and Udupa 1999, 2000, doi 10.1109/42.836373): for MR.

Landmarks are the values that a reference, or the mean of several, has at the percentiles; `sluice steps --landmarks
SRC` prints them. They are numbers in params.yaml, so a chain depends on no file beside it.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from pydantic import Field, model_validator

from tasks.core.steps import Parameters, Step
from tasks.transform.steps.block import Block, CannotStep, Floats, Values

PERCENTILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)


class HistogramParameters(Parameters):
    """Percentiles, and the value that each becomes."""

    landmarks: tuple[float, ...] = Field(description="the value at each percentile; `sluice steps --landmarks SRC`")
    percentiles: tuple[float, ...] = Field(PERCENTILES, description="rising, each within 0 and 100")
    above: float | None = Field(None, description="only voxels above it count, e.g. 0 for MR; null counts all")

    @model_validator(mode="after")
    def _check(self) -> HistogramParameters:
        if len(self.landmarks) != len(self.percentiles) or len(self.landmarks) < 2:
            raise ValueError(f"landmarks must be as many as percentiles ({len(self.percentiles)}), and two at least")
        for name, values in (("landmarks", self.landmarks), ("percentiles", self.percentiles)):
            if any(after <= before for before, after in pairwise(values)):
                raise ValueError(f"{name} must rise")
        if self.percentiles[0] < 0 or self.percentiles[-1] > 100:
            raise ValueError("percentiles must be within 0 and 100")
        return self


def measure(values: Values, percentiles: tuple[float, ...], above: float | None) -> Floats:
    """The values at `percentiles`; raises `CannotStep` where no voxel counts."""
    chosen = values.ravel() if above is None else values[values > above]
    if chosen.size == 0:
        raise CannotStep("no voxel is above the limit")
    return np.asarray(np.percentile(chosen.astype(np.float64), percentiles))


def run(block: Block, parameters: HistogramParameters) -> Block:
    """`block` by the broken line through the landmarks, which goes on straight beyond its ends."""
    own = measure(block.values, parameters.percentiles, parameters.above)
    wanted = np.array(parameters.landmarks)
    kept = np.concatenate([[True], np.diff(own) > 0])  # where percentiles fall together, the first counts
    own, wanted = own[kept], wanted[kept]
    if len(own) < 2:
        raise CannotStep("the voxels that count have no spread")
    slopes = np.diff(wanted) / np.diff(own)
    values = block.values.astype(np.float64)
    found = np.interp(values, own, wanted)
    found += np.minimum(values - own[0], 0) * slopes[0] + np.maximum(values - own[-1], 0) * slopes[-1]
    return block.with_values(found)


STEP = Step(
    "histogram-match",
    "volume",
    "match the histogram to percentile landmarks",
    HistogramParameters,
    run,
    version=1,
    drops_unit=True,
)
