"""Matching a histogram to percentile landmarks (Nyul and Udupa 1999, 2000, doi 10.1109/42.836373): for MR.

Landmarks are the values that a reference, or the mean of several, has at the percentiles; `sluice steps --landmarks
SRC` prints them. They are numbers in params.yaml, or a file's, which is named with its digest (reference.py).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from pydantic import Field, model_validator

from tasks.core.errors import ConfigurationError
from tasks.core.steps import Parameters, Step
from tasks.transform.steps.block import Block, CannotStep
from tasks.transform.steps.reference import measure, read_reference

PERCENTILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)


class HistogramParameters(Parameters):
    """Percentiles, and the value that each becomes."""

    landmarks: tuple[float, ...] | None = Field(
        None, description="the value at each percentile; `sluice steps --landmarks SRC`"
    )
    reference: str | None = Field(
        None,
        description="instead of landmarks: a volume (.nii, .nii.gz, .npy) or a file of landmarks (.yaml, .json); a "
        "relative path starts at the workspace",
    )
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-fA-F]{64}$", description="the SHA-256 of reference; `sluice steps --reference FILE`"
    )
    percentiles: tuple[float, ...] = Field(PERCENTILES, description="rising, each within 0 and 100")
    above: float | None = Field(None, description="only voxels above it count, e.g. 0 for MR; null counts all")

    @model_validator(mode="after")
    def _check(self) -> HistogramParameters:
        if (self.landmarks is None) == (self.reference is None):
            raise ValueError("give landmarks, or reference with its sha256")
        if (self.reference is None) != (self.sha256 is None):
            raise ValueError("reference and sha256 go together: `sluice steps --reference FILE` prints both")
        if len(self.percentiles) < 2 or any(after <= before for before, after in pairwise(self.percentiles)):
            raise ValueError("percentiles must rise, and be two at least")
        if self.percentiles[0] < 0 or self.percentiles[-1] > 100:
            raise ValueError("percentiles must be within 0 and 100")
        try:
            landmarks = self.wanted()
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        if len(landmarks) != len(self.percentiles):
            raise ValueError(f"landmarks must be as many as percentiles ({len(self.percentiles)})")
        if any(after <= before for before, after in pairwise(landmarks)):
            raise ValueError("landmarks must rise")
        return self

    def wanted(self) -> tuple[float, ...]:
        """The value that each percentile becomes; raises `ConfigurationError` where the reference can't be used."""
        if self.reference is None or self.sha256 is None:
            return self.landmarks or ()
        return read_reference(self.reference, self.sha256, self.percentiles, self.above)


def run(block: Block, parameters: HistogramParameters) -> Block:
    """`block` by the broken line through the landmarks, which goes on straight beyond its ends."""
    own = measure(block.counted(), parameters.percentiles, parameters.above)
    wanted = np.array(parameters.wanted())
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
    version=2,
    drops_unit=True,
)
