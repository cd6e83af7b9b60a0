"""Clipping values to a range."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from tasks.core.steps import Parameters, Step
from tasks.transform.steps.block import Values


class ClipParameters(Parameters):
    """The range, in the unit that values have at this place of the chain."""

    low: float | None = Field(None, description="lower values become this; null has no lower end")
    high: float | None = Field(None, description="higher values become this; null has no upper end")

    @model_validator(mode="after")
    def _check(self) -> ClipParameters:
        if self.low is None and self.high is None:
            raise ValueError("give low, high or both")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("low must be below high")
        return self


def run(values: Values, parameters: ClipParameters) -> Values:
    """`values` within the range."""
    low = None if parameters.low is None else np.float32(parameters.low)
    high = None if parameters.high is None else np.float32(parameters.high)
    return np.clip(values, low, high)


STEP = Step("clip", "voxel", "clip values to a range", ClipParameters, run, version=1)
