"""Denoising by curvature flow (Sethian 1999), by SimpleITK: smooths along edges and not across them, in 3D."""

from __future__ import annotations

from pydantic import Field

from tasks.core.steps import Parameters, Step
from tasks.transform.steps.block import Block
from tasks.transform.steps.sitk import one_thread, to_image, to_values


class CurvatureParameters(Parameters):
    """How long the flow runs."""

    iterations: int = Field(5, ge=1, le=100, description="steps of the flow")
    time_step: float = Field(0.0625, gt=0, le=0.0625, description="length of a step; 0.0625 is the longest stable one")


def run(block: Block, parameters: CurvatureParameters) -> Block:
    """`block` after the flow."""
    import SimpleITK as sitk  # noqa: N813 - the name that its own manual gives it

    flow = sitk.CurvatureFlowImageFilter()
    flow.SetNumberOfIterations(parameters.iterations)
    flow.SetTimeStep(parameters.time_step)
    with one_thread():
        return block.with_values(to_values(flow.Execute(to_image(block))))


STEP = Step(
    "denoise-curvature",
    "volume",
    "denoise by curvature flow in 3D",
    CurvatureParameters,
    run,
    version=1,
    packages=("SimpleITK",),
)
