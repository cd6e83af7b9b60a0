"""Resampling to voxels of the same length along all axes, centres aligned as IBSI recommends (2.4)."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from tasks.core.settings.radiomics import Interpolation
from tasks.core.steps import Parameters, Step
from tasks.transform.radiomics.interpolate import interpolate_image, plan
from tasks.transform.steps.block import Block
from tasks.transform.steps.sitk import one_thread


class IsotropicParameters(Parameters):
    """The length of a voxel, and how values between voxels are found."""

    spacing: float | None = Field(
        None, ge=0.01, le=100, description="mm; null is the smallest distance that the volume has"
    )
    method: Literal["nearest", "linear", "cubic"] = Field("linear", description="interpolation; cubic is a B-spline")


def run(block: Block, parameters: IsotropicParameters) -> Block:
    """`block` on the new grid, which covers the old one and has the same centre. Raises for more than `block.limit`."""
    x, y, z = block.spacing[::-1]
    wanted = parameters.spacing or min(x, y, z)
    settings = Interpolation(spacing=(wanted, wanted, wanted), method=parameters.method)
    depth, height, width = block.values.shape
    lattice = plan((depth, height, width), (x, y, z), settings)
    block.check_size(math.prod(lattice.shape))
    with one_thread():
        values = interpolate_image(block.values, (x, y, z), lattice, settings)
    first = tuple(origin / old for origin, old in zip(lattice.origin, (x, y, z), strict=True))
    return block.moved(values, (first[0], first[1], first[2]), (wanted, wanted, wanted))


STEP = Step(
    "isotropic",
    "volume",
    "resample to voxels of the same length along all axes",
    IsotropicParameters,
    run,
    version=1,
    packages=("SimpleITK",),
)
