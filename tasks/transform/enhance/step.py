"""The step `srcnn` of the chain: every plane of a volume made finer by weights that are named by their SHA-256.

Never in a chain unless somebody writes it there. The digest is one of its parameters, so it is recorded with the chain.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from tasks.core.errors import ConfigurationError
from tasks.core.steps import Parameters, Step
from tasks.core.workspace import VARIABLE
from tasks.transform.enhance.srcnn import super_resolve
from tasks.transform.enhance.weights import Weights, read_weights
from tasks.transform.steps.block import Block, CannotStep


class SrcnnParameters(Parameters):
    """Which weights, and the range of values that they see as black to white."""

    weights: str = Field(description="the .npz of `sluice enhance train`; a relative path starts at the workspace")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="the SHA-256 of that file")
    range: tuple[float, float] | None = Field(
        None, description="values that count, e.g. [-160, 240] HU; null takes the extremes of each volume"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError("range must rise")
        try:
            self.read()
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return self

    def read(self) -> Weights:
        """The weights; raises `ConfigurationError` where the file is missing or another one."""
        return read_weights(Path(os.environ.get(VARIABLE) or ".", self.weights), self.sha256)


def run(block: Block, parameters: SrcnnParameters) -> Block:
    """`block` with planes `scale` times finer, whose field of view stays; what is out of range becomes its ends."""
    weights = parameters.read()
    values, scale = block.values, weights.scale
    if values.size * scale**2 > block.limit:
        raise CannotStep("the finer volume would be larger than transform.volumes.max_voxels")
    low, high = parameters.range or (float(values.min()), float(values.max()))
    width = np.float32(high - low) or np.float32(1)
    slices, rows, columns = values.shape
    made = np.empty((slices, rows * scale, columns * scale), np.float32)
    for index, plane in enumerate(values):
        finer = super_resolve(np.clip((plane - np.float32(low)) / width, 0, 1), weights)
        made[index] = finer * width + np.float32(low)
    z, y, x = block.spacing
    corner = (1 / scale - 1) / 2  # the first centre moves outwards, since pixels shrink and edges stay
    return block.moved(made, (corner, corner, 0.0), (z, y / scale, x / scale))


STEP = Step(
    "srcnn",
    "volume",
    "make planes finer by a trained network (super-resolution)",
    SrcnnParameters,
    run,
    version=1,
    packages=("numpy", "opencv-python-headless", "pillow"),
)
